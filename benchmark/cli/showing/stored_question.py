"""Find a question in the stores of a results folder, with all that they hold of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ....estimators.signals.batch import AnswerTable, JudgementTable, Need, Signal, TraceTable
from ....estimators.signals.trace_tables import PromptTable
from ...console.errors import UsageError, did_you_mean
from ...reporting.exploring.shown_answers import gold_place, labels_of, option_counts
from ...score.signal_loading import load_outcome
from ...store.checks.ownership import SCORES, check_scores, is_outdated
from ...store.task_store import Results, TaskStore


@dataclass(frozen=True)
class Judgement:
    """One judge's reply to one questionnaire."""

    questionnaire: str
    judge: str
    row: JudgementTable
    """A table of one question."""


@dataclass(frozen=True)
class StoredQuestion:
    """Everything that one store holds of a question."""

    store: TaskStore
    question: Mapping[str, Any]
    """Its row of the store's questions."""
    labels: Sequence[str]
    outcome: AnswerTable | TraceTable
    """A table of one question."""
    prompt: str | None
    """The prompt as sent; None in stores of older versions, and of imported answers."""
    scores: Sequence[Mapping[str, Any]]
    """Rows of the scores: estimator, score, reason."""
    outdated: bool
    """Whether signals were added after the scores were computed."""
    judgements: Sequence[Judgement]


def find_questions(
    results: Path, question: str, model: str | None = None, task: str | None = None
) -> list[StoredQuestion]:
    """Return what each store holds of a question.

    Raises UsageError if no store of this model and task has it.
    """
    stores = Results(results).stores()
    for option, wanted in (("model", model), ("task", task)):
        names = list(dict.fromkeys(str(getattr(store, option)) for store in stores))
        if wanted is not None and wanted not in names:
            near = did_you_mean(wanted, names)
            raise UsageError(f"{results}: no {option} {wanted!r}, found: {', '.join(names)}{near}")
        stores = [store for store in stores if wanted in (None, getattr(store, option))]
    found = [_read(store, own) for store in stores for own in _ids(store, question)]
    if not found:
        ids = [str(i) for store in stores for i in store.question_ids]
        near = did_you_mean(question, ids)
        example = f", e.g. {ids[0]}" if ids else ""
        raise UsageError(
            f"{results}: no question {question!r} among {len(ids)} stored ones{near or example}"
        )
    return found


def _ids(store: TaskStore, question: str) -> list[Any]:
    return [own for own in store.question_ids if str(own) == question][:1]


def _read(store: TaskStore, own: Any) -> StoredQuestion:
    place = store.question_ids.index(own)
    row: dict[str, Any] = store.questions.slice(place, 1).to_pylist()[0]
    outcome = load_outcome(store, [own])
    gold = np.array([gold_place(row.get("gold"))])
    (count,) = option_counts([row["option_count"]], gold, outcome).tolist()
    prompt = None
    if store.has(Signal.PROMPT):
        prompt = store.load_table(PromptTable, [own]).text[0]
    scores, outdated = _scores(store, own)
    return StoredQuestion(
        store,
        row,
        labels_of(store, count),
        outcome,
        prompt,
        scores,
        outdated,
        list(_judgements(store, own)),
    )


def _scores(store: TaskStore, own: Any) -> tuple[list[Mapping[str, Any]], bool]:
    file = store.path / SCORES
    if not file.is_file():
        return [], False
    table = pq.read_table(file)
    check_scores(store, table)
    ids = table.column("question_id").to_pylist()
    rows: list[Mapping[str, Any]] = []
    rows += table.filter(pa.array([str(name) == str(own) for name in ids])).to_pylist()
    return rows, is_outdated(store, table)


def _judgements(store: TaskStore, own: Any) -> list[Judgement]:
    if not store.has(Signal.JUDGEMENT):
        return []
    signals = store.load([Need.of(Signal.JUDGEMENT)], [own])
    return [
        Judgement(name, judge, table)
        for name in signals.judgement
        for judge, table in signals.judgement[name].tables.items()
        if table.present[0]
    ]
