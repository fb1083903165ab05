"""From how many answers on a number has an interval and a verdict, and which interval it is.

A group has two classes, errors and right answers. With fewer than `SMALLEST_CLASS` of either, a
ROC AUC is shown as a bare value: no interval, no test, no ranking, no word on its direction. The
minimum and the two methods above it are held to their coverage by simulation
(tests/reports/test_small_groups.py): with ten per class the percentile interval of stratified
resamples alone covers an AUC of 0.97 seven times in ten, since resamples hold no row that was not
seen, and Newcombe's score interval alone covers two times in three where the scores of a class are
split in two (answers that could not be read have the worst score). The wider of both at either end
covers about 95 times in a hundred or more for scores of normal shape and 88 where they are split;
with 8 errors among 88 rows the latter is 82, with three of each class 77. From `BOOTSTRAP_ALONE`
per class on the percentile interval stands alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, binomtest, norm

from .ranking import FloatArray

SMALLEST_CLASS = 10
BOOTSTRAP_ALONE = 100
FEW_MARK = "†"
FEW_MEANING = (
    f"fewer than {SMALLEST_CLASS} errors or fewer than {SMALLEST_CLASS} right answers: the value "
    "alone, without interval, rank or verdict"
)
BOOTSTRAP, WIDER, NEWCOMBE, SQUARES = "bootstrap", "wider of two", "Newcombe", "square-and-add"
Ends = tuple[float, float]
NONE: Ends = (float("nan"), float("nan"))


def enough(n_errors: float, n: float) -> bool:
    """Whether a group of n rows has enough errors and right answers for an interval and a test."""
    return min(n_errors, n - n_errors) >= SMALLEST_CLASS


def too_few(n_errors: float, n: float) -> str:
    """Why a group has no interval: `27 wrong, 1 right: fewer than 10`; empty where it has one."""
    if enough(n_errors, n):
        return ""
    return f"{n_errors:.0f} wrong, {n - n_errors:.0f} right: fewer than {SMALLEST_CLASS}"


def percentile_interval(replicates: FloatArray, level: float = 0.95) -> Ends:
    """Ends of the central interval of `replicates` (r,) at `level`.

    NaN without replicates, and where both ends are one value: resamples that are all alike say
    nothing of how far the next sample may be.
    """
    if replicates.size == 0 or np.isnan(replicates).any():
        return NONE
    low, high = np.quantile(replicates, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high)) if high - low > 1e-12 else NONE


def newcombe_interval(area: float, n_errors: int, n_correct: int, level: float = 0.95) -> Ends:
    """Score interval of a ROC AUC with Hanley and McNeil's variance; never of zero width.

    Method 5 of Newcombe (2006), Statistics in Medicine 25: 559-573: all θ with
    |AUC - θ| ≤ z · √V(θ), both class sizes in V's shape replaced by their mean. At an AUC of 1 or
    0 it is one-sided in effect: [0.80, 1] for ten errors and ten right answers.
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
    """The interval of a ROC AUC and the name of its method, from stratified `replicates` (r,).

    None below `SMALLEST_CLASS`; below `BOOTSTRAP_ALONE` the wider end of the percentile interval
    and of Newcombe's; else the percentile interval, or Newcombe's where all resamples are alike
    (errors and right answers fully separated, or one score throughout).
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
    """Interval of the mean of independent values (k,) from their own intervals.

    Square-and-add (Zou and Donner, 2008): each side's squared distances are added, so that a value
    whose resamples are all alike keeps the width of its own interval. NaN where one has none.
    """
    center, bounds = np.asarray(values, np.float64), np.asarray(ends, np.float64).reshape(-1, 2)
    if not center.size:
        return NONE
    below, above = np.sqrt(((bounds - center[:, None]) ** 2).sum(axis=0)) / center.size
    return float(center.mean() - below), float(center.mean() + above)


def wilson(successes: int, n: int, level: float = 0.95) -> Ends:
    """Wilson's interval of a share, within [0, 1]; NaN without rows.

    Never of zero width, and near its level for any n (Newcombe, 1998), so that a share has its
    interval however few rows it comes from.
    """
    if not n:
        return NONE
    ends = binomtest(successes, n).proportion_ci(level, method="wilson")
    return float(ends.low), float(ends.high)


def exact_share(successes: float, n: float, level: float = 0.95) -> Ends:
    """Clopper and Pearson's (1934, doi 10.1093/biomet/26.4.404) exact interval of a share, within
    [0, 1]; NaN without rows.

    It covers the share with at least its level for any n and any share, so that it is given
    however few rows there are.
    """
    if not n:
        return NONE
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return low, high


def paired_shares_interval(both: int, only_a: int, only_b: int, neither: int) -> Ends:
    """95 % interval of a difference of two shares of the same rows; never of zero width.

    Newcombe's (1998) method 10, Statistics in Medicine 17: 2635-2650: square-and-add of Wilson's
    intervals with the correlation of the two outcomes, corrected for continuity.
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
