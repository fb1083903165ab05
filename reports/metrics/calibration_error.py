"""Calibration metrics of scores that are probabilities of an error.

A predicted probability of an error `u` in [0, 1] is compared with the observed error rate. In terms
of confidence 1 - u and accuracy, all metrics have the same values.
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
    """Return errors (n,) and scores (n,); raise ValueError for scores outside [0, 1]."""
    flags, values = check_rows(errors, scores)
    if ((values < 0) | (values > 1)).any():
        raise ValueError(
            f"Expected probabilities in [0, 1], got {values.min():.6g} to {values.max():.6g}."
        )
    return flags, values


def width_bins(scores: FloatArray, bins: int = BINS) -> IntArray:
    """Assign scores to bins of equal width, [0, 1/m), …, [(m-1)/m, 1].

    Args:
        scores: (n,) probabilities in [0, 1].
        bins: number of bins m; edges are the floats of `numpy.linspace(0, 1, m + 1)`.

    Returns:
        (n,) index of the bin of each score.
    """
    edges = np.linspace(0, 1, bins + 1)
    index: IntArray = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, bins - 1)
    return index


def mass_bins(scores: FloatArray, bins: int = BINS) -> IntArray:
    """Assign scores to bins of equal mass by rank, floor(m · (mean rank - 1/2) / n).

    Equal scores share a bin: bins are as equally filled as ties allow, in any order of the rows.

    Args:
        scores: (n,) any finite or infinite scores without NaN.
        bins: number of bins m.

    Returns:
        (n,) index of the bin of each score.
    """
    if not scores.size:
        return np.zeros(0, dtype=np.int64)
    _, block, size = np.unique(scores, return_inverse=True, return_counts=True)
    doubled = 2 * (np.cumsum(size) - size) + size  # 2 · (mean rank, from 1) - 1
    return (bins * doubled[block] // (2 * scores.size)).astype(np.int64)


@short_repr
@dataclass(frozen=True)
class CalibrationBins:
    """Statistics of the b non-empty bins, in ascending order of the score.

    Attributes:
        count: (b,) number of rows.
        errors: (b,) number of errors.
        mean_score: (b,) mean predicted probability of an error.
    """

    count: IntArray
    errors: IntArray
    mean_score: FloatArray

    @property
    def error_rate(self) -> FloatArray:
        """(b,) observed error rate, in [0, 1]."""
        rate: FloatArray = self.errors / self.count
        return rate

    def ece(self) -> float:
        """Compute the mean |mean score - error rate|, weighted by count; NaN without rows."""
        if not self.count.size:
            return float("nan")
        gap = np.abs(self.mean_score - self.error_rate)
        return float((self.count * gap).sum() / self.count.sum())


def calibration_bins(
    errors: ArrayLike, scores: ArrayLike, bins: int = BINS, scheme: Scheme = "width"
) -> CalibrationBins:
    """Bin rows by their score.

    Args:
        errors: (n,) true for an error.
        scores: (n,) probabilities of an error, in [0, 1].
        bins: number of bins.
        scheme: "width" for bins of equal width (`width_bins`), "mass" for bins of equal mass
            (`mass_bins`).

    Returns:
        Counts, errors and mean score of the non-empty bins.

    Raises:
        ValueError: a score is NaN or outside [0, 1].
    """
    flags, values = check_probabilities(errors, scores)
    index = width_bins(values, bins) if scheme == "width" else mass_bins(values, bins)
    count = np.bincount(index, minlength=bins)
    wrong = np.bincount(index, weights=flags, minlength=bins)
    total = np.bincount(index, weights=values, minlength=bins)
    used = count > 0
    return CalibrationBins(count[used], wrong[used].astype(np.int64), total[used] / count[used])


CLAIMED = {"needs": "probabilities", "bounds": (0, 1)}
"""Fields that most declarations of calibration metrics share."""


@original(
    **{**CLAIMED, "better": "lower", "heading": "ECE"},
    meaning="Expected calibration error: mean absolute difference between predicted probability "
    "and error rate over 15 bins of equal width, [0, 1/15), …, [14/15, 1].",
    source="Naeini et al. 2015, doi 10.1609/aaai.v29i1.9602",
)
def ece(errors: ArrayLike, scores: ArrayLike, bins: int = BINS, scheme: Scheme = "width") -> float:
    """Compute the expected calibration error.

    Args:
        errors: (n,) true for an error.
        scores: (n,) probabilities of an error, in [0, 1].
        bins: number of bins.
        scheme: "width" for bins of equal width, "mass" for bins of equal mass.

    Returns:
        Error in [0, 1], lower is better; NaN without rows.

    Raises:
        ValueError: a score is NaN or outside [0, 1].

    References:
        Naeini et al. (2015) for equal width, Nixon et al. (2019) for equal mass.
    """
    return calibration_bins(errors, scores, bins, scheme).ece()


@original(
    **{**CLAIMED, "better": "lower", "heading": "ECE (equal mass)"},
    meaning="Expected calibration error over 15 bins with equally many answers each.",
    source="arXiv 1904.01685",
)
def ece_mass(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the expected calibration error over bins of equal mass, in [0, 1]."""
    return ece(errors, scores, scheme="mass")


@original(
    **{**CLAIMED, "better": "lower", "heading": "Brier"},
    meaning="Brier score: mean squared difference between predicted probability of an error and "
    "outcome; reliability - resolution + uncertainty, up to a small within-bin remainder.",
    source="Brier 1950",
)
def brier(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the Brier score, the mean of (score - error)².

    Args:
        errors: (n,) true for an error.
        scores: (n,) probabilities of an error, in [0, 1].

    Returns:
        Score in [0, 1], lower is better; NaN without rows.

    Raises:
        ValueError: a score is NaN or outside [0, 1].

    References:
        Brier (1950), Monthly Weather Review 78: 1-3.
    """
    flags, values = check_probabilities(errors, scores)
    return float(((values - flags) ** 2).mean()) if flags.size else float("nan")


@dataclass(frozen=True)
class BrierParts:
    """Exact decomposition: Brier score = reliability - resolution + uncertainty + within.

    Attributes:
        reliability: mean squared difference of mean score and error rate per bin; lower is better.
        resolution: variance of the error rate between bins; higher is better.
        uncertainty: a(1 - a) with accuracy a; independent of the score.
        within: remainder due to variation within bins; 0 with one distinct score per bin.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier_parts(errors: ArrayLike, scores: ArrayLike, bins: int = BINS) -> BrierParts:
    """Decompose the Brier score over bins of equal width.

    Args:
        errors: (n,) true for an error.
        scores: (n,) probabilities of an error, in [0, 1].
        bins: number of bins.

    Returns:
        The parts, all NaN without rows.

    Raises:
        ValueError: a score is NaN or outside [0, 1].

    References:
        Murphy (1973), Journal of Applied Meteorology 12: 595-600; remainder within bins: Stephenson
        et al. (2008).
    """
    flags, values = check_probabilities(errors, scores)
    if not flags.size:
        return BrierParts(*[float("nan")] * 4)
    binned = calibration_bins(flags, values, bins)
    base = float(flags.mean())
    weight = binned.count / flags.size
    reliability = float((weight * (binned.mean_score - binned.error_rate) ** 2).sum())
    resolution = float((weight * (binned.error_rate - base) ** 2).sum())
    uncertainty = base * (1 - base)
    rest = brier(flags, values) - (reliability - resolution + uncertainty)
    return BrierParts(reliability, resolution, uncertainty, rest)


@original(
    **{**CLAIMED, "better": "lower", "heading": "reliability"},
    meaning="Brier score, calibration term: mean squared difference of predicted probability and "
    "error rate per bin.",
    source="Murphy 1973",
)
def brier_reliability(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the reliability term of the Brier score; see `brier_parts`."""
    return brier_parts(errors, scores).reliability


@original(
    **{**CLAIMED, "better": "higher", "heading": "resolution"},
    meaning="Brier score, refinement term: variance of the error rate between bins.",
    source="Murphy 1973",
)
def brier_resolution(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the resolution term of the Brier score; see `brier_parts`."""
    return brier_parts(errors, scores).resolution


@original(
    **{**CLAIMED, "better": "neither", "heading": "uncertainty"},
    meaning="Brier score, base-rate term, independent of the scores: accuracy times error rate.",
    source="Murphy 1973",
)
def brier_uncertainty(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the uncertainty term of the Brier score; see `brier_parts`."""
    return brier_parts(errors, scores).uncertainty


@original(
    **{**CLAIMED, "better": "lower", "bounds": (0, math.inf), "heading": "log loss"},
    meaning="Negative log-likelihood: mean -ln of the probability of the outcome, in nats.",
    source="Good 1952",
)
def log_loss(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the log loss, the mean -ln of the predicted probability of the outcome.

    Probabilities are clipped to [ε, 1 - ε] with ε = 2⁻⁵², as in scikit-learn: a false prediction
    with certainty costs 36 nats.

    Args:
        errors: (n,) true for an error.
        scores: (n,) probabilities of an error, in [0, 1].

    Returns:
        Loss in nats, ≥ 0, lower is better; NaN without rows.

    Raises:
        ValueError: a score is NaN or outside [0, 1].
    """
    flags, values = check_probabilities(errors, scores)
    if not flags.size:
        return float("nan")
    tiny = np.finfo(np.float64).eps
    cut = np.clip(values, tiny, 1 - tiny)
    return float(-np.where(flags, np.log(cut), np.log1p(-cut)).mean())
