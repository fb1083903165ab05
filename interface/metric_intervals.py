"""Bootstrap intervals of any metric."""

from __future__ import annotations

import numpy as np

from .estimators.signals.tables import BoolArray, FloatArray
from .reports import Metric, ScoredGroup, percentile_interval, resample_weights
from .reports.statistics.intervals import enough

TOGETHER = 50
"""Resamples drawn at a time, which bounds the memory."""


def bootstrap_interval(
    metric: Metric, errors: BoolArray, scores: FloatArray, replicates: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Compute the 95 % percentile interval of a metric.

    Errors and correct answers are resampled separately, as for the ROC AUC.

    Args:
        metric: The metric.
        errors: (n,) true where the answer is wrong.
        scores: (n,), NaN = none.
        replicates: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        Both ends; NaN with too few errors or correct answers, or where the metric is undefined on
        a resample.
    """
    present = ~np.isnan(scores)
    errors, scores = errors[present], scores[present]
    if not enough(int(errors.sum()), errors.size):
        return float("nan"), float("nan")
    values = []
    for start in range(0, replicates, TOGETHER):
        size = min(TOGETHER, replicates - start)
        weights = resample_weights(errors, size, [seed, start])
        for draw in range(size):
            rows = np.repeat(np.arange(errors.size), weights[:, draw])
            values.append(ScoredGroup.of(errors[rows], scores[rows], claims=True).value(metric))
    return percentile_interval(np.array(values))
