"""Choice of the best among many scores as a source of error.

The ROC AUC of the score that was best on the data is biased upwards. The bootstrap repeats the
choice: in each resample the best score is chosen anew, and its excess over its value on the data
estimates what the choice adds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .ranking import BoolArray, FloatArray
from .short_repr import short_repr


@short_repr
@dataclass(frozen=True)
class Selection:
    """Best of k values, corrected for the choice among them.

    Attributes:
        best: index of the largest value.
        value: that value.
        corrected: value minus the mean excess of the chosen one over the resamples.
        low, high: 95 % interval of the true value of the chosen one.
        probabilities: (k,) share of the resamples in which each is the best, ties split.
        indistinguishable: (k,) true where the best is not better, by simultaneous 95 % intervals of
            the differences to it.
    """

    best: int
    value: float
    corrected: float
    low: float
    high: float
    probabilities: FloatArray
    indistinguishable: BoolArray


def select_best(
    values: FloatArray,
    replicates: FloatArray,
    level: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Selection:
    """Correct the largest of k values for the choice, by resamples that repeat it.

    With D = (value of the resample's best in the resample) - (its value on the data), the interval
    is [value - q(D, high), value - q(D, low)]. The set contains all k whose difference to the best
    is at most the `level` quantile of the largest centered difference to it over the resamples.

    Args:
        values: (k,) values on the data, higher = better, without NaN.
        replicates: (r, k) values on paired resamples, without NaN.
        level: nominal coverage.
        bounds: smallest and largest possible value.

    Returns:
        The selection; without resamples the interval is NaN and no set is formed but the best;
        where all resamples are identical, the interval is NaN.

    References:
        Tibshirani and Tibshirani 2009, doi 10.1214/08-AOAS224; Hsu 1984 (comparison with the best).
    """
    best = int(np.argmax(values))
    value, k = float(values[best]), values.size
    if not replicates.size:
        alone: BoolArray = np.arange(k) == best
        nan = float("nan")
        return Selection(best, value, nan, nan, nan, alone.astype(np.float64), alone)
    top: FloatArray = replicates.max(axis=1)
    winners: FloatArray = (replicates >= top[:, None]).astype(np.float64)
    count: FloatArray = winners.sum(axis=1)
    shares: FloatArray = winners / count[:, None]
    probabilities: FloatArray = shares.mean(axis=0)
    excess: FloatArray = top - (winners * values).sum(axis=1) / count
    ends: FloatArray = np.quantile(excess, [(1 - level) / 2, (1 + level) / 2])
    low = min(max(value - float(ends[1]), bounds[0]), bounds[1])
    high = min(max(value - float(ends[0]), bounds[0]), bounds[1])
    if high - low < 1e-12:  # identical resamples say nothing about the variation
        low = high = float("nan")
    gaps: FloatArray = value - values
    centered: FloatArray = (replicates[:, [best]] - replicates) - gaps
    largest: FloatArray = centered.max(axis=1)
    limit = float(np.quantile(largest, level))
    indistinguishable: BoolArray = gaps <= limit
    indistinguishable[best] = True
    return Selection(
        best,
        value,
        value - float(excess.mean()),
        low,
        high,
        probabilities,
        indistinguishable,
    )
