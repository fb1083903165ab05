"""Signals: what is observed of a model on a question, collected once for all estimators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, cast

import numpy as np

from .estimator_errors import EstimatorError
from .probabilities import softmax
from .signal_tables import (
    TABLES,
    AnswerTable,
    CommitteeTable,
    ForcedAnswersTable,
    HiddenStateTable,
    JudgementTable,
    LayerAnswersTable,
    Need,
    OptionStatesTable,
    PermutedAnswersTable,
    PerturbedStateTable,
    PromptedAnswersTable,
    QuestionTokensTable,
    RecordedScoreTable,
    SamplesTable,
    SelfReportTable,
    Signal,
    TraceTable,
)
from .tables import BoolArray, IntArray, ObjectArray, SignalTable, Status, TableT

__all__ = [
    "TABLES",
    "AnswerTable",
    "CommitteeTable",
    "ForcedAnswersTable",
    "HiddenStateTable",
    "JudgementTable",
    "LayerAnswersTable",
    "Need",
    "OptionStatesTable",
    "Panel",
    "PermutedAnswersTable",
    "PerturbedStateTable",
    "PromptedAnswersTable",
    "QuestionTokensTable",
    "RecordedScoreTable",
    "SamplesTable",
    "SelfReportTable",
    "Signal",
    "Signals",
    "Status",
    "Table",
    "TraceTable",
    "Variants",
    "softmax",
]


PanelT_co = TypeVar("PanelT_co", bound=SignalTable, covariant=True)


@dataclass(frozen=True)
class Panel(Generic[PanelT_co]):
    """The same variant from several sources (judges, say): name of the source → its table."""

    tables: Mapping[str, PanelT_co]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sorted names of the sources."""
        return tuple(sorted(self.tables))

    @property
    def only(self) -> PanelT_co:
        """The table of a panel with a single source. Raises EstimatorError if there are more."""
        if len(self.tables) != 1:
            names = ", ".join(self.sources) or "none"
            raise EstimatorError(f"Expected a panel with one source, but got {names}")
        return next(iter(self.tables.values()))

    @property
    def present(self) -> BoolArray:
        """(n,) whether any of the sources observed the question."""
        seen: BoolArray = np.any([table.present for table in self.tables.values()], axis=0)
        return seen

    def stack(self, name: str) -> Any:
        """Return the (n, sources) values of one column, sources in sorted order."""
        return np.stack([getattr(self.tables[source], name) for source in self.sources], axis=1)

    def take(self, rows: IntArray) -> Panel[PanelT_co]:
        """Return the panel with these rows, in this order."""
        return Panel({source: table.take(rows) for source, table in self.tables.items()})


@dataclass(frozen=True)
class Variants(Generic[PanelT_co]):
    """A signal that comes in variants: ``signals.judgement["complexity"]`` is a Panel."""

    signal: Signal
    panels: Mapping[str, Panel[PanelT_co]]

    def __getitem__(self, variant: str) -> Panel[PanelT_co]:
        if variant not in self.panels:
            known = ", ".join(sorted(self.panels)) or "none"
            raise EstimatorError(f"signal {self.signal}[{variant}] is not there, known: {known}")
        return self.panels[variant]

    @property
    def present(self) -> BoolArray:
        """(n,) whether the question was observed in any variant."""
        seen: BoolArray = np.any([panel.present for panel in self.panels.values()], axis=0)
        return seen

    def __contains__(self, variant: object) -> bool:
        return variant in self.panels

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.panels))

    def take(self, rows: IntArray) -> Variants[PanelT_co]:
        """Return the variants with these rows, in this order."""
        return Variants(self.signal, {name: p.take(rows) for name, p in self.panels.items()})


Table = SignalTable | Variants[SignalTable] | Panel[SignalTable]
"""What holds a signal of a batch of questions."""


@dataclass(frozen=True)
class Signals:
    """A batch of n questions with the signals that an estimator asked for."""

    question_id: ObjectArray | IntArray
    """(n,) ids, numbers or text."""
    topic: ObjectArray
    """(n,) topic names."""
    option_count: IntArray
    """(n,) number of options K of each question."""
    tables: Mapping[Signal, Table] = field(default_factory=dict)
    """Signal → its table, its Variants, or (other models) its Panel."""
    gold: IntArray | None = None
    """(n,) index of the right option, -1 where unknown. Only ``fit`` sees it: ``evaluate`` takes
    it away, and the outcomes in the tables with it."""

    def __len__(self) -> int:
        return len(self.question_id)

    def _get(self, signal: str) -> Table:
        if signal not in self.tables:
            raise EstimatorError(f"signal {signal} is not there; list it in the estimator's needs")
        return self.tables[Signal(signal)]

    def table(self, kind: type[TableT]) -> TableT:
        """Return the table of a signal without variants, e.g. ``signals.table(AnswerTable)``."""
        return cast(TableT, self._get(kind.signal))

    def variants(self, kind: type[TableT]) -> Variants[TableT]:
        """Return a signal's variants, e.g. ``signals.variants(JudgementTable)["complexity"]``."""
        return cast("Variants[TableT]", self._get(kind.signal))

    @property
    def answer(self) -> AnswerTable:
        """The direct answer."""
        return self.table(AnswerTable)

    @property
    def trace(self) -> TraceTable:
        """The chain of thought."""
        return self.table(TraceTable)

    @property
    def samples(self) -> Variants[SamplesTable]:
        """Sampled answers, "direct" or "cot"."""
        return self.variants(SamplesTable)

    @property
    def permuted_answers(self) -> PermutedAnswersTable:
        """The direct answer under cyclic orders of the options."""
        return self.table(PermutedAnswersTable)

    @property
    def prompted_answers(self) -> Variants[PromptedAnswersTable]:
        """The direct answer to other prompts, by prompt."""
        return self.variants(PromptedAnswersTable)

    @property
    def question_tokens(self) -> QuestionTokensTable:
        """The question's own tokens, read without a prompt."""
        return self.table(QuestionTokensTable)

    @property
    def self_report(self) -> Variants[SelfReportTable]:
        """What the model states about its own answer, by elicitation style."""
        return self.variants(SelfReportTable)

    @property
    def hidden_state(self) -> HiddenStateTable:
        """The last layer at the answer position."""
        return self.table(HiddenStateTable)

    @property
    def committee(self) -> Panel[CommitteeTable]:
        """Other models' answers, by model."""
        return cast("Panel[CommitteeTable]", self._get(Signal.COMMITTEE))

    @property
    def judgement(self) -> Variants[JudgementTable]:
        """Replies of the judges, by questionnaire."""
        return self.variants(JudgementTable)

    @property
    def recorded_score(self) -> Variants[RecordedScoreTable]:
        """Imported scores, by name."""
        return self.variants(RecordedScoreTable)

    @property
    def outcome(self) -> AnswerTable | TraceTable:
        """The table whose answer is scored as right or wrong: the direct answer, else the trace."""
        for signal in (Signal.ANSWER, Signal.TRACE):
            table = self.tables.get(signal)
            if isinstance(table, AnswerTable | TraceTable):
                return table
        raise EstimatorError("Expected signal answer or trace, but got neither")

    @property
    def prompt_tokens(self) -> IntArray:
        """(n,) prompt length in tokens, from the answer or the trace; -1 if unknown."""
        return self.outcome.prompt_tokens

    def blind(self) -> Signals:
        """Return the batch without gold answers and outcomes."""
        tables = dict(self.tables)
        for signal, table in self.tables.items():
            if isinstance(table, AnswerTable | TraceTable):
                unknown = np.full(len(self), -1, dtype=np.int64)
                tables[signal] = replace(table, correct=unknown)
        return replace(self, tables=tables, gold=None)

    def take(self, rows: IntArray) -> Signals:
        """Return the batch with these rows, in this order."""
        return Signals(
            self.question_id[rows],
            self.topic[rows],
            self.option_count[rows],
            {signal: table.take(rows) for signal, table in self.tables.items()},
            None if self.gold is None else self.gold[rows],
        )
