"""Conformal prediction sets: how many options cannot be ruled out at a chosen error rate.

``p`` is the (n, K) distribution over the options, NaN beyond a question's last option. If
calibration and test questions are exchangeable, a set holds the right option with probability of
at least 1 - α.
"""

from __future__ import annotations

from typing import cast

import numpy as np

from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray, IntArray

RULES = ("lac", "aps")
QUANTILES = ("rank", "higher")


def nonconformity(p: FloatArray, rule: str) -> FloatArray:
    """Return the (n, K) nonconformity of each option, in [0, 1]; NaN for absent options.

    "lac": 1 - p. "aps": the sum of the probabilities from the largest down to and including the
    option's own, without randomization; among ties the later option comes first.
    """
    if rule == "lac":
        return 1.0 - p
    rows = np.arange(len(p))[:, None]
    known = np.where(np.isnan(p), -1.0, p)
    order = np.argsort(known, axis=1, kind="stable")[:, ::-1]
    sums = np.empty_like(p)
    sums[rows, order] = np.cumsum(np.where(np.isnan(p), 0.0, p)[rows, order], axis=1)
    return np.where(np.isnan(p), np.nan, np.round(sums, 12))


def conformal_threshold(scores: FloatArray, alpha: float, quantile: str = "rank") -> float:
    """Return the threshold from n calibration scores; ∞ if n is too small for α.

    With r = ⌈(n + 1)(1 - α)⌉: "rank" is the r-th smallest score; "higher" is numpy's quantile at
    level r/n by the method "higher", as arXiv 2401.12794 computed it: the next larger score, for
    r < n. Raises EstimatorError for no scores.
    """
    count = len(scores)
    if count == 0:
        raise EstimatorError("Expected scores to calibrate on, but got none")
    # Rounded before the ceiling: 9.000000000000002 is 9.
    rank = int(np.ceil(round((count + 1) * (1 - alpha), 9)))
    if rank > count:
        return float("inf")
    if quantile == "higher":
        return float(np.quantile(scores, rank / count, method="higher"))
    return float(np.sort(scores)[rank - 1])


def conformal_sets(p: FloatArray, rule: str, threshold: float) -> BoolArray:
    """Return the (n, K) membership of options in the prediction sets, which are never empty.

    An option is in the set if its nonconformity is at most the threshold. If none is, the set is
    the most probable option; among ties the first with "lac", and with "aps" the one that the
    sums begin with, which is the last.
    """
    misfit = nonconformity(p, rule)
    inside = misfit <= threshold
    known = np.where(np.isnan(p), -1.0, p)
    # Not by the nonconformity: beside a probability of 1, those of probability 0 have equal sums.
    last = p.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    best = np.argmax(known, axis=1) if rule == "lac" else last
    empty = ~inside.any(axis=1) & ~np.isnan(p).all(axis=1)
    inside[np.flatnonzero(empty), best[empty]] = True
    return inside


def calibration_scores(p: FloatArray, gold: IntArray, rule: str) -> FloatArray:
    """Return the nonconformity of the right options of the rows where it is known."""
    rows = np.flatnonzero((gold >= 0) & (gold < p.shape[1]))
    scores = nonconformity(p[rows], rule)[np.arange(len(rows)), gold[rows]]
    return cast(FloatArray, scores[~np.isnan(scores)])
