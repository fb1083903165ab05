"""The details of stored answers, as the report's explorer shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....estimators.signals.batch import (
    AnswerTable,
    JudgementTable,
    PermutedAnswersTable,
    PromptedAnswersTable,
    SamplesTable,
    SelfReportTable,
    Signal,
    TraceTable,
)
from ....estimators.signals.tables import FloatArray, ObjectArray
from ....estimators.signals.trace_tables import PromptTable
from ....reports import (
    AnswerRecord,
    Detail,
    JudgementRecord,
    QuestionText,
    SampleRecord,
    StatementRecord,
    TraceRecord,
)
from ....reports.explorer.records import ENTROPY, SURPRISE
from ...store.task_store import TaskStore
from .shown_answers import answer_span, text_at, token_count, trace_facts
from .stored_columns import Batch, TableT, batches

SHOWN: Mapping[Signal, Sequence[str]] = {
    Signal.ANSWER: ("option_logprobs",),
    Signal.TRACE: (
        *("text", "token_logprobs", "token_entropies", "token_ends", "answer_position"),
        *("option_logprobs", "answer", "status", "rule", "finished", "answer_start"),
        *("reasoning", "thought_closed", "tokens_missing"),
    ),
    Signal.SAMPLES: ("answers", "texts", "count", "temperature"),
    Signal.PERMUTED_ANSWERS: ("option_logprobs", "shifts", "answers"),
    Signal.PROMPTED_ANSWERS: ("option_logprobs", "answer"),
    Signal.SELF_REPORT: ("text", "value", "reason"),
    Signal.JUDGEMENT: ("text", "value", "labels", "rating_text", "rating", "reason"),
}
"""Signal → the columns that are shown."""
_NONE: FloatArray = np.empty((0, 0))


@dataclass(frozen=True)
class Reader:
    """What is needed to read the details of a store's answers.

    Attributes:
        store: the store.
        ids: ids of the questions.
        labels: labels of the options, as many as any question has.
        counts: number of options of each question.
        texts: gives the questions' texts.
        reasons: gives estimator → why it has no score, for the place of a question.
    """

    store: TaskStore
    ids: Sequence[str]
    labels: Sequence[str]
    counts: Sequence[int]
    texts: Callable[[], Iterator[QuestionText]]
    reasons: Callable[[int], Mapping[str, str]]

    def details(self) -> Iterator[Detail]:
        """Yield what is stored of each answer, in the order of the ids."""
        wanted = dict(SHOWN)
        if self.store.has(Signal.TRACE):
            wanted[Signal.PROMPT] = ("text",)
        texts, manifest = self.texts(), self.store.manifest
        for batch in batches(self.store, wanted, self.ids):
            yield from self._batch(batch, [next(texts) for _ in batch.ids], manifest)

    def _batch(
        self, batch: Batch, texts: Sequence[QuestionText], manifest: Mapping[str, object]
    ) -> Iterator[Detail]:
        trace, prompts = batch.table(TraceTable), batch.table(PromptTable)
        outcome = trace if trace is not None else batch.table(AnswerTable)
        chances = _NONE if outcome is None else outcome.option_probs
        orders = batch.table(PermutedAnswersTable)
        order_chances = _NONE if orders is None else orders.option_probs
        samples = _tables(batch, SamplesTable)
        prompted = [
            (name, t, t.option_probs) for name, _, t in _tables(batch, PromptedAnswersTable)
        ]
        statements = _tables(batch, SelfReportTable)
        judgements = _tables(batch, JudgementTable)
        for row, text in enumerate(texts):
            place = batch.start + row
            shown = None
            if trace is not None and trace.present[row]:
                prompt = text_at(prompts.text, row) if prompts is not None else None
                labels = self.labels[: self.counts[place]]
                options = list(text.options)
                span = answer_span(manifest, trace, row, labels, options, prompt or "")
                shown = _trace(trace, row, span)
            yield Detail(
                probabilities=() if outcome is None else _known(chances[row]),
                rule=None if trace is None else text_at(trace.rule, row),
                reasons=self.reasons(place),
                trace=shown,
                samples=[_sample(name, t, row) for name, _, t in samples if t.present[row]],
                orders=[] if orders is None else list(_orders(orders, order_chances, row)),
                prompted=[
                    AnswerRecord(name, int(t.answer[row]), _known(shares[row]))
                    for name, t, shares in prompted
                    if t.present[row]
                ],
                statements=[
                    _statement(name, t, row) for name, _, t in statements if t.present[row]
                ],
                judgements=[
                    _judgement(name, judge, t, row)
                    for name, judge, t in judgements
                    if t.present[row]
                ],
            )


def _tables(batch: Batch, kind: type[TableT]) -> list[tuple[str, str, TableT]]:
    """Return variant, source and table of all that a store holds of a signal with variants."""
    found = batch.variants(kind)
    if found is None:
        return []
    return [(name, source, t) for name in found for source, t in found[name].tables.items()]


def _known(values: FloatArray) -> list[float]:
    """Return the values up to the last one that is known."""
    known = np.flatnonzero(~np.isnan(values))
    return values[: known[-1] + 1].tolist() if len(known) else []


def _trace(trace: TraceTable, row: int, span: tuple[int, int] | None) -> TraceRecord | None:
    text, reasoning = text_at(trace.text, row), text_at(trace.reasoning, row)
    if text is None and not reasoning:
        return None
    count = token_count(trace, row)
    values, quantity = np.array([]), ENTROPY
    if count:
        values = trace.token_entropies[row, :count] if trace.token_entropies.size else values
        if not len(values) or np.isnan(values).all():
            values, quantity = -trace.token_logprobs[row, :count], SURPRISE
    ends = trace.token_ends[row] if trace.token_ends.size else np.array([], dtype=np.int64)
    ends = ends[ends >= 0]
    return TraceRecord(
        text=text or "",
        reasoning=reasoning,
        token_ends=ends.tolist() if len(ends) == count else [],
        token_values=values.tolist(),
        quantity=quantity,
        answer_token=int(trace.answer_position[row]),
        answer_span=span,
        facts=trace_facts(trace, row),
    )


def _sample(name: str, table: SamplesTable, row: int) -> SampleRecord:
    answers = table.answers[row][table.drawn[row]].tolist()
    row_texts: ObjectArray = table.texts[row]
    texts = [text_at(row_texts, place) for place in range(min(len(answers), len(row_texts)))]
    kept = texts if any(text is not None for text in texts) else []
    return SampleRecord(name, answers, kept, float(table.temperature[row]))


def _orders(table: PermutedAnswersTable, chances: FloatArray, row: int) -> Iterator[AnswerRecord]:
    for order, shift in enumerate(table.shifts[row].tolist()):
        if shift >= 0:
            shares = _known(chances[row, order])
            yield AnswerRecord(str(shift), int(table.answers[row, order]), shares)


def _statement(name: str, table: SelfReportTable, row: int) -> StatementRecord:
    return StatementRecord(
        name, float(table.value[row]), text_at(table.text, row), text_at(table.reason, row)
    )


def _judgement(name: str, judge: str, table: JudgementTable, row: int) -> JudgementRecord:
    labels: ObjectArray = table.labels[row]
    return JudgementRecord(
        questionnaire=name,
        judge=judge,
        value=float(table.value[row]),
        labels=[label for place in range(len(labels)) if (label := text_at(labels, place))],
        rating=float(table.rating[row]),
        text=text_at(table.text, row),
        rating_text=text_at(table.rating_text, row),
        reason=text_at(table.reason, row),
    )
