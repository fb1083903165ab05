"""Which other models' answers may stand beside a store's: those to the same questions."""

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
MMLU-Pro differ in a thousandth of their questions: mended texts, options, right answers."""


@dataclass(frozen=True)
class Differences:
    """How the questions of two stores differ.

    Attributes:
        shared: how many question ids both have.
        known: how many of them have something known on both sides, so that they can differ.
        found: question id (as text) → the first column that differs.
    """

    shared: int
    known: int
    found: dict[str, str]

    @property
    def line(self) -> str:
        """The differing questions in words."""
        first, column = next(iter(self.found.items()))
        return (
            f"{len(self.found):,} of {self.shared:,} common questions differ, the first of them "
            f"{first} (in its {column})"
        )


def differences(one: TaskStore, other: TaskStore) -> Differences:
    """Compare questions by id, in what both stores know of them: text, options, right answer."""
    prints = [store.manifest.get("data", {}).get("fingerprint") for store in (one, other)]
    if prints[0] is not None and prints[0] == prints[1]:
        shared = len(set(map(str, one.question_ids)) & set(map(str, other.question_ids)))
        return Differences(shared, shared, {})
    ours, theirs = _by_id(one), _by_id(other)
    shared = known = 0
    found: dict[str, str] = {}
    for question, row in ours.items():
        if question not in theirs:
            continue
        shared += 1
        pairs = [(name, row.get(name), theirs[question].get(name)) for name in COMPARED]
        pairs = [(name, a, b) for name, a, b in pairs if a is not None and b is not None]
        known += bool(pairs)
        column = next((name for name, a, b in pairs if a != b), None)
        if column is not None:
            found[question] = column
    return Differences(shared, known, found)


def same_questions(store: TaskStore, other: TaskStore) -> bool:
    """Whether the other store's answers are to the same questions; warns once where not."""
    if other.path not in store.compared:
        try:
            found = differences(store, other)
            reason, left_out = _refusal(found), frozenset(found.found)
        except ApprehendError as error:
            reason, left_out = str(error), frozenset()
        store.compared[other.path] = None if reason else left_out
        who = f"{store.path}: {other.model}"
        if reason:
            logger.warning("%s is left out of its committee: %s", who, reason)
        elif left_out:
            logger.warning("%s has no vote on these in its committee: %s", who, found.line)
    return store.compared[other.path] is not None


def _refusal(found: Differences) -> str | None:
    if not found.shared:
        return "it answered none of these questions"
    if not found.known:
        return "nothing tells whether its questions are the same (no texts, no right answers)"
    if len(found.found) > OTHER_DATA * found.known:
        return f"it answered other questions: {found.line}"
    return None


def differing(store: TaskStore, other: TaskStore) -> frozenset[str]:
    """Ids (as text) of the questions that are others in a store that `same_questions` let in."""
    return store.compared.get(other.path) or frozenset()


def warn_of_differences(stores: Sequence[TaskStore]) -> None:
    """Say which models' questions of one task differ from those of the first model there."""
    first: dict[str, TaskStore] = {}
    for store in stores:
        one = first.setdefault(store.task, store)
        if one is store:
            continue
        found = differences(one, store)
        if found.found:
            logger.warning(
                "%s: %s and %s are paired by question_id, but %s",
                *(store.task, one.model, store.model, found.line),
            )


def _by_id(store: TaskStore) -> dict[str, dict[str, Any]]:
    columns = [name for name in COMPARED if name in store.questions.column_names]
    rows = store.questions.select(["question_id", *columns]).to_pylist()
    return {str(row["question_id"]): _known(row) for row in rows}


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return row if row.get("option_count") != -1 else {**row, "option_count": None}
