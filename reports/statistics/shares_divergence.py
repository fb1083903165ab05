"""Symmetric divergence of two binned samples: information value and population stability index.

Both are Σ (g_i - b_i) ln(g_i / b_i) over bins, nats: for the information value g and b are the
shares of correct and wrong answers in the bins of a score, for the stability index those of two
samples of one score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import chi2

from .ranking import FloatArray


@dataclass(frozen=True)
class SharesDivergence:
    """Divergence of two samples of counts.

    Attributes:
        value: Σ (g - b) ln(g / b), nats, at least 0.
        error: standard error by the delta method; 0 where both samples are equal.
        p: p-value of equal distributions, by value / (1/n + 1/m) ~ χ² with bins - 1 degrees.
        chance: expected value of two samples from one distribution, (bins - 1)(1/n + 1/m).
        bins: number of bins that hold any row.
    """

    value: float
    error: float
    p: float
    chance: float
    bins: int


def shares_divergence(first: ArrayLike, second: ArrayLike) -> SharesDivergence:
    """Compute the symmetric divergence of two vectors of counts over the same bins.

    Where a bin is empty in one of the samples, half a row is added to every bin of both, since the
    logarithm would be infinite; bins that are empty in both are left out.

    Args:
        first: (b,) counts of the first sample.
        second: (b,) counts of the second sample.

    Returns:
        Divergence, error and test; NaN where a sample is empty.

    References:
        Siddiqi (2006); Yurdakul (2018), Statistical properties of the population stability index.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    kept = a + b > 0
    a, b = a[kept], b[kept]
    n, m, bins = float(a.sum()), float(b.sum()), int(kept.sum())
    if not n or not m:
        nan = float("nan")
        return SharesDivergence(nan, nan, nan, nan, bins)
    if (a == 0).any() or (b == 0).any():
        a, b = a + 0.5, b + 0.5
    g, h = a / a.sum(), b / b.sum()
    ratio = np.log(g / h)
    value = float(((g - h) * ratio).sum())
    # A multinomial's variance of a linear form with slopes d is (Σ g d² - (Σ g d)²) / n.
    variance = _spread(g, ratio + 1 - h / g) / n + _spread(h, -ratio + 1 - g / h) / m
    scale = 1 / n + 1 / m
    p = float(chi2.sf(value / scale, bins - 1)) if bins > 1 else 1.0
    return SharesDivergence(value, float(np.sqrt(variance)), p, (bins - 1) * scale, bins)


def _spread(shares: FloatArray, slopes: FloatArray) -> float:
    return max(float((shares * slopes**2).sum() - (shares * slopes).sum() ** 2), 0.0)
