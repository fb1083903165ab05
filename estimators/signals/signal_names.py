"""Names of the signals, and how an estimator declares which of them it needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Signal(str, Enum):
    """Names of the signals; an estimator lists those it needs."""

    ANSWER = "answer"
    TRACE = "trace"
    SAMPLES = "samples"
    PERMUTED_ANSWERS = "permuted_answers"
    PROMPTED_ANSWERS = "prompted_answers"
    SELF_REPORT = "self_report"
    JUDGEMENT = "judgement"
    HIDDEN_STATE = "hidden_state"
    COMMITTEE = "committee"
    RECORDED_SCORE = "recorded_score"

    def variant(self, name: str) -> Need:
        """Return one variant of the signal, e.g. ``Signal.JUDGEMENT.variant("complexity")``."""
        return Need(frozenset({self}), name)

    def __or__(self, other: Signal) -> Need:
        """Require either of two signals, whichever a task has."""
        return Need(frozenset({self, other}))

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Need:
    """A requirement of an estimator: any one of ``signals``, in the named variant."""

    signals: frozenset[Signal]
    variant: str = ""

    @classmethod
    def of(cls, need: Signal | Need) -> Need:
        """Convert a plain signal to a Need."""
        return need if isinstance(need, Need) else cls(frozenset({need}))

    def __str__(self) -> str:
        names = " or ".join(sorted(signal.value for signal in self.signals))
        return f"{names}[{self.variant}]" if self.variant else names


class Status(str, Enum):
    """Whether the model's own reply chose an option."""

    PARSED = "parsed"
    UNPARSED = "unparsed"
    DONT_KNOW = "dont_know"
