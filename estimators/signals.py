"""Signals: what one model shows on one question, collected once, shared by all estimators.

The tables below are the schema of the store too: adding a signal means adding its table here and
one method to an engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar, cast

import numpy as np

from .errors import EstimatorError
from .tables import (
    FloatArray,
    IntArray,
    Kind,
    ObjectArray,
    SignalTable,
    TableT,
    column,
)


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
    RECORDED_SCORE = "recorded_score"

    def variant(self, name: str) -> Need:
        """One variant of the signal, e.g. ``Signal.JUDGEMENT.variant("complexity")``."""
        return Need(frozenset({self}), name)

    def __or__(self, other: Signal) -> Need:
        """Either of two signals, whichever a task gives."""
        return Need(frozenset({self, other}))

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Need:
    """One requirement of an estimator: any one of ``signals``, in the named variant."""

    signals: frozenset[Signal]
    variant: str = ""

    @classmethod
    def of(cls, need: Signal | Need) -> Need:
        """A plain signal as a Need."""
        return need if isinstance(need, Need) else cls(frozenset({need}))

    def __str__(self) -> str:
        names = " or ".join(sorted(signal.value for signal in self.signals))
        return f"{names}[{self.variant}]" if self.variant else names


class Status(str, Enum):
    """Whether the model's own reply named an option."""

    PARSED = "parsed"
    UNPARSED = "unparsed"
    DONT_KNOW = "dont_know"


@dataclass(frozen=True)
class AnswerTable(SignalTable):
    """The direct answer: what the model's distribution at the answer token looks like."""

    option_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) natural-log probability of each option's label, variants such as "A" and " A"
    merged, not renormalised, so that their exp sums to at most 1. NaN beyond a question's last
    option. Imported logits are stored after a log-softmax over the options."""
    scored_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) log-likelihood of the exact continuation that lm-eval asked for; it decides
    ``answer``."""
    dont_know_logprob: FloatArray = column(Kind.FLOAT)
    """(n,) log-probability of the reserved don't-know label, where the task has one."""
    entropy: FloatArray = column(Kind.FLOAT)
    """(n,) entropy of the full-vocabulary distribution at the answer token, nats."""
    post_answer_entropy: FloatArray = column(Kind.FLOAT)
    """(n,) the same one token later: after the chosen label has been appended, nats."""
    top_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, k) the k largest log-probabilities at the answer token, in descending order."""
    missing_mass: FloatArray = column(Kind.FLOAT)
    """(n,) probability outside ``top_logprobs``, in [0, 1]."""
    answer: IntArray = column(Kind.INT)
    """(n,) index of the chosen option, -1 for none."""
    status: ObjectArray = column(Kind.TEXT)
    """(n,) a ``Status``: is the single most probable token a label of an option?"""
    correct: IntArray = column(Kind.INT)
    """(n,) 1 right, 0 wrong, as lm-eval (or the imported record) scored it; -1 unknown."""
    prompt_tokens: IntArray = column(Kind.INT)
    """(n,) length of the prompt in tokens."""

    @property
    def option_probs(self) -> FloatArray:
        """(n, K) probabilities renormalised over the options (rows sum to 1; NaN padding)."""
        return softmax(self.option_logprobs)


@dataclass(frozen=True)
class TraceTable(SignalTable):
    """A greedy chain of thought, token by token, with the answer's token located."""

    text: ObjectArray = column(Kind.TEXT)
    """(n,) the generated text."""
    token_logprobs: FloatArray = column(Kind.FLOATS, single=True)
    """(n, T) log-probability of each generated token, nats."""
    token_entropies: FloatArray = column(Kind.FLOATS, single=True)
    """(n, T) full-vocabulary entropy at each generated token, nats."""
    token_top_logprobs: FloatArray = column(Kind.FLOAT_LISTS, single=True)
    """(n, T, k) the k largest log-probabilities at each token, descending."""
    answer_position: IntArray = column(Kind.INT)
    """(n,) index of the answer's first token among the generated ones, -1 if not found."""
    option_logprobs: FloatArray = column(Kind.FLOATS)
    """(n, K) as in AnswerTable, at the answer position."""
    answer: IntArray = column(Kind.INT)
    """(n,) index of the option in the last marker, -1 if not found."""
    status: ObjectArray = column(Kind.TEXT)
    """(n,) a ``Status``."""
    correct: IntArray = column(Kind.INT)
    """(n,) 1 right, 0 wrong, -1 unknown."""
    prompt_tokens: IntArray = column(Kind.INT)
    """(n,) length of the prompt in tokens."""
    finished: IntArray = column(Kind.INT)
    """(n,) 1 if the model ended the text, 0 if the token limit did, -1 unknown."""

    @property
    def option_probs(self) -> FloatArray:
        """(n, K) probabilities renormalised over the options (rows sum to 1; NaN padding)."""
        return softmax(self.option_logprobs)


@dataclass(frozen=True)
class JudgementTable(SignalTable):
    """One judge's reply to one questionnaire."""

    text: ObjectArray = column(Kind.TEXT)
    """(n,) the reply."""
    value: FloatArray = column(Kind.FLOAT)
    """(n,) its value in [0, 1], NaN if it could not be read."""
    labels: ObjectArray = column(Kind.TEXTS)
    """(n, m) the words in the marker, e.g. education level, or knowledge, reasoning, steps."""
    rating_text: ObjectArray = column(Kind.TEXT)
    """(n,) the reply to the second call, which rates the first."""
    rating: FloatArray = column(Kind.FLOAT)
    """(n,) that rating, 1 to 10, NaN if it could not be read."""
    reason: ObjectArray = column(Kind.TEXT)
    """(n,) why ``value`` or ``rating`` is missing, None where both are there."""


@dataclass(frozen=True)
class RecordedScoreTable(SignalTable):
    """A score that was computed elsewhere and imported; the variant is its name."""

    score: FloatArray = column(Kind.FLOAT)
    """(n,) higher = more uncertain."""


TABLES: dict[Signal, type[SignalTable]] = {
    Signal.ANSWER: AnswerTable,
    Signal.TRACE: TraceTable,
    Signal.JUDGEMENT: JudgementTable,
    Signal.RECORDED_SCORE: RecordedScoreTable,
}
"""Signal → the table that holds it."""


def softmax(logits: FloatArray) -> FloatArray:
    """Softmax over the last axis, ignoring NaN; a row with no finite value gives NaN."""
    finite = np.where(np.isnan(logits), -np.inf, logits)
    if finite.shape[-1] == 0:
        return finite
    top = finite.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        weights = np.exp(finite - top)
    total = weights.sum(axis=-1, keepdims=True)
    probs = weights / total
    return cast(FloatArray, np.where(np.isnan(logits), np.nan, probs))


@dataclass(frozen=True)
class Panel(Generic[TableT]):
    """The same variant from several sources (judges, say): name of the source → its table."""

    tables: Mapping[str, TableT]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources, sorted."""
        return tuple(sorted(self.tables))

    def stack(self, name: str) -> Any:
        """(n, sources) values of one column, sources in sorted order."""
        return np.stack([getattr(self.tables[source], name) for source in self.sources], axis=1)

    def take(self, rows: IntArray) -> Panel[TableT]:
        """The panel with these rows, in this order."""
        return Panel({source: table.take(rows) for source, table in self.tables.items()})


VariantsT = TypeVar("VariantsT", bound=SignalTable)


@dataclass(frozen=True)
class Variants(Generic[VariantsT]):
    """A signal that comes in variants: ``signals.judgement["complexity"]`` is a Panel."""

    signal: Signal
    panels: Mapping[str, Panel[VariantsT]]

    def __getitem__(self, variant: str) -> Panel[VariantsT]:
        if variant not in self.panels:
            known = ", ".join(sorted(self.panels)) or "none"
            raise EstimatorError(f"signal {self.signal}[{variant}] is not there, known: {known}")
        return self.panels[variant]

    def __contains__(self, variant: object) -> bool:
        return variant in self.panels

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.panels))

    def take(self, rows: IntArray) -> Variants[VariantsT]:
        """The variants with these rows, in this order."""
        return Variants(self.signal, {name: p.take(rows) for name, p in self.panels.items()})


@dataclass(frozen=True)
class Signals:
    """A batch of n questions with the signals that an estimator asked for."""

    question_id: ObjectArray | IntArray
    """(n,) ids, numbers or text."""
    topic: ObjectArray
    """(n,) topic names."""
    option_count: IntArray
    """(n,) number of options K of each question."""
    tables: Mapping[Signal, Any] = field(default_factory=dict)
    """Signal → its table, or its Variants."""

    def __len__(self) -> int:
        return len(self.question_id)

    def _get(self, signal: Signal) -> Any:
        if signal not in self.tables:
            raise EstimatorError(f"signal {signal} is not there; list it in the estimator's needs")
        return self.tables[signal]

    @property
    def answer(self) -> AnswerTable:
        """The direct answer."""
        return cast(AnswerTable, self._get(Signal.ANSWER))

    @property
    def trace(self) -> TraceTable:
        """The chain of thought."""
        return cast(TraceTable, self._get(Signal.TRACE))

    @property
    def judgement(self) -> Variants[JudgementTable]:
        """Replies of the judges, by questionnaire."""
        return cast("Variants[JudgementTable]", self._get(Signal.JUDGEMENT))

    @property
    def recorded_score(self) -> Variants[RecordedScoreTable]:
        """Imported scores, by name."""
        return cast("Variants[RecordedScoreTable]", self._get(Signal.RECORDED_SCORE))

    @property
    def prompt_tokens(self) -> IntArray:
        """(n,) prompt length in tokens, from the answer or the trace; -1 if unknown."""
        table = self.tables.get(Signal.ANSWER) or self.tables.get(Signal.TRACE)
        if table is None:
            raise EstimatorError("prompt length needs signal answer or trace")
        return cast(IntArray, table.prompt_tokens)

    def take(self, rows: IntArray) -> Signals:
        """The batch with these rows, in this order."""
        return Signals(
            self.question_id[rows],
            self.topic[rows],
            self.option_count[rows],
            {signal: table.take(rows) for signal, table in self.tables.items()},
        )
