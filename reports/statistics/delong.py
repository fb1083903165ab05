"""DeLong's variance of the ROC AUC and the confidence interval based on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from .intervals import NONE, enough, newcombe_interval
from .ranking import BoolArray, FloatArray, check_rows


def placements(errors: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute the share of correct rows below each error and of errors above each correct row."""
    wrong, right = scores[errors], scores[~errors]
    above_right, above_wrong = np.sort(right), np.sort(wrong)
    below = np.searchsorted(above_right, wrong, "left") + np.searchsorted(
        above_right, wrong, "right"
    )
    up_to = np.searchsorted(above_wrong, right, "left") + np.searchsorted(
        above_wrong, right, "right"
    )
    return below / (2 * right.size), 1 - up_to / (2 * wrong.size)


def delong_covariance(errors: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Estimate the ROC AUCs of k scores on the same rows and their covariance.

    Args:
        errors: (n,) true for an error.
        scores: (n, k) without NaN, higher = more uncertain.

    Returns:
        The AUCs (k,) and their covariance (k, k); NaN where a class has fewer than two rows.

    References:
        DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44: 837-845.
    """
    columns = np.asarray(scores, dtype=np.float64)
    flags = np.asarray(errors, dtype=np.bool_)
    k = columns.shape[1]
    if min(flags.sum(), (~flags).sum()) < 2:
        return np.full(k, np.nan), np.full((k, k), np.nan)
    pairs = [placements(*check_rows(flags, column)) for column in columns.T]
    of_errors = np.stack([pair[0] for pair in pairs])
    of_correct = np.stack([pair[1] for pair in pairs])
    covariance = np.atleast_2d(np.cov(of_errors)) / of_errors.shape[1]
    covariance = covariance + np.atleast_2d(np.cov(of_correct)) / of_correct.shape[1]
    return of_errors.mean(axis=1), covariance


def delong_interval(
    errors: ArrayLike, scores: ArrayLike, level: float = 0.95
) -> tuple[float, float]:
    """Compute the normal interval of the ROC AUC with DeLong's variance, clipped to [0, 1].

    Args:
        errors: (n,) true for an error.
        scores: (n,) without NaN, higher = more uncertain.
        level: nominal coverage, in (0, 1).

    Returns:
        Both ends; NaN where a class has fewer than `SMALLEST_CLASS` rows, `newcombe_interval` where
        the variance is 0.
    """
    column, flags = np.asarray(scores, dtype=np.float64)[:, None], np.asarray(errors, np.bool_)
    wrong = int(flags.sum())
    if not enough(wrong, flags.size):
        return NONE
    value, covariance = delong_covariance(errors, column)
    if covariance[0, 0] < 1e-24:
        return newcombe_interval(float(value[0]), wrong, flags.size - wrong, level)
    half = norm.ppf((1 + level) / 2) * np.sqrt(covariance[0, 0])
    low, high = np.clip([value[0] - half, value[0] + half], 0, 1)
    return float(low), float(high)
