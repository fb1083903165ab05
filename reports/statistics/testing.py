"""Tests of differences between ROC AUCs and accuracies, and correction for many of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm

from .delong import delong_covariance, placements
from .intervals import BOOTSTRAP_ALONE, SMALLEST_CLASS, newcombe_interval, paired_shares_interval
from .ranking import BoolArray, FloatArray, check_rows

SPREADLESS = 1e-12
"""A standard error below this is none."""


@dataclass(frozen=True)
class Difference:
    """An estimated difference a - b with its normal 95 % interval and two-sided test.

    Attributes:
        a, b: the two values.
        estimate: a - b.
        low, high: ends of the interval; NaN where both values always agree.
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
    """The difference of two values whose estimated difference has this variance.

    Without any variance, equal values differ by nothing that the rows show (p is 1, no interval);
    for unequal ones nothing can be said (NaN).
    """
    estimate = a - b
    if np.isnan(estimate) or np.isnan(variance):
        return Difference(a, b, estimate, *[float("nan")] * 4)
    error = float(np.sqrt(max(variance, 0.0)))
    half = float(norm.ppf((1 + level) / 2)) * error
    if error < SPREADLESS:
        z = 0.0 if abs(estimate) < SPREADLESS else float("nan")
        return Difference(a, b, estimate, float("nan"), float("nan"), z, two_sided(z))
    z = estimate / error
    return Difference(a, b, estimate, estimate - half, estimate + half, z, two_sided(z))


Sizes = tuple[int, int]


def area_difference(
    areas: tuple[float, float],
    variance: float,
    sizes: tuple[Sizes, Sizes],
    spreads: tuple[float, float],
) -> Difference:
    """A difference of two ROC AUCs with its variance; sizes are (errors, right answers) of each.

    `spreads` are the two AUCs' own variances. Where the rows cannot show the difference's variance
    (an AUC of 0 or 1, or one score throughout, has none of its own), square-and-add of Newcombe's
    intervals stands in for it, as of independent values, which is wide for values of the same
    rows. From `BOOTSTRAP_ALONE` of each class on, one AUC without variance leaves the other's.
    """
    a, b = areas
    found = normal_difference(a, b, variance)
    few = min(min(size) for size in sizes) < BOOTSTRAP_ALONE
    hidden = variance < SPREADLESS**2 or (few and min(spreads) < SPREADLESS**2)
    if np.isnan(variance) or abs(found.estimate) < SPREADLESS or not hidden:
        return found
    ends = [newcombe_interval(v, *size) for v, size in zip(areas, sizes, strict=True)]
    (low_a, high_a), (low_b, high_b) = ends
    below, above = float(np.hypot(a - low_a, high_b - b)), float(np.hypot(high_a - a, b - low_b))
    facing = below if found.estimate > 0 else above
    z = float(norm.ppf(0.975)) * found.estimate / facing
    return Difference(
        a, b, found.estimate, found.estimate - below, found.estimate + above, z, two_sided(z)
    )


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
    return covariance_difference(values, covariance, class_sizes(errors))


def class_sizes(errors: ArrayLike) -> Sizes:
    """Numbers of errors and of right answers."""
    flags = np.asarray(errors, np.bool_)
    return int(flags.sum()), int((~flags).sum())


def covariance_difference(values: FloatArray, covariance: FloatArray, sizes: Sizes) -> Difference:
    """Difference of two ROC AUCs (2,) of the same rows, from their covariance (2, 2)."""
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    areas, spreads = (float(values[0]), float(values[1])), np.diag(covariance).tolist()
    return area_difference(areas, float(variance), (sizes, sizes), (spreads[0], spreads[1]))


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
    sizes = (class_sizes(errors_a), class_sizes(errors_b))
    return paired_influence_test(*area_influence(errors_a, a), *area_influence(errors_b, b), sizes)


def paired_influence_test(
    area_a: float,
    first: FloatArray,
    area_b: float,
    second: FloatArray,
    sizes: tuple[Sizes, Sizes],
) -> Difference:
    """`paired_models_test` from each model's ROC AUC, influences (see `area_influence`) and numbers
    of errors and right answers."""
    if first.shape != second.shape:
        raise ValueError(f"Expected the same questions, got {first.size} and {second.size} rows.")
    gap = first - second
    n = gap.size
    variance = float((gap**2).sum()) / (n * (n - 1)) if n > 1 else float("nan")
    spreads = (float((first**2).mean()), float((second**2).mean()))
    return area_difference((area_a, area_b), variance, sizes, spreads)


def unpaired_test(
    errors_a: ArrayLike, a: ArrayLike, errors_b: ArrayLike, b: ArrayLike
) -> Difference:
    """ROC AUCs on two disjoint sets of rows, (n,) and (m,), by DeLong's variances."""
    values, variances = [], []
    for errors, scores in ((errors_a, a), (errors_b, b)):
        value, covariance = delong_covariance(errors, np.asarray(scores, np.float64)[:, None])
        values.append(float(value[0]))
        variances.append(float(covariance[0, 0]))
    sizes = (class_sizes(errors_a), class_sizes(errors_b))
    spreads = (variances[0], variances[1])
    return area_difference((values[0], values[1]), sum(variances), sizes, spreads)


def accuracy_test(errors_a: ArrayLike, errors_b: ArrayLike) -> Difference:
    """Accuracies of two models on the same questions (n,): McNemar's exact test.

    p is the exact binomial one on the questions that only one of them got right; z is the
    difference over its standard error. The interval is the normal one of the paired difference,
    or, with fewer than `SMALLEST_CLASS` such questions, `paired_shares_interval`.
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
    low, high = found.low, found.high
    if split < SMALLEST_CLASS or np.isnan(low):
        both, neither = int((~first & ~second).sum()), int((first & second).sum())
        low, high = paired_shares_interval(both, only_a, only_b, neither)
    return Difference(found.a, found.b, found.estimate, low, high, found.z, p)


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
    centered = x - (weight * x).sum() / weight.sum()
    spread = (weight * centered**2).sum()
    slope = float((weight * centered * y[known]).sum() / spread)
    z = slope * float(np.sqrt(spread))
    return Trend(slope, z, two_sided(z))
