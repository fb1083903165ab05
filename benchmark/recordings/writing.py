"""Write recorded answers to the store: all checks first, so that a refusal leaves nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal, Status
from ...tasks.topics import LETTERS
from ..console.errors import ApprehendError
from ..store import manifest as manifests
from ..store.files import file_checksum
from ..store.task_store import QUESTIONS, Results, TaskStore
from .recorded import ImportedQuestion


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Attributes:
        store: The store of the answers.
        questions: Number of imported questions.
        unparsed: How many of them have no parsed answer.
        without_gold: Number of questions left out because their outcome is unknown.
    """

    store: TaskStore
    questions: int
    unparsed: int
    without_gold: int


@dataclass(frozen=True)
class PlannedImport:
    """An import that has passed all checks."""

    store: TaskStore
    task: str
    model: str
    signal: Signal
    known: Sequence[ImportedQuestion]
    without_gold: int
    origin: Mapping[str, Any]

    def write(self) -> Imported:
        """Write it into the store, which is new."""
        manifest = manifests.new_manifest(
            model={"name": self.model},
            task={"name": self.task},
            data={"source": "imported", "questions": len(self.known)},
            imported={**self.origin, "without_gold": self.without_gold},
        )
        with self.store.writing():
            _write(self.store, self.signal, self.known)
            self.store.write_manifest(manifest)
        unparsed = sum(q.answer is None and q.status is None for q in self.known)
        return Imported(self.store, len(self.known), unparsed, self.without_gold)


def plan_import(
    results: Results,
    model: str,
    task: str,
    signal: Signal,
    questions: Sequence[ImportedQuestion],
    origin: Mapping[str, Any],
) -> PlannedImport:
    """Check recorded answers for the store of ``model`` and ``task``, which must be new.

    Args:
        results: The results folder.
        model: The model's name.
        task: The task's name.
        signal: ``answer`` or ``trace``.
        questions: The recorded answers; those with unknown outcome are left out and counted.
        origin: What the manifest says about the files.

    Raises ApprehendError if the store exists already or nothing can be scored.
    """
    for question in questions:
        _check_storable(Path(origin["files"][0]), question)
    store = results.open(model, task)
    if store.manifest:
        raise ApprehendError(
            f"{store.path} exists already; use another --output_path, --model or --task"
        )
    known = [question for question in questions if question.correct is not None]
    if not known:
        raise ApprehendError(f"{origin['files'][0]}: no row says whether its answer is right")
    return PlannedImport(store, task, model, signal, known, len(questions) - len(known), origin)


def write_import(
    results: Results,
    model: str,
    task: str,
    signal: Signal,
    questions: Sequence[ImportedQuestion],
    origin: Mapping[str, Any],
) -> Imported:
    """Check and write recorded answers, see `plan_import`."""
    return plan_import(results, model, task, signal, questions, origin).write()


def _check_storable(file: Path, question: ImportedQuestion) -> None:
    """Raise ApprehendError for invalid Unicode."""
    texts = [question.question_id, question.topic, question.question, question.trace]
    for text in [*texts, *(question.options or ())]:
        if isinstance(text, str):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise ApprehendError(
                    f"{file}: question {question.question_id!a}: text is not valid Unicode "
                    "(half a surrogate pair)"
                ) from error


def _write(store: TaskStore, signal: Signal, known: Sequence[ImportedQuestion]) -> None:
    """Write questions and answers into a new store; the manifest, written last, completes it."""
    unfinished = [p for p in (store.path / "signals", store.path / QUESTIONS) if p.exists()]
    if unfinished:
        store.set_aside(unfinished)
    store.add_questions([_stored(question) for question in known])
    store.append(signal, [_record(question, signal) for question in known])
    names = sorted({name for question in known for name in question.scores})
    for name in names:
        rows = [
            {
                "question_id": question.question_id,
                "variant": name,
                "source": "",
                "score": question.scores.get(name, math.nan),
            }
            for question in known
        ]
        store.append(Signal.RECORDED_SCORE, rows)
    store.compact(Signal.RECORDED_SCORE)


def _stored(question: ImportedQuestion) -> dict[str, object]:
    count = None
    if question.options is not None:
        count = len(question.options)
    elif question.option_logprobs is not None:
        count = len(question.option_logprobs)
    return {
        "question_id": question.question_id,
        "topic": question.topic,
        "option_count": -1 if count is None else count,
        "gold": None if question.gold is None else LETTERS[question.gold],
        "question": question.question,
        "options": question.options,
    }


def _record(question: ImportedQuestion, signal: Signal) -> dict[str, object]:
    status = question.status
    if status is None:
        # An unrecorded answer that is known to be right or wrong counts as parsed.
        status = Status.UNPARSED if question.answer is None else Status.PARSED
    record: dict[str, object] = {
        "question_id": question.question_id,
        "option_logprobs": question.option_logprobs,
        "answer": question.answer,
        "status": status.value,
        "correct": None if question.correct is None else int(question.correct),
    }
    if signal is Signal.TRACE:
        record["text"] = question.trace
    else:
        record["top_logprobs"] = question.top_logprobs
        record["missing_mass"] = question.missing_mass
    return record


def file_origin(kind: str, files: Sequence[Path], **more: object) -> dict[str, object]:
    """Return what the manifest says about the files: names and hashes."""
    hashes = {file.name: file_checksum(file) for file in files}
    return {"kind": kind, "files": [file.name for file in files], "sha256": hashes, **more}
