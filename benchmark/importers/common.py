"""What every importer shares: cells read strictly, and one way into the store."""

from __future__ import annotations

import contextlib
import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

from ...estimators.signals.batch import Signal, Status
from ...tasks.topics import LETTERS
from ..console.errors import ApprehendError
from ..console.options import whole_number
from ..store import manifest as manifests
from ..store.files import file_checksum
from ..store.task_store import QUESTIONS, Results, TaskStore

UNKNOWN_TOPIC = "all questions"
TRUE = frozenset({"true", "1", "1.0", "yes"})
FALSE = frozenset({"false", "0", "0.0", "no"})


@dataclass
class ImportedQuestion:
    """One recorded answer. Option indices count from 0; None is unknown (``answer``: unparsed)."""

    question_id: int | str
    topic: str
    answer: int | None
    correct: bool | None
    gold: int | None = None
    option_logprobs: list[float] | None = None
    scores: dict[str, float] = field(default_factory=dict)
    question: str | None = None
    options: list[str] | None = None
    trace: str | None = None
    """The generated text, where the answer came out of one."""
    status: Status | None = None


@dataclass(frozen=True)
class Imported:
    """What an import wrote."""

    store: TaskStore
    questions: int
    unparsed: int
    without_gold: int


def fail(file: Path, row: int, column: str, message: str) -> ApprehendError:
    """An error that names the place; ``row`` is counted from 0, without a header."""
    return ApprehendError(f"{file}, {place_of(file, row)}, column {column!r}: {message}")


def place_of(file: Path, row: int) -> str:
    """Where a row is, counted from 1: the line of a text file, as an editor shows it, or else the
    row. ``row`` is counted from 0, without a header."""
    suffix = file.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        lines = file.read_text(encoding="utf-8").split("\n")
        filled = (number for number, line in enumerate(lines, 1) if line.strip())
        return f"line {next(islice(filled, row, None))}"
    if suffix in (".csv", ".tsv"):
        starts = _record_lines(file, "\t" if suffix == ".tsv" else ",")
        with contextlib.suppress(csv.Error):  # a cell beyond the limit of the csv module
            return f"line {next(islice(starts, row + 1, None))}"
    return f"row {row + 1}"


def _record_lines(file: Path, delimiter: str) -> Iterator[int]:
    """The first line of each record of a CSV file, which can have several."""
    with file.open(encoding="utf-8", newline="") as text:
        records = csv.reader(text, delimiter=delimiter)
        first = 1
        for cells in records:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                yield first
            first = records.line_num + 1


def is_missing(cell: object) -> bool:
    """Whether a cell holds nothing: None, NaN or blank text."""
    if cell is None:
        return True
    if isinstance(cell, float) and math.isnan(cell):
        return True
    return isinstance(cell, str) and not cell.strip()


def option_index(cell: object) -> int | None:
    """A letter (A, "b", "(C)") or a whole number counted from 0, as an index; else None."""
    if isinstance(cell, bool) or is_missing(cell):
        return None
    if isinstance(cell, str):
        text = cell.strip().strip("().:").upper()
        if text in LETTERS:
            return LETTERS.index(text)
        return whole_number(text)
    try:
        number = float(cast(float, cell))
    except (TypeError, ValueError, OverflowError):
        return None
    return int(number) if number.is_integer() and number >= 0 else None


def truth(cell: object) -> bool | None:
    """True or False from a bool, 0/1 or such text ("False" is False); else None."""
    text = str(cell).strip().lower()
    return True if text in TRUE else False if text in FALSE else None


def log_softmax(logits: Sequence[float]) -> list[float]:
    """Log-probabilities over the options from logits, float64."""
    top = max(logits)
    total = top + math.log(math.fsum(math.exp(value - top) for value in logits))
    return [value - total for value in logits]


def write_import(
    results: Results,
    model: str,
    task: str,
    signal: Signal,
    questions: Sequence[ImportedQuestion],
    origin: Mapping[str, Any],
) -> Imported:
    """Put recorded answers into the store of ``model`` and ``task``, which must be new.

    A question with neither a gold option nor a known outcome is kept out, and counted.
    Raises ApprehendError where the store exists already or nothing can be scored.
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
    manifest = manifests.new_manifest(
        model={"name": model},
        task={"name": task},
        data={"source": "imported", "questions": len(known)},
        imported={**origin, "without_gold": len(questions) - len(known)},
    )
    with store.writing():
        _write(store, signal, known)
        store.write_manifest(manifest)
    unparsed = sum(question.answer is None and question.status is None for question in known)
    return Imported(store, len(known), unparsed, len(questions) - len(known))


def _check_storable(file: Path, question: ImportedQuestion) -> None:
    """Make an id of more than 64 bits a text. Raises ApprehendError for text that is no Unicode."""
    identity = question.question_id
    if isinstance(identity, int) and not -(2**63) <= identity < 2**63:
        question.question_id = str(identity)
    texts = [question.question_id, question.topic, question.question, question.trace]
    for text in [*texts, *(question.options or ())]:
        if isinstance(text, str):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise ApprehendError(
                    f"{file}: question {question.question_id!a}: holds text that is no Unicode "
                    "(half a surrogate pair)"
                ) from error


def _write(store: TaskStore, signal: Signal, known: Sequence[ImportedQuestion]) -> None:
    """Put questions and answers into a new store; the manifest, written last, makes it one."""
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
        # An answer that is not there but was right or wrong by the record still counts as read.
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
    return record


def file_origin(kind: str, files: Sequence[Path], **more: object) -> dict[str, object]:
    """What the manifest says of the files: names and hashes."""
    hashes = {file.name: file_checksum(file) for file in files}
    return {"kind": kind, "files": [file.name for file in files], "sha256": hashes, **more}
