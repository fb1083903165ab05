"""Upper bound of the conditional entropy of the right option from conformal set sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import xlogy

from ...frames.blocks import Shown
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

BOUND_COLUMNS = (
    *("model", "task", "topic", "method", "alpha", "n", "mean_log_size", "mean_log_options"),
    *("bound", "measured_entropy", "uniform"),
)


def conformal_entropy_bound(alpha: float, options: float, mean_log_size: float) -> float:
    """Compute h(α) + α ln K + (1 - α) E ln(set size), an upper bound of H(Y | X) in nats.

    Args:
        alpha: error rate of the sets, in [0, 1].
        options: number of options K, or exp of the mean of ln K.
        mean_log_size: mean of ln(set size); an empty set counts as one option.

    References:
        Conformal Information Pursuit, arXiv 2507.03279; Correia et al. 2024, arXiv 2405.02140.
    """
    binary = -float(xlogy(alpha, alpha) + xlogy(1 - alpha, 1 - alpha))
    return binary + alpha * float(np.log(options)) + (1 - alpha) * mean_log_size


@benchmark_analysis(
    file="conformal_bounds",
    title="How much a model leaves open, by conformal sets",
    meaning="Bound in nats on what the model leaves open about the right option, H(Y | X) ≤ h(α) + "
    "α ln K + (1 - α) E ln(set size): a difficulty of topics that needs no calibrated "
    "probabilities. The measured mean option entropy below the bound is a model that is too sure.",
    limits="The bound holds for all questions together, on which the sets are calibrated; by topic "
    "it is a description. Above ln K it says nothing.",
    requires="option probabilities with the right option",
    source="arXiv 2507.03279; arXiv 2405.02140",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "topic", "method")),
        Shown("α", "alpha", "plain3"),
        Shown("n", "n", "count"),
        Shown("bound (nats)", "bound"),
        Shown("mean option entropy", "measured_entropy"),
        Shown("mean ln K", "uniform"),
    ),
    shown=lambda frame: frame[frame["alpha"].eq(0.1)],
)
def compute_conformal_bounds(study: Study) -> pd.DataFrame:
    """Compute the bound per model, task, method, α and topic, beside the measured entropy."""
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        sets, options = study.facts("sets", evaluation), study.facts("options", evaluation)
        if sets.empty:
            continue
        measured = np.full(evaluation.errors.size, np.nan)
        for row, p in zip(options["row"], options["probabilities"], strict=True):
            known = np.asarray(p, dtype=np.float64)
            measured[int(row)] = -float(xlogy(known, known).sum())
        groups = {"all": np.arange(evaluation.errors.size), **evaluation.topics}
        for (method, alpha), part in sets.groupby(["method", "alpha"], sort=False):
            rows = part["row"].to_numpy(dtype=np.int64)
            sizes = np.log(np.maximum(part["size"].to_numpy(dtype=np.float64), 1.0))
            counts = np.log(part["options"].to_numpy(dtype=np.float64))
            for topic, members in groups.items():
                inside = np.isin(rows, members)
                if not inside.any():
                    continue
                mean_size, mean_count = float(sizes[inside].mean()), float(counts[inside].mean())
                level = float(str(alpha))
                bound = conformal_entropy_bound(level, float(np.exp(mean_count)), mean_size)
                records.append(
                    {
                        **{"model": evaluation.model, "task": evaluation.task, "topic": topic},
                        **{"method": method, "alpha": level, "n": int(inside.sum())},
                        **{"mean_log_size": mean_size, "mean_log_options": mean_count},
                        **{"bound": bound, "uniform": mean_count},
                        "measured_entropy": float(np.nanmean(measured[rows[inside]])),
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(BOUND_COLUMNS))
