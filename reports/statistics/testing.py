"""Tests of differences between ROC AUCs and accuracies, with correction for multiplicity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, norm

from .delong import delong_covariance, placements
from .intervals import BOOTSTRAP_ALONE, SMALLEST_CLASS, newcombe_interval, paired_shares_interval
from .ranking import BoolArray, FloatArray, check_rows

SPREADLESS = 1e-12
"""Standard errors below this count as zero."""


@dataclass(frozen=True)
class Difference:
    """Difference a - b of two estimates with its 95 % interval and two-sided test.

    Attributes:
        a, b: the two values.
        estimate: a - b.
        low, high: ends of the interval; NaN where the difference has no variance.
        z: estimate divided by its standard error; 0 where both values always agree.
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
    """Test a difference of two values with a known variance by the normal approximation.

    Without variance there is no interval; p is 1 for equal values and NaN for unequal ones, whose
    variance cannot be estimated.
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
    """Test a difference of two ROC AUCs with a known variance.

    `sizes` are (errors, correct answers) and `spreads` the variance of either AUC. An AUC of 0 or 1
    and a constant score have an estimated variance of zero; square-and-add of Newcombe's intervals
    replaces it then. This treats the AUCs as independent and is conservative for paired rows. From
    `BOOTSTRAP_ALONE` rows per class on, the variance of one AUC suffices.
    """
    a, b = areas
    difference = normal_difference(a, b, variance)
    few = min(min(size) for size in sizes) < BOOTSTRAP_ALONE
    hidden = variance < SPREADLESS**2 or (few and min(spreads) < SPREADLESS**2)
    if np.isnan(variance) or abs(difference.estimate) < SPREADLESS or not hidden:
        return difference
    ends = [newcombe_interval(v, *size) for v, size in zip(areas, sizes, strict=True)]
    (low_a, high_a), (low_b, high_b) = ends
    below, above = float(np.hypot(a - low_a, high_b - b)), float(np.hypot(high_a - a, b - low_b))
    facing = below if difference.estimate > 0 else above
    z = float(norm.ppf(0.975)) * difference.estimate / facing
    return Difference(
        a,
        b,
        difference.estimate,
        difference.estimate - below,
        difference.estimate + above,
        z,
        two_sided(z),
    )


def two_sided(z: float) -> float:
    """Return the two-sided p-value of a standard normal z."""
    return float(2 * norm.sf(abs(z)))


def delong_test(errors: ArrayLike, a: ArrayLike, b: ArrayLike) -> Difference:
    """Compare the ROC AUCs of two scores on the same rows by DeLong's test.

    Args:
        errors: (n,) true for an error.
        a: (n,) first score without NaN, higher = more uncertain.
        b: (n,) second score.

    Returns:
        The difference a - b (MLstatkit reports b - a); NaN where a class has fewer than two rows.

    References:
        DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44: 837-845.
    """
    columns = np.stack([np.asarray(a, np.float64), np.asarray(b, np.float64)], axis=1)
    values, covariance = delong_covariance(errors, columns)
    return covariance_difference(values, covariance, class_sizes(errors))


def class_sizes(errors: ArrayLike) -> Sizes:
    """Count errors and correct answers."""
    flags = np.asarray(errors, np.bool_)
    return int(flags.sum()), int((~flags).sum())


def covariance_difference(values: FloatArray, covariance: FloatArray, sizes: Sizes) -> Difference:
    """Test the difference of two ROC AUCs (2,) of the same rows by their covariance (2, 2)."""
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    areas, spreads = (float(values[0]), float(values[1])), np.diag(covariance).tolist()
    return area_difference(areas, float(variance), (sizes, sizes), (spreads[0], spreads[1]))


def area_influence(errors: ArrayLike, scores: ArrayLike) -> tuple[float, FloatArray]:
    """Compute the ROC AUC θ and the influence of each row on it.

    The influence of an error is (share of correct rows below it - θ) / P(error), that of a correct
    row (share of errors above it - θ) / P(correct). mean(influence²) / n estimates the variance
    of θ where the class sizes are random, too.

    Args:
        errors: (n,) true for an error.
        scores: (n,) without NaN, higher = more uncertain.

    Returns:
        θ in [0, 1] and the influences (n,) of mean 0; NaN with fewer than two rows in a class.
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
    """Compare the ROC AUCs of two models on the same questions, each against its own errors.

    The variance is that of the mean difference of influences, so that effects of a question on both
    models cancel. DeLong's test does not apply: the models err on different questions.

    Args:
        errors_a: (n,) true where the first model is wrong; row i is question i for both models.
        a: (n,) scores of the first model without NaN, higher = more uncertain.
        errors_b: (n,) true where the second model is wrong.
        b: (n,) scores of the second model.

    Returns:
        The difference a - b; NaN with fewer than two rows in a class.

    Raises:
        ValueError: the models have different numbers of rows.
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
    """Run `paired_models_test` on ROC AUCs, influences (n,) and class sizes of both models."""
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
    """Compare the ROC AUCs of two disjoint sets of rows by DeLong's variances.

    Args:
        errors_a: (n,) true for an error.
        a: (n,) scores without NaN, higher = more uncertain.
        errors_b: (m,) errors of the second set.
        b: (m,) scores of the second set.

    Returns:
        The difference a - b; NaN with fewer than two rows in a class.
    """
    values, variances = [], []
    for errors, scores in ((errors_a, a), (errors_b, b)):
        value, covariance = delong_covariance(errors, np.asarray(scores, np.float64)[:, None])
        values.append(float(value[0]))
        variances.append(float(covariance[0, 0]))
    sizes = (class_sizes(errors_a), class_sizes(errors_b))
    spreads = (variances[0], variances[1])
    return area_difference((values[0], values[1]), sum(variances), sizes, spreads)


def accuracy_test(errors_a: ArrayLike, errors_b: ArrayLike) -> Difference:
    """Compare the accuracies of two models on the same questions by McNemar's exact test.

    Args:
        errors_a: (n,) true where the first model is wrong.
        errors_b: (n,) true where the second model is wrong.

    Returns:
        The difference a - b. p is exact binomial over the discordant questions, which only one
        model answers correctly. The interval is normal, or, with fewer than `SMALLEST_CLASS`
        discordant questions, Newcombe's.
    """
    first: BoolArray = np.asarray(errors_a, np.bool_)
    second: BoolArray = np.asarray(errors_b, np.bool_)
    n = first.size
    only_a, only_b = int((~first & second).sum()), int((first & ~second).sum())
    gap = (only_a - only_b) / n if n else float("nan")
    variance = ((only_a + only_b) / n - gap**2) / n if n else float("nan")
    accuracy = (1 - float(first.mean()), 1 - float(second.mean())) if n else (float("nan"),) * 2
    difference = normal_difference(*accuracy, variance)
    split = only_a + only_b
    p = float(binomtest(only_a, split).pvalue) if split else 1.0
    low, high = difference.low, difference.high
    if split < SMALLEST_CLASS or np.isnan(low):
        both, neither = int((~first & ~second).sum()), int((first & second).sum())
        low, high = paired_shares_interval(both, only_a, only_b, neither)
    return Difference(difference.a, difference.b, difference.estimate, low, high, difference.z, p)


def holm(p: ArrayLike) -> FloatArray:
    """Adjust p-values for multiplicity by Holm's step-down method.

    Args:
        p: (m,) p-values in [0, 1]; NaN = no test.

    Returns:
        (m,) adjusted p-values, which control the family-wise error rate; NaN where `p` is NaN.

    References:
        Holm (1979), Scandinavian Journal of Statistics 6: 65-70.
    """
    values = np.asarray(p, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    factors = order.size - np.arange(order.size)
    adjusted = np.full(values.shape, np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted


def separation(area: float) -> float:
    """Convert a ROC AUC to the effect size d′ = √2 · Φ⁻¹(AUC).

    Args:
        area: ROC AUC in [0, 1].

    Returns:
        Distance between the means of two normal distributions with that AUC, in standard
        deviations: 0 at chance, negative below; NaN at an AUC of 0 or 1, where it is infinite.
    """
    return float(np.sqrt(2) * norm.ppf(area)) if 0 < area < 1 else float("nan")
