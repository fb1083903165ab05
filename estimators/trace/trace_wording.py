"""Estimators that read the words of a chain of thought, for texts without log-probabilities too."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..core.word_lists import HEDGES, pattern, word_count
from ..signals.batch import Signal, Signals
from ..signals.tables import FloatArray

FAMILY = "chain of thought"
LANGUAGES = ("all", *HEDGES)


class _WordEstimator(Estimator):
    needs = frozenset({Signal.TRACE})
    family = FAMILY
    cost = "m"
    lists = ""

    def __init__(self, language: str = "all") -> None:
        self.language = one_of("language", language, LANGUAGES)

    def _counts(self, signals: Signals) -> tuple[FloatArray, FloatArray]:
        """Return (n,) numbers of phrases and of words; NaN without a text or a word."""
        phrases = pattern(self.lists, self.language)
        found, words = np.full(len(signals), np.nan), np.full(len(signals), np.nan)
        for row, text in enumerate(signals.trace.text):
            count = word_count(text) if signals.trace.present[row] and text else 0
            if count:
                found[row], words[row] = sum(1 for _ in phrases.finditer(text)), count
        return found, words

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return "no words in the chain of thought" if signals.trace.present[row] else None


class HedgeWords(_WordEstimator):
    """Hedges (perhaps, not sure, …) per 100 words of the chain of thought, in [0, 100].

    ``language`` is one of those in ``estimators/core/word_lists.py``, or "all" of them.
    """

    name = "hedge_words"
    reference = "arXiv 2508.15842"
    lists = "hedges"

    def score(self, signals: Signals) -> FloatArray:
        found, words = self._counts(signals)
        return 100.0 * found / words


class ReflectionCount(_WordEstimator):
    """Number of times that the chain of thought turns back (wait, let me check, …), from 0.

    ``language`` is one of those in ``estimators/core/word_lists.py``, or "all" of them.
    """

    name = "reflection_count"
    reference = "arXiv 2508.15842"
    lists = "reflections"

    def score(self, signals: Signals) -> FloatArray:
        return self._counts(signals)[0]
