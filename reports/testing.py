"""Tests of differences between ROC AUCs and accuracies, and correction for many of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm

from .delong import delong_covariance, placements
from .ranking import BoolArray, FloatArray, check_rows


@dataclass(frozen=True)
class Difference:
    """An estimated difference a - b with its normal 95 % interval and two-sided test.

    Attributes:
        a, b: the two values.
        estimate: a - b.
        low, high: ends of the interval.
        z: estimate over its standard error; 0 where both values always agree.
        p: two-sided p-value.
    """

    a: float
    b: float
    estimate: float
    low: float
    high: float
    z: float
    p: float


def normal_difference(a: float, b: float, variance: float, level: float = 0.95) -> Difference:
    """The difference of two values whose estimated difference has this variance."""
    estimate = a - b
    if np.isnan(estimate) or np.isnan(variance):
        return Difference(a, b, estimate, *[float("nan")] * 4)
    error = float(np.sqrt(max(variance, 0.0)))
    half = float(norm.ppf((1 + level) / 2)) * error
    if error < 1e-12:  # the two rank every pair of rows alike, or differ without any spread
        z = 0.0 if abs(estimate) < 1e-12 else float(np.copysign(np.inf, estimate))
    else:
        z = estimate / error
    return Difference(a, b, estimate, estimate - half, estimate + half, z, two_sided(z))


def two_sided(z: float) -> float:
    """Two-sided p-value of a standard normal z."""
    return float(2 * norm.sf(abs(z)))


def delong_test(errors: ArrayLike, a: ArrayLike, b: ArrayLike) -> Difference:
    """ROC AUCs of two scores on the same rows, by DeLong's covariance (1988).

    All arguments have shape (n,). The sign is a - b (MLstatkit's is b - a). NaN where a class has
    fewer than two rows.
    """
    columns = np.stack([np.asarray(a, np.float64), np.asarray(b, np.float64)], axis=1)
    values, covariance = delong_covariance(errors, columns)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return normal_difference(float(values[0]), float(values[1]), float(variance))


def area_influence(errors: ArrayLike, scores: ArrayLike) -> tuple[float, FloatArray]:
    """ROC AUC θ and the influence (n,) of each row on it, of mean 0.

    An error adds (share of correct rows below it - θ) / P(error), a correct row
    (share of errors above it - θ) / P(correct); mean(influence²)/n is θ's variance where the
    numbers of errors and correct rows are random too. NaN with fewer than two rows in a class.
    """
    flags, values = check_rows(errors, scores)
    wrong = int(flags.sum())
    if min(wrong, flags.size - wrong) < 2:
        return float("nan"), np.full(flags.size, np.nan)
    of_errors, of_correct = placements(flags, values)
    area = float(of_errors.mean())
    influence = np.empty(flags.size)
    influence[flags] = (of_errors - area) * flags.size / wrong
    influence[~flags] = (of_correct - area) * flags.size / (flags.size - wrong)
    return area, influence


def paired_models_test(
    errors_a: ArrayLike, a: ArrayLike, errors_b: ArrayLike, b: ArrayLike
) -> Difference:
    """ROC AUCs of two models on the same questions, each against its own errors.

    All arguments have shape (n,), row i of both is question i. The variance is that of the mean
    difference of the two influences, so that questions which sway both models alike cancel.
    DeLong's test cannot be used here: the two models do not err on the same questions.
    """
    return paired_influence_test(*area_influence(errors_a, a), *area_influence(errors_b, b))


def paired_influence_test(
    area_a: float, first: FloatArray, area_b: float, second: FloatArray
) -> Difference:
    """`paired_models_test` from each model's ROC AUC and influences, see `area_influence`."""
    if first.shape != second.shape:
        raise ValueError(f"Expected the same questions, got {first.size} and {second.size} rows.")
    gap = first - second
    n = gap.size
    variance = float((gap**2).sum()) / (n * (n - 1)) if n > 1 else float("nan")
    return normal_difference(area_a, area_b, variance)


def unpaired_test(
    errors_a: ArrayLike, a: ArrayLike, errors_b: ArrayLike, b: ArrayLike
) -> Difference:
    """ROC AUCs on two disjoint sets of rows, (n,) and (m,), by DeLong's variances."""
    values, variances = [], []
    for errors, scores in ((errors_a, a), (errors_b, b)):
        value, covariance = delong_covariance(errors, np.asarray(scores, np.float64)[:, None])
        values.append(float(value[0]))
        variances.append(float(covariance[0, 0]))
    return normal_difference(values[0], values[1], sum(variances))


def accuracy_test(errors_a: ArrayLike, errors_b: ArrayLike) -> Difference:
    """Accuracies of two models on the same questions (n,): McNemar's exact test.

    The interval is the normal one of the paired difference; z is that difference over its
    standard error, p the exact binomial one on the questions that only one of them got right.
    """
    first: BoolArray = np.asarray(errors_a, np.bool_)
    second: BoolArray = np.asarray(errors_b, np.bool_)
    n = first.size
    only_a, only_b = int((~first & second).sum()), int((first & ~second).sum())
    gap = (only_a - only_b) / n if n else float("nan")
    variance = ((only_a + only_b) / n - gap**2) / n if n else float("nan")
    accuracy = (1 - float(first.mean()), 1 - float(second.mean())) if n else (float("nan"),) * 2
    found = normal_difference(*accuracy, variance)
    split = only_a + only_b
    p = float(binomtest(only_a, split).pvalue) if split else 1.0
    return Difference(found.a, found.b, found.estimate, found.low, found.high, found.z, p)


def holm(p: ArrayLike) -> FloatArray:
    """Holm's (1979) adjusted p-values (m,), NaN where p is; they bound the family-wise error."""
    values = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = order.size - np.arange(order.size)
    adjusted = np.full(values.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted


def separation(area: float) -> float:
    """d′ = √2 · Φ⁻¹(AUC): how many standard deviations two equal normals would stand apart.

    0 at chance, negative below it; NaN at AUC 0 or 1, where no finite distance fits.
    """
    return float(np.sqrt(2) * norm.ppf(area)) if 0 < area < 1 else float("nan")


@dataclass(frozen=True)
class Trend:
    """A straight line through values at ordered positions, weighted by their precision.

    Attributes:
        slope: change per step.
        z: slope over its standard error.
        p: two-sided p-value of no slope.
    """

    slope: float
    z: float
    p: float


def trend_test(values: ArrayLike, variances: ArrayLike) -> Trend:
    """Does a value rise or fall along groups (g,) in order? Weights are 1 / variance.

    Groups with an undefined value or no variance are left out; NaN with fewer than two.
    """
    y, v = np.asarray(values, np.float64), np.asarray(variances, np.float64)
    known = ~np.isnan(y) & (v > 0)
    x = np.arange(y.size, dtype=np.float64)[known]
    if x.size < 2:
        return Trend(*[float("nan")] * 3)
    weight = 1 / v[known]
    centred = x - (weight * x).sum() / weight.sum()
    spread = (weight * centred**2).sum()
    slope = float((weight * centred * y[known]).sum() / spread)
    z = slope * float(np.sqrt(spread))
    return Trend(slope, z, two_sided(z))
