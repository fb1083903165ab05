"""Stable ids of questions: those of the data set where it has some, else places in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ....tasks.question_row import Row
from .task_facts import TaskFacts

if TYPE_CHECKING:
    from datasets import Dataset
    from lm_eval.api.task import Task

FIELDS = ("question_id", "id", "qid", "uid", "uuid", "Record ID", "ind", "idx")
"""Fields that may hold ids, the surest first."""


class HasFacts(Protocol):
    """A loaded task, of which the ids are set."""

    name: str
    task: Task
    facts: TaskFacts


def id_field(docs: Dataset) -> str | None:
    """Return the field that holds a different id for every document; None if there is none."""
    names = getattr(docs, "column_names", ())
    for name in FIELDS:
        if name in names:
            values = docs[name]
            plain = all(isinstance(v, int | str) and v != "" for v in values)
            if plain and len(set(map(str, values))) == len(values):
                return name
    return None


def unique_ids(group: Sequence[HasFacts]) -> None:
    """Put the task's name before the ids of a group's tasks, unless they are unique without it."""
    if len(group) < 2:
        return
    ids = [
        str(task.facts.own_id(row, index))
        for task in group
        for index, row in enumerate(task.task.eval_docs)
    ]
    if len(set(ids)) == len(ids):
        return
    for task in group:
        task.facts = replace(task.facts, own_id=_prefixed(task.name, task.facts.own_id))


def _prefixed(name: str, own_id: Callable[[Row, int], str]) -> Callable[[Row, int], str]:
    return lambda row, index: f"{name}/{own_id(row, index)}"
