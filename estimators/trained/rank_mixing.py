"""Estimators that join evidence of several kinds by its ranks."""

from __future__ import annotations

import numpy as np

from ..answers.samples import VoteShare
from ..core.estimator import Estimator, require_fit
from ..signals.batch import Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray
from ..statements.self_reports import VerbalizedConfidence

FAMILY = "samples"


class ConsistencyWithConfidence(Estimator):
    """Mean of the ranks of ``vote_share`` and of ``verbalized_confidence``, in [0, 1].

    A rank is the share of the training part's questions with a smaller score, ties counted half;
    no right answers are needed. Two samples suffice. ``samples`` and ``style`` are those of the two
    estimators.
    """

    name = "consistency_with_confidence"
    family = FAMILY
    reference = "arXiv 2603.19118"
    cost = "x"
    needs = VoteShare("direct").needs | VerbalizedConfidence("one_step").needs

    def __init__(self, samples: str = "direct", style: str = "one_step") -> None:
        self._parts = VoteShare(samples), VerbalizedConfidence(style)
        self.samples, self.style = samples, style
        self.needs = frozenset().union(*(part.requirements() for part in self._parts))
        self._seen: tuple[FloatArray, ...] | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Keep the training part's scores to rank by; ``correct`` is not used."""
        seen = []
        for part in self._parts:
            scores = part.score(signals)
            if np.isnan(scores).all():
                raise EstimatorError(f"Expected scores of {part.label} to rank by, but got none")
            seen.append(np.sort(scores[~np.isnan(scores)]))
        self._seen = tuple(seen)

    def score(self, signals: Signals) -> FloatArray:
        seen = require_fit(self, self._seen)
        ranks = [_ranks(p.score(signals), s) for p, s in zip(self._parts, seen, strict=True)]
        mean: FloatArray = np.mean(ranks, axis=0)
        return mean

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        for part in self._parts:
            if np.isnan(part.score(signals.take(np.array([row])))[0]):
                return part.missing_reason(signals, row) or f"no score of {part.label}"
        return None


def _ranks(scores: FloatArray, ordered: FloatArray) -> FloatArray:
    """Return (n,) ranks in [0, 1] among (m,) ordered scores; NaN stays NaN."""
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    return np.where(np.isnan(scores), np.nan, (below + upto) / (2 * len(ordered)))
