"""Test for a linear trend of a value along ordered groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .testing import two_sided


@dataclass(frozen=True)
class Trend:
    """Weighted linear trend over ordered groups.

    Attributes:
        slope: change per step.
        z: slope divided by its standard error.
        p: two-sided p-value of the hypothesis of no slope.
    """

    slope: float
    z: float
    p: float


def trend_test(values: ArrayLike, variances: ArrayLike) -> Trend:
    """Test for a linear trend along ordered groups by inverse-variance weighted least squares.

    Args:
        values: (g,) one value per group.
        variances: (g,) their variances; groups with an undefined value or variance are excluded.

    Returns:
        Slope per step, z and p; NaN with fewer than two groups.
    """
    y, v = np.asarray(values, np.float64), np.asarray(variances, np.float64)
    known = ~np.isnan(y) & (v > 0)
    x = np.arange(y.size, dtype=np.float64)[known]
    if x.size < 2:
        return Trend(*[float("nan")] * 3)
    weight = 1 / v[known]
    centered = x - (weight * x).sum() / weight.sum()
    spread = (weight * centered**2).sum()
    slope = float((weight * centered * y[known]).sum() / spread)
    z = slope * float(np.sqrt(spread))
    return Trend(slope, z, two_sided(z))
