"""Do two estimators say the same? Rank correlation, and what a second one adds to a first."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ..metrics.evaluation import Evaluation
from ..statistics.ranking import FloatArray, roc_auc
from .task_analysis import task_analysis

COMPLEMENTARITY_COLUMNS = (
    *("model", "task", "estimator_a", "estimator_b", "n", "n_errors", "spearman"),
    *("roc_auc_a", "roc_auc_b", "roc_auc_both", "gain", "found_by_b", "found_by_a"),
)


@task_analysis(file="complementarity")
def compute_complementarity(evaluation: Evaluation) -> pd.DataFrame:
    """One row per pair of estimators, on the questions with an answer that both scored.

    spearman: rank correlation in [-1, 1], 0 for a constant score. roc_auc_both: of the mean of
    both ranks; gain: that minus the better of the two alone. found_by_b: of the errors in the more
    certain half of a, the share in the less certain half of b (ranks above the mean); found_by_a
    likewise.
    """
    records: list[dict[str, Any]] = []
    parsed = ~evaluation.unparsed
    pairs = combinations(range(len(evaluation.estimators)), 2)
    ranked: dict[tuple[bytes, int], tuple[FloatArray, float]] = {}
    for i, j in pairs:
        common = parsed & ~np.isnan(evaluation.raw[:, [i, j]]).any(axis=1)
        errors = evaluation.errors[common]
        if errors.size < 2 or errors.all() or not errors.any():
            continue
        key, found = common.tobytes(), []
        for k in (i, j):
            if (key, k) not in ranked:
                ranks = rankdata(evaluation.raw[common, k])
                ranked[key, k] = (ranks, roc_auc(errors, ranks))
            found.append(ranked[key, k])
        (a, area_a), (b, area_b) = found
        both = roc_auc(errors, a + b)
        middle = (errors.size + 1) / 2
        records.append(
            {
                **{"model": evaluation.model, "task": evaluation.task},
                "estimator_a": evaluation.estimators[i],
                "estimator_b": evaluation.estimators[j],
                **{"n": errors.size, "n_errors": int(errors.sum()), "spearman": _correlation(a, b)},
                **{"roc_auc_a": area_a, "roc_auc_b": area_b, "roc_auc_both": both},
                "gain": both - max(area_a, area_b),
                "found_by_b": _found(a[errors], b[errors], middle),
                "found_by_a": _found(b[errors], a[errors], middle),
            }
        )
    return pd.DataFrame.from_records(records, columns=list(COMPLEMENTARITY_COLUMNS))


def _correlation(a: FloatArray, b: FloatArray) -> float:
    first, second = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale else 0.0


def _found(a: FloatArray, b: FloatArray, middle: float) -> float:
    overlooked = a <= middle
    return float((b[overlooked] > middle).mean()) if overlooked.any() else float("nan")


def correlation_matrix(pairs: pd.DataFrame, estimators: list[str]) -> FloatArray:
    """Rank correlations (k, k) from `compute_complementarity`, NaN where a pair has none."""
    matrix = np.full((len(estimators), len(estimators)), np.nan)
    np.fill_diagonal(matrix, 1.0)
    at = {name: index for index, name in enumerate(estimators)}
    columns = (pairs[name] for name in ("estimator_a", "estimator_b", "spearman"))
    for a, b, value in zip(*columns, strict=True):
        if a in at and b in at:
            matrix[at[a], at[b]] = matrix[at[b], at[a]] = value
    return matrix
