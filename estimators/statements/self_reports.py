"""Estimators that ask the model how confident it is in its own answer.

Statements are taken as given; a reply that cannot be parsed is a missing score, never a confident
one.
"""

from __future__ import annotations

import numpy as np

from ..core.parameters import one_of, whole_number
from ..signals.batch import Signal, Signals
from ..signals.tables import FloatArray
from .asked_model import AskedModel

MOST_CANDIDATES = 10


class PTrue(AskedModel):
    """1 - P(True) / (P(True) + P(False)), asked whether its own answer is true, in [0, 1].

    ``candidates``: that many sampled answers are shown before, as they were drawn, repeated ones
    too; 0 for none. At most as many as were sampled (``--samples``).
    """

    name = "p_true"
    is_probability = True
    needs = frozenset({Signal.SELF_REPORT.variant("p_true")})
    reference = "arXiv 2207.05221"

    def __init__(self, candidates: int = 0) -> None:
        self.candidates = whole_number("candidates", candidates, 0)
        if candidates > MOST_CANDIDATES:
            raise ValueError(
                f"Expected `candidates` to be at most {MOST_CANDIDATES}, but got {candidates}"
            )
        if candidates:
            shown = Signal.SAMPLES.variant("direct")
            self.needs = frozenset({Signal.SELF_REPORT.variant(self._asked()), shown})

    def _asked(self) -> str:
        return f"p_true_{self.candidates}" if self.candidates else "p_true"


class AskConfidenceBefore(AskedModel):
    """1 - P(True) / (P(True) + P(False)), asked before it answers whether it knows, in [0, 1].

    P(I know), or P(IK), by a prompt that shows the question with its options; the source also
    trains a head of the model for it.
    """

    name = "ask_confidence_before"
    is_probability = True
    variant = "before"
    needs = frozenset({Signal.SELF_REPORT.variant("before")})
    reference = "arXiv 2207.05221"


class VerbalizedConfidence(AskedModel):
    """1 - the confidence that the model states, in [0, 1].

    ``style``: "one_step" (answer and confidence at once), "two_step" (asked after the answer), or
    "top_k" (several guesses with confidences): there it is the confidence of the guess that is the
    model's answer, 0 where its answer is not among the guesses.

    ``scale``: "percent", or "0-10" (two_step only). ``read``: the number as "stated", or, on the
    scale from 0 to 10, its expected value, Σ k p(k) / (10 Σ p(k)) over the probabilities of the
    numbers k = 0..10 behind a reply that is begun with the bracket.
    """

    name = "verbalized_confidence"
    is_probability = True
    needs = frozenset({Signal.SELF_REPORT.variant("two_step")})
    reference = "arXiv 2305.14975"

    def __init__(
        self, style: str = "two_step", scale: str = "percent", read: str = "stated"
    ) -> None:
        self.style = one_of("style", style, ("one_step", "two_step", "top_k"))
        self.scale = one_of("scale", scale, ("percent", "0-10"))
        self.read = one_of("read", read, ("stated", "expected"))
        if scale == "0-10" and style != "two_step":
            raise ValueError(f"Expected `style` to be two_step with scale 0-10, but got {style!r}")
        if read == "expected" and scale != "0-10":
            raise ValueError(f"Expected `scale` to be 0-10 with read expected, but got {scale!r}")
        needs = {Signal.SELF_REPORT.variant(self._asked())}
        if style == "top_k":
            needs.add(Signal.ANSWER | Signal.TRACE)
        self.needs = frozenset(needs)

    def _asked(self) -> str:
        if self.scale == "percent":
            return self.style
        return "expected_0_10" if self.read == "expected" else "two_step_0_10"

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


class LinguisticConfidence(AskedModel):
    """1 - the probability that the model's words stand for ("fairly sure" → 0.7), in [0, 1]."""

    name = "linguistic_confidence"
    is_probability = True
    variant = "linguistic"
    needs = frozenset({Signal.SELF_REPORT.variant("linguistic")})
    reference = "arXiv 2305.14975; arXiv 2505.23854"
