"""Stores as the report's explorer shows them: an index of all questions, and where details are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ....estimators.signals.batch import (
    AnswerTable,
    PromptedAnswersTable,
    Signal,
    Status,
    TraceTable,
)
from ....estimators.signals.tables import IntArray
from ....reports import Explored, QuestionText
from ....reports.explorer.explorer import MOST_QUESTIONS
from ...store import parts
from ...store.arrow import arrow_to_table, arrow_to_variants
from ...store.task_store import OUTCOMES, TaskStore
from .shown_answers import gold_place, labels_of, option_counts, text_at
from .stored_columns import read_columns
from .stored_details import Reader

BEGINNING = 120
"""Characters of a question's text in the list."""
BESIDE = {
    Signal.SAMPLES: "samples",
    Signal.PERMUTED_ANSWERS: "answers under other orders of the options",
    Signal.PROMPTED_ANSWERS: "answers to other prompts",
    Signal.SELF_REPORT: "statements of the model about its answer",
    Signal.JUDGEMENT: "judgements",
}
"""Signals that a store may lack → what they hold, in words."""


def explored_stores(stores: Sequence[TaskStore], scores: pd.DataFrame) -> Iterator[Explored]:
    """Yield what the explorer shows of each store.

    Args:
        stores: The stores.
        scores: Their scores, see `ReportInput`.
    """
    for store in stores:
        own = scores["model"].eq(store.model) & scores["task"].eq(store.task)
        yield _explored(store, scores[own])


def _explored(store: TaskStore, scores: pd.DataFrame) -> Explored:
    table = store.questions.slice(0, MOST_QUESTIONS)
    ids: list[str] = table.column("question_id").to_pylist()
    texts = Texts(table)
    letters = _column(table, "gold")
    gold = np.array([gold_place(letter) for letter in letters], dtype=np.int64)
    outcome = _outcome(store, ids)
    counts = option_counts(_column(table, "option_count"), gold, outcome)
    labels = labels_of(store, int(counts.max(initial=0)))
    values, missing = _scores(scores, ids)
    reader = Reader(store, ids, labels, counts.tolist(), texts.all, missing.reasons)
    return Explored(
        model=store.model,
        task=store.task,
        question_ids=ids,
        topics=[str(topic) for topic in _column(table, "topic")],
        labels=labels,
        gold=gold,
        answer=outcome.answer,
        correct=outcome.correct,
        status=[text_at(outcome.status, i) or Status.UNPARSED.value for i in range(len(ids))],
        beginnings=[_beginning(text.question) for text in texts.all()],
        strata=_strata(store, ids),
        scores=values,
        prompted=_prompted(store, ids),
        texts=texts.all,
        details=reader.details,
        notes=_notes(store, len(ids), texts),
    )


@dataclass(frozen=True)
class Texts:
    """The texts in a table of questions, which may lack them."""

    table: pa.Table

    def all(self) -> Iterator[QuestionText]:
        """Yield the texts of all questions, in the order of the table."""
        for question, options in zip(
            _column(self.table, "question"), _column(self.table, "options"), strict=True
        ):
            shown = [str(option) for option in options] if isinstance(options, list) else []
            yield QuestionText(None if question is None else str(question), shown)

    @property
    def known(self) -> bool:
        """Whether any question has a text."""
        return any(text.question is not None for text in self.all())


def _column(table: pa.Table, name: str) -> list[object]:
    if name not in table.column_names:
        return [None] * len(table)
    return list(table.column(name).to_pylist())


def _beginning(text: str | None) -> str:
    line = " ".join((text or "")[: 4 * BEGINNING].split())
    return line if len(line) <= BEGINNING else line[: BEGINNING - 2] + " …"


def _outcome(store: TaskStore, ids: Sequence[str]) -> AnswerTable | TraceTable:
    """Return the store's answers; only their options, answer, status and outcome are read."""
    columns = ("option_logprobs", "answer", "status", "correct")
    signal = next(signal for signal in OUTCOMES if store.has(signal))
    table = arrow_to_table(signal, read_columns(store, signal, columns, ids), ids)
    assert isinstance(table, AnswerTable | TraceTable)
    return table


def _prompted(store: TaskStore, ids: Sequence[str]) -> dict[str, IntArray]:
    """Return variant → (n,) answers; -1 for none, -2 where it was not asked."""
    signal = Signal.PROMPTED_ANSWERS
    if not store.has(signal):
        return {}
    rows = read_columns(store, signal, ("answer",), ids)
    found = arrow_to_variants(signal, rows, store.variants(signal), ids)
    answers = {}
    for name in found:
        table = found[name].only
        assert isinstance(table, PromptedAnswersTable)
        answers[name] = np.where(table.present, table.answer, -2)
    return answers


def _strata(store: TaskStore, ids: Sequence[str]) -> dict[str, list[str | None]]:
    table = parts.read_parquet(store.path / "strata.parquet")
    places = {question: place for place, question in enumerate(ids)}
    columns: dict[str, list[str | None]] = {}
    names = ("question_id", "stratum", "value")
    for question, stratum, value in zip(
        *(table.column(name).to_pylist() for name in names), strict=True
    ):
        if question in places:
            columns.setdefault(stratum, [None] * len(ids))[places[question]] = value
    return columns


@dataclass(frozen=True)
class Missing:
    """Why scores are missing, sorted by question."""

    places: npt.NDArray[np.int64]
    estimators: Sequence[str]
    texts: Sequence[str]

    def reasons(self, place: int) -> Mapping[str, str]:
        """Return estimator → reason, for the question in this place."""
        first, last = np.searchsorted(self.places, [place, place + 1]).tolist()
        return dict(zip(self.estimators[first:last], self.texts[first:last], strict=True))


def _scores(
    scores: pd.DataFrame, ids: Sequence[str]
) -> tuple[dict[str, npt.NDArray[np.float64]], Missing]:
    """Return estimator → (n,) scores, NaN for none; and why there is none."""
    places = pd.Index(ids).get_indexer(pd.Index(scores["question_id"].astype(str)))
    numbers = scores["score"].to_numpy(dtype=np.float64, na_value=np.nan)
    names = scores["estimator"].astype(str).to_numpy(dtype=object)
    values: dict[str, npt.NDArray[np.float64]] = {}
    for name in dict.fromkeys(names.tolist()):
        own = (names == name) & (places >= 0)
        values[name] = np.full(len(ids), np.nan)
        values[name][places[own]] = numbers[own]
    told = scores["reason"].notna().to_numpy(dtype=np.bool_) & np.isnan(numbers) & (places >= 0)
    rows = np.flatnonzero(told)
    rows = rows[np.argsort(places[rows], kind="stable")]
    reasons = scores["reason"].iloc[rows].astype(str).tolist()
    return values, Missing(places[rows].astype(np.int64), names[rows].tolist(), reasons)


def _notes(store: TaskStore, shown: int, texts: Texts) -> list[str]:
    """Say what is not there."""
    notes = []
    total = len(store.question_ids)
    if shown < total:
        notes.append(f"The first {shown:,} of {total:,} questions are listed.")
    if not texts.known:
        notes.append("The texts of the questions are not stored.")
    lacking = [words for signal, words in BESIDE.items() if not store.has(signal)]
    if lacking:
        notes.append(f"Not stored for this model and task: {', '.join(lacking)}.")
    if store.has(Signal.PROMPT):
        notes.append("The prompt as it was sent is stored: the command apprehend show prints it.")
    return notes
