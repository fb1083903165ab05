"""Calibration of scores that are probabilities of an error.

A score `u` in [0, 1] that claims P(error) = u is compared with the share of errors; confidence is
1 - u, accuracy 1 - errors, and every number here is the same in either reading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..statistics.ranking import BoolArray, FloatArray, IntArray, check_rows
from ..statistics.short_repr import short_repr
from .metric import original

Scheme = Literal["width", "mass"]
BINS = 15


def check_probabilities(errors: ArrayLike, scores: ArrayLike) -> tuple[BoolArray, FloatArray]:
    """Errors (n,) and scores (n,) in [0, 1], or raise ValueError."""
    flags, values = check_rows(errors, scores)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(
            f"Expected probabilities in [0, 1], got {values.min():.6g} to {values.max():.6g}."
        )
    return flags, values


def width_bins(scores: FloatArray, bins: int = BINS) -> IntArray:
    """Bin (n,) of each score: [0, 1/m), …, [(m-1)/m, 1], so that 0 is in the first, 1 in the last.

    Edges are the floats of `numpy.linspace(0, 1, m + 1)`.
    """
    edges = np.linspace(0, 1, bins + 1)
    found: IntArray = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, bins - 1)
    return found


def mass_bins(scores: FloatArray, bins: int = BINS) -> IntArray:
    """Bin (n,) of each score by its rank: floor(m · (mean rank - 1/2) / n), ranks from 1.

    Equal scores share a bin, so bins are as equally filled as ties allow, whatever the row order.
    """
    if not scores.size:
        return np.zeros(0, dtype=np.int64)
    _, block, size = np.unique(scores, return_inverse=True, return_counts=True)
    doubled = 2 * (np.cumsum(size) - size) + size  # twice the mean rank from 0, plus one half
    return (bins * doubled[block] // (2 * scores.size)).astype(np.int64)


@short_repr
@dataclass(frozen=True)
class CalibrationBins:
    """Non-empty bins in ascending order of the score.

    Attributes:
        count: (b,) rows in the bin.
        errors: (b,) errors among them.
        mean_score: (b,) mean claimed probability of an error.
    """

    count: IntArray
    errors: IntArray
    mean_score: FloatArray

    @property
    def error_rate(self) -> FloatArray:
        """(b,) share of errors."""
        rate: FloatArray = self.errors / self.count
        return rate

    def ece(self) -> float:
        """Mean distance between claim and share of errors, weighted by count; NaN without rows."""
        if not self.count.size:
            return float("nan")
        gap = np.abs(self.mean_score - self.error_rate)
        return float((self.count * gap).sum() / self.count.sum())


def calibration_bins(
    errors: ArrayLike, scores: ArrayLike, bins: int = BINS, scheme: Scheme = "width"
) -> CalibrationBins:
    """Rows (n,) by equal-width (see `width_bins`) or equal-mass bins (see `mass_bins`)."""
    flags, values = check_probabilities(errors, scores)
    index = width_bins(values, bins) if scheme == "width" else mass_bins(values, bins)
    count = np.bincount(index, minlength=bins)
    wrong = np.bincount(index, weights=flags, minlength=bins)
    total = np.bincount(index, weights=values, minlength=bins)
    used = count > 0
    return CalibrationBins(count[used], wrong[used].astype(np.int64), total[used] / count[used])


CLAIMED = {"needs": "probabilities", "bounds": (0, 1)}
"""What most declarations of a calibration share."""


@original(
    **{**CLAIMED, "better": "lower", "heading": "ECE"},
    meaning="Expected calibration error: mean distance between claimed probability and share of "
    "errors over 15 bins of equal width, [0, 1/15), …, [14/15, 1].",
    source="Naeini et al. 2015, doi 10.1609/aaai.v29i1.9602",
)
def ece(errors: ArrayLike, scores: ArrayLike, bins: int = BINS, scheme: Scheme = "width") -> float:
    """Expected calibration error over `bins` bins, in [0, 1], lower is better.

    Naeini et al. (2015) for equal width, Nixon et al. (2019) for equal mass. `errors` and `scores`
    have shape (n,), scores are probabilities of an error.
    """
    return calibration_bins(errors, scores, bins, scheme).ece()


@original(
    **{**CLAIMED, "better": "lower", "heading": "ECE (equal mass)"},
    meaning="Expected calibration error over 15 bins that hold equally many answers each.",
    source="arXiv 1904.01685",
)
def ece_mass(errors: ArrayLike, scores: ArrayLike) -> float:
    """Expected calibration error over bins of equal mass, in [0, 1], lower is better."""
    return ece(errors, scores, scheme="mass")


@original(
    **{**CLAIMED, "better": "lower", "heading": "Brier"},
    meaning="Brier score: mean squared distance of the claimed probability of an error from 0 or "
    "1; reliability less resolution plus uncertainty, but for a small rest within the bins.",
    source="Brier 1950",
)
def brier(errors: ArrayLike, scores: ArrayLike) -> float:
    """Mean (score - error)², in [0, 1], lower is better (Brier, 1950). NaN without rows."""
    flags, values = check_probabilities(errors, scores)
    return float(((values - flags) ** 2).mean()) if flags.size else float("nan")


@dataclass(frozen=True)
class BrierParts:
    """brier = reliability - resolution + uncertainty + within, exactly.

    Attributes:
        reliability: mean squared distance of claim and share of errors per bin; lower is better.
        resolution: variance of the share of errors between bins; higher is better.
        uncertainty: a(1 - a) with a the accuracy; no property of the score.
        within: what bins hide of the spread inside them; 0 with one value per bin.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier_parts(errors: ArrayLike, scores: ArrayLike, bins: int = BINS) -> BrierParts:
    """Murphy's (1973) decomposition over equal-width bins, with the remainder within bins."""
    flags, values = check_probabilities(errors, scores)
    if not flags.size:
        return BrierParts(*[float("nan")] * 4)
    found = calibration_bins(flags, values, bins)
    base = float(flags.mean())
    weight = found.count / flags.size
    reliability = float((weight * (found.mean_score - found.error_rate) ** 2).sum())
    resolution = float((weight * (found.error_rate - base) ** 2).sum())
    uncertainty = base * (1 - base)
    rest = brier(flags, values) - (reliability - resolution + uncertainty)
    return BrierParts(reliability, resolution, uncertainty, rest)


@original(
    **{**CLAIMED, "better": "lower", "heading": "reliability"},
    meaning="Part of the Brier score: mean squared distance of claim and share of errors per bin.",
    source="Murphy 1973",
)
def brier_reliability(errors: ArrayLike, scores: ArrayLike) -> float:
    """See `BrierParts`."""
    return brier_parts(errors, scores).reliability


@original(
    **{**CLAIMED, "better": "higher", "heading": "resolution"},
    meaning="Part of the Brier score: variance of the share of errors between the bins.",
    source="Murphy 1973",
)
def brier_resolution(errors: ArrayLike, scores: ArrayLike) -> float:
    """See `BrierParts`."""
    return brier_parts(errors, scores).resolution


@original(
    **{**CLAIMED, "better": "neither", "heading": "uncertainty"},
    meaning="Part of the Brier score that no score changes: accuracy times error rate.",
    source="Murphy 1973",
)
def brier_uncertainty(errors: ArrayLike, scores: ArrayLike) -> float:
    """See `BrierParts`."""
    return brier_parts(errors, scores).uncertainty


@original(
    **{**CLAIMED, "better": "lower", "bounds": (0, math.inf), "heading": "log loss"},
    meaning="Mean -ln of the probability that was given to what happened, in nats.",
    source="Good 1952",
)
def log_loss(errors: ArrayLike, scores: ArrayLike) -> float:
    """Mean -ln of the probability given to what happened, nats, ≥ 0, lower is better.

    Probabilities are cut to [ε, 1 - ε] with ε = 2⁻⁵², as scikit-learn does: a certain mistake
    costs 36. NaN without rows.
    """
    flags, values = check_probabilities(errors, scores)
    if not flags.size:
        return float("nan")
    tiny = np.finfo(np.float64).eps
    cut = np.clip(values, tiny, 1 - tiny)
    return float(-np.where(flags, np.log(cut), np.log1p(-cut)).mean())
