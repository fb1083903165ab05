"""Confidence intervals of ROC AUCs and shares, and the sample size that they require.

A group has two classes, errors and correct answers. With fewer than `SMALLEST_CLASS` of either, a
ROC AUC is reported as a point estimate only: without interval, test, rank or verdict against
chance. Simulations (tests/reports/test_small_groups.py) hold this minimum and both interval methods
to their coverage. With ten rows per class, the percentile interval of stratified resamples alone
covers an AUC of 0.97 in 70 % of the samples, since it cannot extrapolate beyond the rows observed,
and Newcombe's score interval alone in 67 % where the scores of a class are bimodal (unparsed
answers have the worst score). The wider of the two at either end covers in about 95 % or more for
normal scores and in 88 % for bimodal ones; the latter falls to 82 % with 8 errors among 88 rows and
to 77 % with three rows per class. From `BOOTSTRAP_ALONE` rows per class on, the percentile interval
is used alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, binomtest, norm

from .ranking import FloatArray

SMALLEST_CLASS = 10
"""Fewest errors, and fewest right answers, for an interval."""
BOOTSTRAP_ALONE = 100
"""Fewest errors, and fewest right answers, for an interval by the bootstrap alone."""
FEW_MARK = "†"
FEW_MEANING = (
    f"fewer than {SMALLEST_CLASS} errors or fewer than {SMALLEST_CLASS} right answers: the value "
    "alone, without interval, rank or verdict"
)
BOOTSTRAP, WIDER, NEWCOMBE, SQUARES = "bootstrap", "wider of two", "Newcombe", "square-and-add"
Ends = tuple[float, float]
NONE: Ends = (float("nan"), float("nan"))


def enough(n_errors: float, n: float) -> bool:
    """Tell whether n rows hold enough errors and correct answers for an interval and a test."""
    return min(n_errors, n - n_errors) >= SMALLEST_CLASS


def too_few(n_errors: float, n: float) -> str:
    """Explain a missing interval: `27 wrong, 1 right: fewer than 10`; empty if there is one."""
    if enough(n_errors, n):
        return ""
    return f"{n_errors:.0f} wrong, {n - n_errors:.0f} right: fewer than {SMALLEST_CLASS}"


def percentile_interval(replicates: FloatArray, level: float = 0.95) -> Ends:
    """Compute the central percentile interval of bootstrap replicates.

    Args:
        replicates: (r,) values of the statistic on the resamples.
        level: nominal coverage, in (0, 1).

    Returns:
        Both ends; NaN without replicates, with a NaN among them, or where both ends coincide:
        identical resamples carry no information on the sampling variation.
    """
    if replicates.size == 0 or np.isnan(replicates).any():
        return NONE
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high)) if high - low > 1e-12 else NONE


def newcombe_interval(area: float, n_errors: int, n_correct: int, level: float = 0.95) -> Ends:
    """Compute the score interval of a ROC AUC with Hanley and McNeil's variance.

    The interval contains all θ with |AUC - θ| ≤ z · √V(θ), where both class sizes in the shape of V
    are replaced by their mean. It never has zero width; at an AUC of 1 or 0 it is effectively
    one-sided, e.g. [0.80, 1] for ten errors and ten correct answers.

    Args:
        area: the ROC AUC, in [0, 1].
        n_errors: number of errors.
        n_correct: number of correct answers.
        level: nominal coverage, in (0, 1).

    Returns:
        Both ends, within [0, 1]; NaN without errors, without correct answers or for a NaN area.

    References:
        Newcombe (2006), Statistics in Medicine 25: 559-573, method 5.
    """
    if np.isnan(area) or not min(n_errors, n_correct):
        return NONE
    z, mean = float(norm.ppf((1 + level) / 2)), (n_errors + n_correct) / 2

    def gap(theta: float, distance: float, spread: float) -> float:
        shape = 2 * mean - 1 - (3 * mean - 3) / ((2 - theta) * (1 + theta))
        return distance - z**2 * spread * shape / (n_errors * n_correct)

    # (AUC - θ)² = z² V(θ), divided by 1 - θ (θ) where the AUC is 1 (0), a root of both sides.
    if area >= 1:
        return float(brentq(lambda t: gap(t, 1 - t, t), 0.0, 1.0)), 1.0
    if area <= 0:
        return 0.0, float(brentq(lambda t: gap(t, t, 1 - t), 0.0, 1.0))
    ends = [brentq(lambda t: gap(t, (area - t) ** 2, t * (1 - t)), end, area) for end in (0.0, 1.0)]
    return float(ends[0]), float(ends[1])


def roc_auc_interval(
    area: float, n_errors: int, n_correct: int, replicates: FloatArray, level: float = 0.95
) -> tuple[Ends, str]:
    """Choose the interval of a ROC AUC by the class sizes.

    Below `BOOTSTRAP_ALONE` rows per class, either end is the wider one of the percentile interval
    and of Newcombe's interval. Above, it is the percentile interval, or Newcombe's where all
    resamples are identical (perfect separation or a constant score).

    Args:
        area: the ROC AUC, in [0, 1].
        n_errors: number of errors.
        n_correct: number of correct answers.
        replicates: (r,) AUCs of stratified resamples.
        level: nominal coverage, in (0, 1).

    Returns:
        Both ends and the name of the method; NaN and an empty name with fewer than
        `SMALLEST_CLASS` errors or correct answers.
    """
    if np.isnan(area) or not enough(n_errors, n_errors + n_correct):
        return NONE, ""
    low, high = percentile_interval(replicates, level)
    if min(n_errors, n_correct) >= BOOTSTRAP_ALONE and not np.isnan(low):
        return (low, high), BOOTSTRAP
    score = newcombe_interval(area, n_errors, n_correct, level)
    if np.isnan(low):
        return score, NEWCOMBE
    return (min(low, score[0]), max(high, score[1])), WIDER


def mean_interval(values: Sequence[float], ends: Sequence[Ends]) -> Ends:
    """Combine the intervals of k independent values into an interval of their mean.

    The square-and-add method (Zou and Donner, 2008) adds the squared distances of either side, so
    that a value with identical resamples contributes the width of its own interval. NaN where any
    of the values has no interval.
    """
    center, bounds = np.asarray(values, np.float64), np.asarray(ends, np.float64).reshape(-1, 2)
    if not center.size:
        return NONE
    below, above = np.sqrt(((bounds - center[:, None]) ** 2).sum(axis=0)) / center.size
    return float(center.mean() - below), float(center.mean() + above)


def wilson(successes: int, n: int, level: float = 0.95) -> Ends:
    """Compute Wilson's score interval of a proportion.

    It never has zero width, and its coverage is close to nominal for any n, so that it needs no
    minimum number of rows.

    Args:
        successes: number of successes, at most `n`.
        n: number of rows.
        level: nominal coverage, in (0, 1).

    Returns:
        Both ends, within [0, 1]; NaN without rows.

    References:
        Newcombe (1998), Statistics in Medicine 17: 857-872.
    """
    if not n:
        return NONE
    ends = binomtest(successes, n).proportion_ci(level, method="wilson")
    return float(ends.low), float(ends.high)


def exact_share(successes: float, n: float, level: float = 0.95) -> Ends:
    """Compute the exact interval of a proportion, within [0, 1]; NaN without rows.

    Its coverage is at least nominal for any n and any proportion, so that it needs no minimum
    number of rows (Clopper and Pearson, 1934, doi 10.1093/biomet/26.4.404).
    """
    if not n:
        return NONE
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return low, high


def paired_shares_interval(both: int, only_a: int, only_b: int, neither: int) -> Ends:
    """Compute the 95 % interval of a difference of two proportions of the same rows.

    Square-and-add of Wilson's intervals with the continuity-corrected correlation of both outcomes;
    it never has zero width (Newcombe, 1998, Statistics in Medicine 17: 2635-2650, method 10).
    """
    n = both + only_a + only_b + neither
    if not n:
        return NONE
    a, b = both + only_a, both + only_b
    product = float(a) * (n - a) * b * (n - b)
    excess = float(both * neither - only_a * only_b)
    corrected = max(excess - n / 2, 0.0) if excess > 0 else excess
    phi = corrected / np.sqrt(product) if product else 0.0
    (low_a, high_a), (low_b, high_b) = wilson(a, n), wilson(b, n)
    gap = (a - b) / n

    def reach(first: float, second: float) -> float:
        return float(np.sqrt(max(first**2 - 2 * phi * first * second + second**2, 0.0)))

    return (
        gap - reach(a / n - low_a, high_b - b / n),
        gap + reach(high_a - a / n, b / n - low_b),
    )
