"""Thresholds whose risk is guaranteed, by topic: learn-then-test and conformal risk control."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from ...statistics.ranking import BoolArray, FloatArray

GRID = 40
NEVER = float("-inf")
METHODS = ("ltt", "crc")


def score_grid(scores: FloatArray, size: int = GRID) -> FloatArray:
    """Choose ascending thresholds at even quantiles of scores (n,), without their outcomes."""
    finite = scores[np.isfinite(scores)]
    if not finite.size:
        return np.empty(0)
    levels: FloatArray = np.arange(1, size + 1) / size
    found: FloatArray = np.unique(np.quantile(finite, levels, method="inverted_cdf"))
    return found


def learn_then_test(
    errors: BoolArray, scores: FloatArray, grid: FloatArray, risk: float, confidence: float
) -> float:
    """Choose a threshold with P(error rate of answers kept > risk) ≤ 1 - confidence.

    Fixed-sequence testing along the grid, from few answers kept to many: each step tests the
    hypothesis that the error rate of the answers kept exceeds the risk by its exact binomial tail,
    and the last threshold before the first one that is not rejected is chosen. Thresholds too
    strict to reject with no error at all are skipped beforehand, by the number kept alone.

    Args:
        errors: (n,) true for an error, on calibration questions.
        scores: (n,) without NaN.
        grid: (g,) ascending thresholds that were chosen without these errors.
        risk: highest error rate of the answers kept, in (0, 1).
        confidence: probability with which it holds, in (0, 1).

    Returns:
        The threshold; -inf if none is guaranteed.

    References:
        Angelopoulos et al. 2021, Learn then Test, arXiv 2110.01052.
    """
    chosen = NEVER
    for threshold in grid.tolist():
        kept: BoolArray = scores <= threshold
        n, wrong = int(kept.sum()), int(errors[kept].sum())
        if (1 - risk) ** n > 1 - confidence:
            continue
        if float(binom.cdf(wrong, n, risk)) > 1 - confidence:
            break
        chosen = float(threshold)
    return chosen


def conformal_risk_control(
    errors: BoolArray, scores: FloatArray, grid: FloatArray, risk: float
) -> float:
    """Choose the largest threshold with E[share of all questions kept and wrong] ≤ risk.

    The loss, 1 for a question that is answered and wrong, does not fall as the threshold grows, so
    that (Σ losses + 1) / (n + 1) ≤ risk suffices.

    Args:
        errors: (n,) true for an error, on calibration questions.
        scores: (n,) without NaN.
        grid: (g,) ascending thresholds.
        risk: highest expected share, in (0, 1).

    Returns:
        The threshold; -inf if none is guaranteed.

    References:
        Angelopoulos et al. 2022, Conformal risk control, arXiv 2208.02814.
    """
    chosen = NEVER
    for threshold in grid.tolist():
        kept: BoolArray = scores <= threshold
        wrong = int((errors & kept).sum())
        if (wrong + 1) / (errors.size + 1) > risk:
            break
        chosen = float(threshold)
    return chosen


def guaranteed(
    method: str,
    errors: BoolArray,
    scores: FloatArray,
    grid: FloatArray,
    risk: float,
    confidence: float,
) -> float:
    """Choose a threshold by "ltt" or "crc"."""
    if method == "ltt":
        return learn_then_test(errors, scores, grid, risk, confidence)
    return conformal_risk_control(errors, scores, grid, risk)
