"""Ranking metrics of uncertainty scores, exact under ties and independent of row order.

In every function an error is the positive class and a higher score means more uncertain.
Rows with equal scores form one tie block; metrics that walk down the ranking average over all
orders inside a block. Infinite scores are allowed, NaN is not: a missing score is the caller's
decision, never a silent one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .short_repr import short_repr

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def check_rows(errors: ArrayLike, scores: ArrayLike) -> tuple[BoolArray, FloatArray]:
    """Return errors (n,) as bool and scores (n,) as float64, or raise ValueError."""
    flags: NDArray[Any] = np.asarray(errors)
    values = np.asarray(scores, dtype=np.float64)
    if flags.ndim != 1 or flags.shape != values.shape:
        raise ValueError(
            f"Expected errors and scores of one shape (n,), got {flags.shape} and {values.shape}."
        )
    if not np.isin(flags, (0, 1)).all():
        raise ValueError("Expected errors to be 0 or 1 (False or True), got other values.")
    missing = int(np.isnan(values).sum())
    if missing:
        raise ValueError(f"Expected scores without NaN, got {missing} of {values.size} missing.")
    return flags.astype(np.bool_), values


@short_repr
@dataclass(frozen=True)
class TieBlocks:
    """Counts of errors and correct rows per distinct score, most certain block first.

    Attributes:
        scores: (blocks,) the distinct scores, ascending.
        errors: (blocks,) number of errors with that score.
        correct: (blocks,) number of correct rows with that score.
    """

    scores: FloatArray
    errors: IntArray
    correct: IntArray

    @classmethod
    def from_rows(cls, errors: ArrayLike, scores: ArrayLike) -> TieBlocks:
        """Sort rows once into tie blocks; errors and scores have shape (n,)."""
        flags, values = check_rows(errors, scores)
        order = np.argsort(values)
        ranked = values[order]
        first = np.ones(ranked.size, dtype=np.bool_)
        first[1:] = ranked[1:] != ranked[:-1]
        start = np.flatnonzero(first)
        if start.size == 0:
            empty = np.zeros(0, dtype=np.int64)
            return cls(ranked, empty, empty)
        wrong = np.add.reduceat(flags[order].astype(np.int64), start)
        size = np.diff(np.append(start, ranked.size))
        return cls(ranked[start], wrong, size - wrong)

    @property
    def n(self) -> int:
        """Number of rows."""
        return self.n_errors + self.n_correct

    @property
    def n_errors(self) -> int:
        """Number of errors."""
        return int(self.errors.sum())

    @property
    def n_correct(self) -> int:
        """Number of correct rows."""
        return int(self.correct.sum())

    def accuracy(self) -> float:
        """Share of correct rows; NaN without rows."""
        return self.n_correct / self.n if self.n else float("nan")

    def roc_auc(self) -> float:
        """See `roc_auc`."""
        pairs = self.n_errors * self.n_correct
        if not pairs:
            return float("nan")
        below = np.cumsum(self.correct) - self.correct
        return float((self.errors * (2 * below + self.correct)).sum()) / (2 * pairs)

    def pr_auc(self) -> float:
        """See `pr_auc`."""
        if not self.n_errors:
            return float("nan")
        wrong = self.errors[::-1]
        flagged = np.cumsum(wrong + self.correct[::-1])
        return float((wrong * (np.cumsum(wrong) / flagged)).sum()) / self.n_errors

    def risks(self) -> FloatArray:
        """Expected error rate (n,) of the k most certain rows, k = 1..n, ties averaged."""
        size = self.errors + self.correct
        expected = np.repeat(self.errors / np.maximum(size, 1), size)
        risks: FloatArray = np.cumsum(expected) / np.arange(1, expected.size + 1)
        return risks

    def aurc(self) -> float:
        """See `aurc`."""
        return float(self.risks().mean()) if self.n else float("nan")

    def oracle_aurc(self) -> float:
        """AURC of a score that ranks every error above every correct row."""
        if not self.n:
            return float("nan")
        wrong = np.maximum(np.arange(1, self.n + 1) - self.n_correct, 0)
        return float((wrong / np.arange(1, self.n + 1)).mean())

    def prr(self) -> float:
        """See `prr`."""
        if not (self.n_errors and self.n_correct):
            return float("nan")
        random = self.n_errors / self.n
        return (random - self.aurc()) / (random - self.oracle_aurc())

    def augrc(self) -> float:
        """See `augrc`."""
        if not self.n:
            return float("nan")
        risk = self.n_errors / self.n
        area = self.roc_auc()
        mixed = 0.0 if np.isnan(area) else (1 - area) * risk * (1 - risk)
        return mixed + risk**2 / 2

    def accuracy_at_coverage(self, coverage: float) -> float:
        """See `accuracy_at_coverage`."""
        if not 0 < coverage <= 1:
            raise ValueError(f"Expected coverage in (0, 1], got {coverage}.")
        if not self.n:
            return float("nan")
        kept = coverage * self.n
        rows = np.concatenate(([0], np.cumsum(self.errors + self.correct)))
        right = np.concatenate(([0], np.cumsum(self.correct)))
        return float(np.interp(kept, rows, right)) / kept

    def kept(self) -> tuple[IntArray, IntArray]:
        """Rows and errors (blocks,) that a threshold at each distinct score keeps."""
        return np.cumsum(self.errors + self.correct), np.cumsum(self.errors)

    def coverage_at_risk(self, target: float) -> float:
        """See `coverage_at_risk`."""
        if not 0 <= target <= 1:
            raise ValueError(f"Expected a target risk in [0, 1], got {target}.")
        if not self.n:
            return float("nan")
        rows, wrong = self.kept()
        return float(rows[wrong <= target * rows].max(initial=0)) / self.n

    def roc_curve(self) -> tuple[FloatArray, FloatArray]:
        """False and true positive rates (blocks + 1,), most uncertain first, both from 0 to 1."""
        if not (self.n_errors and self.n_correct):
            return np.full(0, np.nan), np.full(0, np.nan)
        false = np.concatenate(([0], np.cumsum(self.correct[::-1]))) / self.n_correct
        true = np.concatenate(([0], np.cumsum(self.errors[::-1]))) / self.n_errors
        return false, true


def roc_auc(errors: ArrayLike, scores: ArrayLike) -> float:
    """Probability that an error scores above a correct row, ties counting one half.

    In [0, 1], 0.5 for a score that knows nothing, below 0.5 for one that points the wrong way.
    NaN where only one class is present. `errors` and `scores` have shape (n,).
    """
    return TieBlocks.from_rows(errors, scores).roc_auc()


def risk_coverage_curve(errors: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Coverages k/n and expected error rates (n,) of the k most certain rows, ties averaged."""
    risks = TieBlocks.from_rows(errors, scores).risks()
    return np.arange(1, risks.size + 1) / max(risks.size, 1), risks


def roc_curve(errors: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """False and true positive rates (blocks + 1,) from (0, 0) to (1, 1); empty with one class."""
    return TieBlocks.from_rows(errors, scores).roc_curve()


def worst_case_roc_auc(errors: ArrayLike, scores: ArrayLike) -> float:
    """ROC AUC with every missing (NaN) score at its worst.

    A missing score counts as most certain on an error and as most uncertain on a correct row: the
    smallest AUC that any imputation could give.
    """
    flags = np.asarray(errors, dtype=np.bool_)
    values = np.asarray(scores, dtype=np.float64)
    worst = np.where(flags, -np.inf, np.inf)
    filled = np.where(np.isnan(values), worst, values)
    return roc_auc(flags, filled)
