"""The entropy mechanism: accuracy against the exponential of the mean entropy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import linregress

from ...frames.blocks import Shown
from ...statistics.ranking import FloatArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

MECHANISM_COLUMNS = (
    *("task", "over", "of", "estimator", "name", "n", "mean_entropy", "accuracy", "fitted"),
    *("residual", "a", "b", "r_squared", "p", "groups"),
)
FEWEST_GROUPS = 4


def mechanism(entropy: FloatArray, accuracy: FloatArray) -> tuple[float, float, float, float]:
    """Fit accuracy = -a exp(H) + b by least squares.

    Args:
        entropy: (g,) mean entropy of each group, nats.
        accuracy: (g,) accuracy of each group.

    Returns:
        a, b, R² and the p-value of a = 0; NaN where all entropies are equal.

    References:
        Cui et al. 2025, arXiv 2505.22617, for rewards in reinforcement learning.
    """
    x = np.exp(entropy)
    if np.ptp(x) < 1e-12:
        return (float("nan"),) * 4
    fit = linregress(x, accuracy)
    return -float(fit.slope), float(fit.intercept), float(fit.rvalue) ** 2, float(fit.pvalue)


@benchmark_analysis(
    file="entropy_mechanism",
    title="Entropy mechanism",
    meaning="Least-squares fit accuracy = -a exp(mean entropy) + b over the topics of a model, and "
    "over the models on a task. A negative residual marks a topic, or a model, that is less "
    "accurate than its entropy promises: overconfident.",
    limits="With p above 0.05 entropy does not explain accuracy here, and residuals mean nothing; "
    "topics differ in the number of options too.",
    requires="an entropy in four topics or of four models",
    source="arXiv 2505.22617",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "over", "of", "estimator", "name")),
        Shown("mean entropy", "mean_entropy"),
        Shown("accuracy", "accuracy"),
        Shown("residual", "residual", "signed"),
        Shown("R²", "r_squared"),
        Shown("p", "p", "p"),
    ),
)
def compute_entropy_mechanism(study: Study) -> pd.DataFrame:
    """Fit the mechanism over topics (per model) and over models (per task), per entropy.

    `over` is "topics" or "models", `of` the model whose topics they are, `name` the topic or model;
    residual: accuracy minus fitted value. On questions with an answer and a score.
    """
    records: list[dict[str, Any]] = []
    for task in study.tasks:
        by_model: dict[str, list[tuple[str, int, float, float]]] = {}
        for evaluation in study.on(task):
            for k in study.columns(evaluation, "is_entropy"):
                name = evaluation.estimators[k]
                known = np.isfinite(evaluation.raw[:, k]) & ~evaluation.unparsed
                groups = []
                for topic, members in {"": np.arange(known.size), **evaluation.topics}.items():
                    rows = members[known[members]]
                    if rows.size:
                        mean = float(evaluation.raw[rows, k].mean())
                        right = float((~evaluation.errors[rows]).mean())
                        groups.append((topic, int(rows.size), mean, right))
                records += _fit(task, "topics", evaluation.model, name, groups[1:])
                if groups:
                    by_model.setdefault(name, []).append((evaluation.model, *groups[0][1:]))
        for name, models in by_model.items():
            records += _fit(task, "models", "", name, models)
    return pd.DataFrame.from_records(records, columns=list(MECHANISM_COLUMNS))


def _fit(
    task: str, over: str, of: str, name: str, groups: list[tuple[str, int, float, float]]
) -> list[dict[str, Any]]:
    if len(groups) < FEWEST_GROUPS:
        return []
    entropy, accuracy = (np.array([group[i] for group in groups]) for i in (2, 3))
    a, b, r_squared, p = mechanism(entropy, accuracy)
    fitted = b - a * np.exp(entropy)
    return [
        {
            **{"task": task, "over": over, "of": of, "estimator": name, "name": group[0]},
            **{"n": group[1], "mean_entropy": group[2], "accuracy": group[3]},
            **{"fitted": float(value), "residual": group[3] - float(value)},
            **{"a": a, "b": b, "r_squared": r_squared, "p": p, "groups": len(groups)},
        }
        for group, value in zip(groups, fitted, strict=True)
    ]
