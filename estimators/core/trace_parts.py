"""The parts of a chain of thought: all of it, a thinking model's reasoning, or its answer."""

from __future__ import annotations

import numpy as np

from ..signals.batch import Signal, Signals
from ..signals.tables import FloatArray
from .estimator import Estimator
from .parameters import one_of

FAMILY = "chain of thought"
NO_VOCABULARY = "engine has no full vocabulary"
PARTS = ("all", "reasoning", "answer")
"""The whole text; what a thinking model writes before its answer, marks included; what follows."""
UNKNOWN_PART = "where the answer begins is not stored"
EMPTY = {
    "all": "no tokens in the chain of thought",
    "reasoning": "no tokens of a reasoning part",
    "answer": "no tokens of an answer part",
}


class TraceEstimator(Estimator):
    """What the estimators of a chain of thought share."""

    needs = frozenset({Signal.TRACE})
    family = FAMILY
    cost = "m"
    reference = "arXiv 2506.21220"
    lacking = NO_VOCABULARY
    """What is missing where a trace is there and has tokens."""


class OverTokens(TraceEstimator):
    """Reads the tokens of one part of each trace.

    ``part`` is "all" of the text, a thinking model's "reasoning", or its "answer".
    """

    def __init__(self, part: str = "all") -> None:
        self.part = one_of("part", part, PARTS)

    def tokens(self, signals: Signals, column: str) -> FloatArray:
        """Return a column of the tokens, (n, T) or (n, T, k), of this estimator's part alone.

        The part's tokens come first; all else is NaN. A row of which it is unknown where the
        answer begins has none but in the part "all".
        """
        values: FloatArray = getattr(signals.trace, column)
        if self.part == "all":
            return values
        begins, width = signals.trace.answer_start, values.shape[1]
        place = np.arange(width)[None, :]
        if self.part == "reasoning":
            inside, moved = place < begins[:, None], np.broadcast_to(place, values.shape[:2])
        else:
            inside = (place + begins[:, None] < width) & (begins >= 0)[:, None]
            moved = np.minimum(place + np.maximum(begins, 0)[:, None], max(width - 1, 0))
        more = (1,) * (values.ndim - 2)
        picked = np.take_along_axis(values, moved.reshape(*moved.shape, *more), axis=1)
        part: FloatArray = np.where(inside.reshape(*inside.shape, *more), picked, np.nan)
        return part

    def lengths(self, signals: Signals) -> FloatArray:
        """Return the (n,) numbers of tokens of the part, from whatever was stored of them."""
        columns = (self.tokens(signals, name) for name in ("token_logprobs", "token_entropies"))
        longest: FloatArray = np.maximum(*((~np.isnan(c)).sum(axis=1) for c in columns))
        return longest.astype(np.float64)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        """Return why a question has no score."""
        trace = signals.trace
        if not trace.present[row]:
            return None
        if trace.tokens_missing[row] is not None:
            return str(trace.tokens_missing[row])
        if self.part != "all" and trace.answer_start[row] < 0:
            return UNKNOWN_PART
        return EMPTY[self.part] if self.lengths(signals)[row] == 0 else self.lacking
