"""Does an estimator lose its power as questions need more steps? Trends over ordered strata."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ..metrics.evaluation import Evaluation
from ..statistics.delong import delong_covariance
from ..statistics.intervals import enough, newcombe_interval
from ..statistics.ranking import BoolArray
from ..statistics.testing import SPREADLESS, holm, trend_test
from .task_analysis import task_analysis

ORDERED = ("reasoning_steps", "education_level", "requires_reasoning", "requires_knowledge")
TREND_COLUMNS = (
    *("model", "task", "estimator", "stratum", "values", "n", "n_errors", "roc_auc"),
    *("slope", "z", "p", "p_holm", "family_size"),
)


@task_analysis(file="trends")
def compute_trends(evaluation: Evaluation) -> pd.DataFrame:
    """Per estimator and ordered stratum a straight line through the ROC AUCs of its values.

    `values`, `n`, `n_errors` and `roc_auc` list the groups in ascending order; `slope` is the
    change of the AUC per step, weighted by DeLong's precision, `p` the two-sided test of no slope,
    Holm-adjusted over the estimators of the stratum. A group with too few errors or right answers
    for an interval is listed, but the line does not pass through it.
    """
    records: list[dict[str, Any]] = []
    for stratum in ORDERED:
        groups = [name for name in evaluation.strata if name.startswith(f"{stratum}=")]
        if len(groups) < 2:
            continue
        family = [_trend(evaluation, k, stratum, groups) for k in range(len(evaluation.estimators))]
        known = [record for record in family if not np.isnan(record["p"])]
        adjusted = holm([record["p"] for record in known])
        for record, p in zip(known, adjusted, strict=True):
            records.append(record | {"p_holm": float(p), "family_size": len(known)})
    return pd.DataFrame.from_records(records, columns=list(TREND_COLUMNS))


def _variance(area: float, delong: float, errors: BoolArray) -> float:
    """DeLong's variance; Newcombe's where that is 0; NaN with too few errors or right answers."""
    wrong = int(errors.sum())
    if not enough(wrong, errors.size):
        return float("nan")
    if delong > SPREADLESS**2:
        return delong
    low, high = newcombe_interval(area, wrong, errors.size - wrong)
    return float(((high - low) / (2 * norm.ppf(0.975))) ** 2)


def _trend(evaluation: Evaluation, k: int, stratum: str, groups: list[str]) -> dict[str, Any]:
    areas, variances, counts, wrong = [], [], [], []
    for group in groups:
        members = evaluation.strata[group]
        members = members[~np.isnan(evaluation.scores[members, k])]
        errors = evaluation.errors[members]
        value, covariance = delong_covariance(errors, evaluation.scores[members, k][:, None])
        areas.append(float(value[0]))
        variances.append(_variance(float(value[0]), float(covariance[0, 0]), errors))
        counts.append(int(errors.size))
        wrong.append(int(errors.sum()))
    found = trend_test(areas, variances)
    return {
        **{"model": evaluation.model, "task": evaluation.task},
        **{"estimator": evaluation.estimators[k], "stratum": stratum},
        "values": ", ".join(group.split("=", 1)[1] for group in groups),
        "n": ", ".join(map(str, counts)),
        "n_errors": ", ".join(map(str, wrong)),
        "roc_auc": ", ".join(f"{area:.6f}" for area in areas),
        **{"slope": found.slope, "z": found.z, "p": found.p},
    }
