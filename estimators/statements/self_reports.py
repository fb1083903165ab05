"""Estimators that ask the model how confident it is in its own answer.

Statements are taken as given; a reply that cannot be parsed is a missing score, never a confident
one.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..signals.batch import SelfReportTable, Signal, Signals
from ..signals.tables import FloatArray

FAMILY = "asking the model"


class _SelfReport(Estimator):
    variant: ClassVar[str] = ""
    family = FAMILY
    cost = "m"

    def _asked(self) -> str:
        return self.variant

    def _table(self, signals: Signals) -> SelfReportTable:
        return signals.self_report[self._asked()].only

    def score(self, signals: Signals) -> FloatArray:
        return 1.0 - self._table(signals).value

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        table = self._table(signals)
        if not table.present[row]:
            return None
        reason = table.reason[row]
        return "no confidence stated" if reason is None else str(reason)


class PTrue(_SelfReport):
    """1 - P(True) / (P(True) + P(False)), asked whether its own answer is true, in [0, 1]."""

    name = "p_true"
    is_probability = True
    variant = "p_true"
    needs = frozenset({Signal.SELF_REPORT.variant("p_true")})
    reference = "arXiv 2207.05221"


class VerbalizedConfidence(_SelfReport):
    """1 - the confidence that the model states, in [0, 1].

    ``style``: "one_step" (answer and confidence at once), "two_step" (asked after the answer), or
    "top_k" (several guesses with confidences): there it is the confidence of the guess that is the
    model's answer, 0 where its answer is not among the guesses.
    """

    name = "verbalized_confidence"
    is_probability = True
    needs = frozenset({Signal.SELF_REPORT.variant("two_step")})
    reference = "arXiv 2305.14975"

    def __init__(self, style: str = "two_step") -> None:
        self.style = one_of("style", style, ("one_step", "two_step", "top_k"))
        needs = {Signal.SELF_REPORT.variant(style)}
        if style == "top_k":
            needs.add(Signal.ANSWER | Signal.TRACE)
        self.needs = frozenset(needs)

    def _asked(self) -> str:
        return self.style

    def score(self, signals: Signals) -> FloatArray:
        table = self._table(signals)
        if self.style != "top_k":
            return 1.0 - table.value
        answer = signals.outcome.answer
        width = min(table.answers.shape[1], table.values.shape[1])
        guesses, values = table.answers[:, :width], table.values[:, :width]
        read = ((guesses >= 0) & ~np.isnan(values)).any(axis=1) & (answer >= 0)
        its = np.where(guesses == answer[:, None], np.nan_to_num(values), 0.0)
        return np.where(read, 1.0 - its.max(axis=1, initial=0.0), np.nan)


class LinguisticConfidence(_SelfReport):
    """1 - the probability that the model's words stand for ("fairly sure" → 0.7), in [0, 1]."""

    name = "linguistic_confidence"
    is_probability = True
    variant = "linguistic"
    needs = frozenset({Signal.SELF_REPORT.variant("linguistic")})
    reference = "arXiv 2305.14975; arXiv 2505.23854"
