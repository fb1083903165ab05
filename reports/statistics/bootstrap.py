"""Stratified bootstrap of the ROC AUC: one sort per score, all replicates at once.

Errors and correct rows are resampled separately, so every replicate has the numbers of both that
the data have. A replicate is a vector of multinomial row weights; its AUC follows from cumulative
weights in score order, in integers, so ties are exact. Scores that are bootstrapped together see
the same resamples: their replicates are paired.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .intervals import roc_auc_interval
from .ranking import BoolArray, FloatArray, check_rows, roc_auc
from .short_repr import short_repr

Counts = NDArray[np.int32]
Seed = int | list[int]

_CELLS = 1 << 19  # rows × replicates of one chunk: about 20 MB of work space


@short_repr
@dataclass(frozen=True)
class BootstrapInterval:
    """A value with its interval.

    Attributes:
        estimate: the value on the data, NaN if undefined.
        low: lower end of the interval, NaN where there are too few rows for one.
        high: upper end of the interval.
        replicates: (replicates,) the values on the resamples.
    """

    estimate: float
    low: float
    high: float
    replicates: FloatArray


def _counts(rng: np.random.Generator, size: int, width: int) -> Counts:
    """How often each of `size` rows is drawn in `size` draws, for `width` replicates."""
    draws = rng.integers(size, size=(width, size))
    draws *= width
    draws += np.arange(width)[:, None]
    counts = np.bincount(draws.ravel(), minlength=size * width)
    return counts.reshape(size, width).astype(np.int32)


def _weight_chunks(errors: BoolArray, replicates: int, seed: Seed) -> Iterator[tuple[Counts, ...]]:
    """Weights of the errors (n_errors, width) and of the correct rows (n_correct, width)."""
    n_errors = int(errors.sum())
    n_correct = errors.size - n_errors
    of_errors, of_correct = np.random.default_rng(seed).spawn(2)
    width = max(16, _CELLS // errors.size)
    for start in range(0, replicates, width):
        now = min(width, replicates - start)
        yield _counts(of_errors, n_errors, now), _counts(of_correct, n_correct, now)


def resample_weights(errors: ArrayLike, replicates: int = 1000, seed: Seed = 0) -> Counts:
    """How often each row occurs in each stratified resample: (n, replicates), for any purpose.

    Columns are the resamples that `roc_auc_replicates` uses with the same seed. Both classes must
    be present.
    """
    flags = np.asarray(errors, dtype=np.bool_)
    weights = np.empty((flags.size, replicates), dtype=np.int32)
    start = 0
    for of_errors, of_correct in _weight_chunks(flags, replicates, seed):
        stop = start + of_errors.shape[1]
        weights[flags, start:stop] = of_errors
        weights[~flags, start:stop] = of_correct
        start = stop
    return weights


def roc_auc_replicates(
    errors: ArrayLike, scores: ArrayLike, replicates: int = 1000, seed: Seed = 0
) -> FloatArray:
    """ROC AUC of k scores on the same stratified resamples.

    Args:
        errors: (n,) true for an error.
        scores: (n, k) without NaN, higher = more uncertain.
        replicates: number of resamples.
        seed: seed of numpy's default generator.

    Returns:
        (replicates, k), NaN where only one class is present.
    """
    columns = np.asarray(scores, dtype=np.float64)
    flags = np.asarray(errors, dtype=np.bool_)
    n_errors = int(flags.sum())
    pairs = n_errors * (flags.size - n_errors)
    result = np.full((replicates, columns.shape[1]), np.nan)
    if not pairs:
        return result
    integer = np.int32 if 2 * pairs < np.iinfo(np.int32).max else np.int64
    ranked = [_Ranked.from_rows(*check_rows(flags, column)) for column in columns.T]
    start = 0
    for of_errors, of_correct in _weight_chunks(flags, replicates, seed):
        stop = start + of_errors.shape[1]
        wide = np.asarray(of_errors, dtype=integer)
        for k, score in enumerate(ranked):
            result[start:stop, k] = score.doubled_wins(wide, of_correct) / (2 * pairs)
        start = stop
    return result


def paired_roc_auc_replicates(
    errors: ArrayLike, scores: ArrayLike, replicates: int = 1000, seed: Seed = 0
) -> FloatArray:
    """ROC AUC of k models on the same resamples of their common questions.

    Questions are drawn whole, with the outcome and score that each model has on them, so the
    numbers of errors vary between resamples and models.

    Args:
        errors: (n, k) true where model k answered question n wrong.
        scores: (n, k) its scores, without NaN.
        replicates: number of resamples.
        seed: seed of numpy's default generator.

    Returns:
        (replicates, k), NaN where a resample holds one class only.
    """
    columns = np.asarray(scores, dtype=np.float64)
    flags = np.asarray(errors, dtype=np.bool_)
    n, k = columns.shape
    ranked = [_Ranked.from_rows(*check_rows(flags[:, j], columns[:, j])) for j in range(k)]
    result = np.full((replicates, k), np.nan)
    rng = np.random.default_rng(seed)
    width = max(16, _CELLS // max(n, 1))
    for start in range(0, replicates if n else 0, width):
        drawn = _counts(rng, n, min(width, replicates - start))
        for j, score in enumerate(ranked):
            wrong, right = drawn[flags[:, j]].astype(np.int64), drawn[~flags[:, j]]
            pairs = 2 * wrong.sum(axis=0) * right.sum(axis=0, dtype=np.int64)
            with np.errstate(invalid="ignore", divide="ignore"):
                areas = score.doubled_wins(wrong, right) / pairs
            result[start : start + areas.size, j] = np.where(pairs > 0, areas, np.nan)
    return result


@short_repr
@dataclass(frozen=True)
class _Ranked:
    """Order of the correct rows by score, and where each error stands among them."""

    order: NDArray[np.int64]
    below: NDArray[np.int64]
    not_above: NDArray[np.int64]

    @classmethod
    def from_rows(cls, errors: BoolArray, scores: FloatArray) -> _Ranked:
        correct = scores[~errors]
        order = np.argsort(correct)
        ranked = correct[order]
        return cls(
            order,
            np.searchsorted(ranked, scores[errors], side="left"),
            np.searchsorted(ranked, scores[errors], side="right"),
        )

    def doubled_wins(self, of_errors: NDArray[Any], of_correct: Counts) -> FloatArray:
        """Twice the weighted number of (error, correct) pairs that are ranked right, (width,)."""
        shape = (self.order.size + 1, of_correct.shape[1])
        below = np.zeros(shape, dtype=of_errors.dtype)
        np.cumsum(of_correct[self.order], axis=0, dtype=of_errors.dtype, out=below[1:])
        wins = below[self.below]
        wins += below[self.not_above]
        total: FloatArray = np.einsum("ij,ij->j", of_errors, wins).astype(np.float64)
        return total


def bootstrap_roc_auc(
    errors: ArrayLike,
    scores: ArrayLike,
    replicates: int = 1000,
    seed: Seed = 0,
    level: float = 0.95,
) -> BootstrapInterval:
    """ROC AUC of one score with its interval from stratified resamples, see `roc_auc_interval`.

    `errors` and `scores` have shape (n,); everything is NaN where only one class is present.
    """
    flags, values = check_rows(errors, scores)
    drawn = roc_auc_replicates(flags, values[:, None], replicates, seed)[:, 0]
    area, wrong = roc_auc(flags, values), int(flags.sum())
    ends, _ = roc_auc_interval(area, wrong, flags.size - wrong, drawn, level)
    return BootstrapInterval(area, *ends, drawn)
