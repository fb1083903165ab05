"""One estimator's scores on one group of questions, and the value of a metric there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..statistics.ranking import BoolArray, FloatArray, TieBlocks
from ..statistics.short_repr import short_repr
from .metric import Metric, Needs

Rows = tuple[BoolArray, FloatArray]


class NoNumber(ValueError):
    """A metric's function gave something else than a number."""


@short_repr
@dataclass(frozen=True)
class ScoredGroup:
    """The n rows of a group with the scores of one estimator.

    Attributes:
        errors: (n,) true where the answer is wrong.
        scores: (n,), higher = more uncertain; NaN = missing, +inf = unparsed answer.
        raw: (n,) the scores as the estimator gave them; NaN = missing.
        unparsed: (n,) true where no answer was found.
        common: (n,) true where every estimator gave a score.
        claims: whether the scores claim to be P(error).
    """

    errors: BoolArray
    scores: FloatArray
    raw: FloatArray
    unparsed: BoolArray
    common: BoolArray
    claims: bool = False

    @classmethod
    def of(cls, errors: BoolArray, scores: FloatArray, claims: bool = False) -> ScoredGroup:
        """Rows that all have an answer and, but for NaN, a score."""
        none = np.zeros(errors.shape, dtype=np.bool_)
        return cls(errors, scores, scores, none, ~np.isnan(scores), claims)

    @cached_property
    def present(self) -> BoolArray:
        """(n,) true where there is a score."""
        there: BoolArray = ~np.isnan(self.scores)
        return there

    @property
    def coverage(self) -> float:
        """Share of the rows for which the estimator gave a score; NaN without rows."""
        return float((~np.isnan(self.raw)).mean()) if self.raw.size else float("nan")

    @cached_property
    def scored(self) -> Rows:
        """Errors and scores of the rows with a score; not to be written to."""
        return _fixed(self.errors[self.present], self.scores[self.present])

    @cached_property
    def ties(self) -> TieBlocks:
        """The scored rows, sorted."""
        return TieBlocks.from_rows(*self.scored)

    @cached_property
    def area(self) -> float:
        """ROC AUC of the scored rows."""
        return self.ties.roc_auc()

    @cached_property
    def probabilities(self) -> Rows | None:
        """Errors and P(error) of the rows with an answer and a score; None where the scores are no
        probabilities, or one is beyond [0, 1], or there is none."""
        chosen = ~np.isnan(self.raw) & ~self.unparsed
        errors, scores = self.errors[chosen], self.raw[chosen]
        if not self.claims or ((scores < 0) | (scores > 1)).any() or not scores.size:
            return None
        return _fixed(errors, scores)

    def value(self, metric: Metric) -> float:
        """The metric of these rows, its `absent` value where they cannot give what it needs.

        Raises NoNumber where its function gives no number, and whatever that raises.
        """
        if metric.from_ties is not None:
            return as_number(metric, metric.from_ties(self.ties))
        if metric.needs is Needs.GROUP:
            return as_number(metric, metric.compute(self))
        rows = self.scored if metric.needs is Needs.SCORES else self.probabilities
        return metric.absent if rows is None else as_number(metric, metric.compute(*rows))


def _fixed(errors: BoolArray, scores: FloatArray) -> Rows:
    errors.flags.writeable = scores.flags.writeable = False
    return errors, scores


def as_number(metric: Metric, value: Any) -> float:
    """What a metric's function gave, as int for a count. Raises NoNumber for anything else."""
    single = isinstance(value, np.generic | np.ndarray) and value.size == 1
    plain = value.item() if single else value
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise NoNumber(f"expected a number, got {type(value).__name__}")
    if metric.kind == "count" and not math.isnan(plain):
        if plain != int(plain):
            raise NoNumber(f"expected a whole number, got {plain!r}")
        return int(plain)
    return float(plain)
