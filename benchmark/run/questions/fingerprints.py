"""Hashes of what tasks ask: documents, choices, targets, topics, and how they are rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from ....tasks.files.identifiers import plain_number
from ...store.manifest import text_hash
from .task_facts import TaskFacts

if TYPE_CHECKING:
    from lm_eval.api.task import Task


class Asked(Protocol):
    """A loaded task."""

    name: str
    task: Task
    facts: TaskFacts
    own: bool


def fingerprint(tasks: Sequence[Asked]) -> str:
    """Hash the whole data set of the tasks: of ours ids, questions, options and answers; of others
    every document, with the choices and the target that it is rendered to."""
    digest = hashlib.sha256()
    if not tasks[0].own:
        for task in sorted(tasks, key=lambda task: task.name):
            digest.update(repr(task.name).encode())
            for row in task.task.eval_docs:
                digest.update(repr(_rendered_document(task.task, row)).encode("utf-8", "replace"))
        return digest.hexdigest()[:32]
    dataset = tasks[0].task.dataset["test"]
    columns = ("question_id", "question", "options", "answer")
    names = [name for name in columns if name in dataset.column_names]
    for values in zip(*(dataset[name] for name in names), strict=True):
        known = map(plain_number, values[:1]) if names[0] == "question_id" else values[:1]
        digest.update(repr((*known, *values[1:])).encode())
    return digest.hexdigest()[:32]


def _rendered_document(task: Task, row: Mapping[str, object]) -> object:
    listed = task.get_config("doc_to_choice") is not None
    choices = list(task.doc_to_choice(row)) if listed else None
    return (
        sorted((name, repr(value)) for name, value in row.items()),
        choices,
        task.doc_to_target(row),
    )


def topics_hash(tasks: Sequence[Asked]) -> str | None:
    """Hash all questions' ids and topics; None for data without topics."""
    if not tasks[0].own:
        topics = [
            (str(task.facts.own_id(row, index)), task.facts.topic(row))
            for task in tasks
            for index, row in enumerate(task.task.eval_docs)
        ]
        return text_hash(repr(sorted(topics)))
    dataset = tasks[0].task.dataset["test"]
    if not {"question_id", "category"} <= set(dataset.column_names):
        return None
    pairs = zip(dataset["question_id"], dataset["category"], strict=True)
    return text_hash(repr(sorted((str(i), str(c)) for i, c in pairs)))


def rendered_hash(task: Task) -> str:
    """Hash how a task renders its first question: description, prompt, choices and target."""
    row = task.eval_docs[0]
    listed = task.get_config("doc_to_choice") is not None
    parts = (
        task.doc_to_text(row),
        list(task.doc_to_choice(row)) if listed else None,
        task.doc_to_target(row),
    )
    return text_hash(repr((task.get_config("description"), *parts)))


def source_of(task: Asked) -> str:
    """Return the name of a task's data set."""
    names = (
        cast("str | None", task.task.get_config(key)) for key in ("dataset_path", "dataset_name")
    )
    return " ".join(str(name) for name in names if name) or task.name
