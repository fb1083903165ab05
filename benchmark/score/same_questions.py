"""Compare the questions of stores: only answers to the same questions may form a committee."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..console.errors import ApprehendError
from ..store.task_store import TaskStore

logger = logging.getLogger(__name__)

COMPARED = ("question", "options", "gold", "option_count")
"""Columns of a question that must not differ; nulls and counts of -1 are unknown."""

OTHER_DATA = 0.05
"""Share of differing questions above which two stores hold different data sets. Releases of
MMLU-Pro differ in about 0.1 % of their questions: corrected texts, options, right answers."""


@dataclass(frozen=True)
class Differences:
    """How the questions of two stores differ.

    Attributes:
        shared: Number of question ids that both have.
        known: Number of them that can be compared, as some column is known on both sides.
        columns: Question id (as text) → the first column that differs.
    """

    shared: int
    known: int
    columns: dict[str, str]

    @property
    def line(self) -> str:
        """Return a description of the differing questions."""
        first, column = next(iter(self.columns.items()))
        return (
            f"{len(self.columns):,} of {self.shared:,} common questions differ, the first of them "
            f"{first} (in its {column})"
        )


def differences(store: TaskStore, other_store: TaskStore) -> Differences:
    """Compare questions by id, by what both stores know: text, options, right answer."""
    prints = [s.manifest.get("data", {}).get("fingerprint") for s in (store, other_store)]
    if prints[0] is not None and prints[0] == prints[1]:
        shared = len(set(map(str, store.question_ids)) & set(map(str, other_store.question_ids)))
        return Differences(shared, shared, {})
    ours, theirs = _by_id(store), _by_id(other_store)
    shared = known = 0
    differing_columns: dict[str, str] = {}
    for question, row in ours.items():
        if question not in theirs:
            continue
        shared += 1
        pairs = [(name, row.get(name), theirs[question].get(name)) for name in COMPARED]
        pairs = [(name, a, b) for name, a, b in pairs if a is not None and b is not None]
        known += bool(pairs)
        column = next((name for name, a, b in pairs if a != b), None)
        if column is not None:
            differing_columns[question] = column
    return Differences(shared, known, differing_columns)


def same_questions(store: TaskStore, other: TaskStore) -> bool:
    """Return whether the other store answers the same questions; warns once if not."""
    if other.path not in store.compared:
        try:
            compared = differences(store, other)
            reason, left_out = _refusal(compared), frozenset(compared.columns)
        except ApprehendError as error:
            reason, left_out = str(error), frozenset()
        store.compared[other.path] = None if reason else left_out
        who = f"{store.path}: {other.model}"
        if reason:
            logger.warning("%s is left out of its committee: %s", who, reason)
        elif left_out:
            logger.warning("%s has no vote on these in its committee: %s", who, compared.line)
    return store.compared[other.path] is not None


def _refusal(compared: Differences) -> str | None:
    if not compared.shared:
        return "it answered none of these questions"
    if not compared.known:
        return "nothing tells whether its questions are the same (no texts, no right answers)"
    if len(compared.columns) > OTHER_DATA * compared.known:
        return f"it answered other questions: {compared.line}"
    return None


def differing(store: TaskStore, other: TaskStore) -> frozenset[str]:
    """Return the ids (as text) of questions that differ in a store accepted by `same_questions`."""
    return store.compared.get(other.path) or frozenset()


def warn_of_differences(stores: Sequence[TaskStore]) -> None:
    """Warn of models whose questions of a task differ from those of the task's first model."""
    first: dict[str, TaskStore] = {}
    for store in stores:
        reference = first.setdefault(store.task, store)
        if reference is store:
            continue
        compared = differences(reference, store)
        if compared.columns:
            logger.warning(
                "%s: %s and %s are paired by question_id, but %s",
                *(store.task, reference.model, store.model, compared.line),
            )


def _by_id(store: TaskStore) -> dict[str, dict[str, Any]]:
    columns = [name for name in COMPARED if name in store.questions.column_names]
    rows = store.questions.select(["question_id", *columns]).to_pylist()
    return {str(row["question_id"]): _known(row) for row in rows}


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return row if row.get("option_count") != -1 else {**row, "option_count": None}
