"""Which other models' answers may stand beside a store's: those to the same questions."""

from __future__ import annotations

import logging
from typing import Any

from .errors import ApprehendError
from .store import TaskStore

logger = logging.getLogger(__name__)

COMPARED = ("question", "options", "gold", "option_count")
"""Columns of a question that must not differ; nulls and counts of -1 are unknown."""


def same_questions(store: TaskStore, other: TaskStore) -> bool:
    """Whether the other store's answers are to the same questions; warns once where not."""
    if other.path not in store.compared:
        try:
            reason = other_questions(store, other)
        except ApprehendError as error:
            reason = str(error)
        store.compared[other.path] = reason
        if reason is not None:
            logger.warning(
                "%s: %s is left out of its committee: %s", store.path, other.model, reason
            )
    return store.compared[other.path] is None


def other_questions(one: TaskStore, other: TaskStore) -> str | None:
    """Why two stores' questions are not the same ones; None where they are.

    Questions are compared by id, in what both stores know of them: text, options, right answer.
    """
    prints = [store.manifest.get("data", {}).get("fingerprint") for store in (one, other)]
    if prints[0] is not None and prints[0] == prints[1]:
        return None
    ours, theirs = _by_id(one), _by_id(other)
    shared = [i for i in ours if i in theirs]
    if not shared:
        return "it answered none of these questions"
    compared = 0
    for question in shared:
        for name in COMPARED:
            a, b = ours[question].get(name), theirs[question].get(name)
            if a is not None and b is not None:
                compared += 1
                if a != b:
                    return f"question {question} is another one there (its {name} differs)"
    if not compared:
        return "nothing tells whether its questions are the same (no texts, no right answers)"
    return None


def _by_id(store: TaskStore) -> dict[Any, dict[str, Any]]:
    columns = [name for name in COMPARED if name in store.questions.column_names]
    rows = store.questions.select(["question_id", *columns]).to_pylist()
    return {str(row["question_id"]): _known(row) for row in rows}


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return row if row.get("option_count") != -1 else {**row, "option_count": None}
