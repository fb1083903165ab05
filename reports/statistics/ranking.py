"""Ranking metrics of uncertainty scores, exact under ties and independent of row order.

Errors are the positive class, and higher scores mean more uncertain. Rows with equal scores form a
tie block; metrics that depend on the order of rows are averaged over all orders within a block.
Infinite scores are allowed. NaN is not: the caller decides how to treat missing scores.
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
    """Return errors (n,) as bool and scores (n,) as float64; raise ValueError for invalid ones."""
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
    """Numbers of errors and of correct rows per distinct score, lowest score first.

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
        """Sort errors (n,) and scores (n,) into tie blocks."""
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
        """Return the share of correct rows; NaN without rows."""
        return self.n_correct / self.n if self.n else float("nan")

    def roc_auc(self) -> float:
        """Compute the ROC AUC; see `roc_auc`."""
        pairs = self.n_errors * self.n_correct
        if not pairs:
            return float("nan")
        below = np.cumsum(self.correct) - self.correct
        return float((self.errors * (2 * below + self.correct)).sum()) / (2 * pairs)

    def pr_auc(self) -> float:
        """Compute the average precision; see `pr_auc`."""
        if not self.n_errors:
            return float("nan")
        wrong = self.errors[::-1]
        flagged = np.cumsum(wrong + self.correct[::-1])
        return float((wrong * (np.cumsum(wrong) / flagged)).sum()) / self.n_errors

    def risks(self) -> FloatArray:
        """Compute the error rate (n,) of the k most certain rows, k = 1..n, averaged over ties."""
        size = self.errors + self.correct
        expected = np.repeat(self.errors / np.maximum(size, 1), size)
        risks: FloatArray = np.cumsum(expected) / np.arange(1, expected.size + 1)
        return risks

    def aurc(self) -> float:
        """Compute the AURC; see `aurc`."""
        return float(self.risks().mean()) if self.n else float("nan")

    def oracle_aurc(self) -> float:
        """Compute the AURC of a score that ranks every error above every correct row."""
        if not self.n:
            return float("nan")
        wrong = np.maximum(np.arange(1, self.n + 1) - self.n_correct, 0)
        return float((wrong / np.arange(1, self.n + 1)).mean())

    def prr(self) -> float:
        """Compute the PRR; see `prr`."""
        if not (self.n_errors and self.n_correct):
            return float("nan")
        random = self.n_errors / self.n
        return (random - self.aurc()) / (random - self.oracle_aurc())

    def augrc(self) -> float:
        """Compute the AUGRC; see `augrc`."""
        if not self.n:
            return float("nan")
        risk = self.n_errors / self.n
        area = self.roc_auc()
        mixed = 0.0 if np.isnan(area) else (1 - area) * risk * (1 - risk)
        return mixed + risk**2 / 2

    def accuracy_at_coverage(self, coverage: float) -> float:
        """Compute the accuracy of the most certain share of rows; see `accuracy_at_coverage`."""
        if not 0 < coverage <= 1:
            raise ValueError(f"Expected coverage in (0, 1], got {coverage}.")
        if not self.n:
            return float("nan")
        kept = coverage * self.n
        rows = np.concatenate(([0], np.cumsum(self.errors + self.correct)))
        right = np.concatenate(([0], np.cumsum(self.correct)))
        return float(np.interp(kept, rows, right)) / kept

    def kept(self) -> tuple[IntArray, IntArray]:
        """Count the rows and errors (blocks,) that a threshold at each distinct score keeps."""
        return np.cumsum(self.errors + self.correct), np.cumsum(self.errors)

    def coverage_at_risk(self, target: float) -> float:
        """Compute the largest coverage within a target risk; see `coverage_at_risk`."""
        if not 0 <= target <= 1:
            raise ValueError(f"Expected a target risk in [0, 1], got {target}.")
        if not self.n:
            return float("nan")
        rows, wrong = self.kept()
        return float(rows[wrong <= target * rows].max(initial=0)) / self.n

    def roc_curve(self) -> tuple[FloatArray, FloatArray]:
        """Compute false and true positive rates (blocks + 1,), both ascending from 0 to 1."""
        if not (self.n_errors and self.n_correct):
            return np.full(0, np.nan), np.full(0, np.nan)
        false = np.concatenate(([0], np.cumsum(self.correct[::-1]))) / self.n_correct
        true = np.concatenate(([0], np.cumsum(self.errors[::-1]))) / self.n_errors
        return false, true


def roc_auc(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the probability that an error scores above a correct row, ties counting one half.

    Args:
        errors: (n,) true for an error.
        scores: (n,) without NaN, higher = more uncertain.

    Returns:
        ROC AUC in [0, 1]: 1 for a perfect ranking, 0.5 at chance, below 0.5 for an inverted
        ranking; NaN where only one class is present.

    Raises:
        ValueError: shapes differ, errors are not binary, or a score is NaN.
    """
    return TieBlocks.from_rows(errors, scores).roc_auc()


def risk_coverage_curve(errors: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Compute the risk-coverage curve, averaged over ties.

    Args:
        errors: (n,) true for an error.
        scores: (n,) without NaN, higher = more uncertain.

    Returns:
        Coverages k/n (n,) and error rates (n,) of the k most certain rows, k = 1..n.

    Raises:
        ValueError: shapes differ, errors are not binary, or a score is NaN.
    """
    risks = TieBlocks.from_rows(errors, scores).risks()
    return np.arange(1, risks.size + 1) / max(risks.size, 1), risks


def roc_curve(errors: ArrayLike, scores: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Compute the ROC curve of errors as the positive class.

    Args:
        errors: (n,) true for an error.
        scores: (n,) without NaN, higher = more uncertain.

    Returns:
        False and true positive rates (distinct scores + 1,) from (0, 0) to (1, 1); empty where only
        one class is present.

    Raises:
        ValueError: shapes differ, errors are not binary, or a score is NaN.
    """
    return TieBlocks.from_rows(errors, scores).roc_curve()


def worst_case_roc_auc(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the lowest ROC AUC that any imputation of missing scores could give.

    Args:
        errors: (n,) true for an error.
        scores: (n,) higher = more uncertain; NaN = missing, imputed as most certain on errors and
            as most uncertain on correct rows.

    Returns:
        ROC AUC in [0, 1]; NaN where only one class is present.
    """
    flags = np.asarray(errors, dtype=np.bool_)
    values = np.asarray(scores, dtype=np.float64)
    worst = np.where(flags, -np.inf, np.inf)
    filled = np.where(np.isnan(values), worst, values)
    return roc_auc(flags, filled)
