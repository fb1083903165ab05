"""``apprehend import mmlu-pro``: result files as published by MMLU-Pro's authors."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks.files.bounds import open_archive, unpacked_members
from ...tasks.files.cells import as_list
from ...tasks.files.content import start_of, unreadable_named
from ...tasks.files.file_errors import DataError
from ...tasks.files.identifiers import id_text
from ...tasks.files.json_rows import JsonRows, read_json_rows, rows_of_text
from ...tasks.reading.answer_columns import MOST, ReadColumns, read_answer_columns
from ..console.errors import ApprehendError, UsageError
from ..recordings.recorded import ImportedQuestion, Recording
from ..recordings.sniffing import mentions
from .importer import Importer

REQUIRED = ("question_id", "options", "answer", "category", "pred")
Place = tuple[str, str]
"""File (or archive and member), and row."""


def result_files(path: Path) -> list[Path]:
    """Return the result files of a path: itself, or those of a folder, without summaries.

    Raises UsageError if there are none.
    """
    if not path.is_dir():
        if not path.is_file():
            raise UsageError(f"no such file or folder: {path}")
        return [path]
    found = sorted(path.rglob("*.json")) + sorted(path.rglob("*.jsonl"))
    files = [file for file in found if not file.name.startswith("._") and _recognizes(file)]
    if not files:
        raise UsageError(f"no result files (question_id, pred, …) in {path}")
    return files


def read_results(path: Path) -> list[ImportedQuestion]:
    """Read recorded chain-of-thought answers from JSON files, a zip or a folder of them.

    ``pred`` is the parsed option (null: unparsed) and ``answer`` the answer key that the file was
    scored with. Summaries beside the results are left out. Raises ApprehendError or DataError, with
    file and row, for invalid content and for a file over the size limits.
    """
    rows: dict[Place, Mapping[str, Any]] = {}
    for file in result_files(path):
        for name, document in _documents(file):
            rows |= {(name, place): row for place, row in document.items() if not _is_summary(row)}
    if not rows:
        raise ApprehendError(f"{path}: expected a list of results, one per question")
    return _read(list(rows), list(rows.values()))


def _documents(file: Path) -> Iterator[tuple[str, JsonRows]]:
    if not start_of(file).startswith(b"PK"):
        yield str(file), read_json_rows(file)
        return
    empty = True
    with unreadable_named(file):
        try:
            for name, content in unpacked_members(file, ".json"):
                empty = False
                text = content.decode("utf-8-sig")
                yield f"{file}:{name}", rows_of_text(Path(f"{file}:{name}"), text)
        except (UnicodeDecodeError, NotImplementedError, zipfile.LargeZipFile) as error:
            raise ApprehendError(f"{file}: not a readable result file: {error}") from error
    if empty:
        raise ApprehendError(f"{file}: no JSON file in it")


def _is_summary(row: Mapping[str, Any]) -> bool:
    """Whether a row is of a summary: counts of right and wrong answers by subject."""
    counts = {"corr", "wrong", "acc"}
    inside = [value for value in row.values() if isinstance(value, Mapping)]
    return counts <= row.keys() or any(counts <= value.keys() for value in inside)


def _read(places: Sequence[Place], rows: Sequence[Mapping[str, Any]]) -> list[ImportedQuestion]:
    def fail(row: int, column: str, message: str) -> DataError:
        file, place = places[row]
        return DataError(f"{file}, {place}, column {column!r}: {message}")

    options: list[list[str]] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        for name in REQUIRED:
            if name not in row:
                raise fail(number, name, "is missing; expected a published MMLU-Pro result")
        texts = as_list(row["options"])
        if texts is None or not 1 <= len(texts) <= MOST:
            raise fail(number, "options", f"expected a list of 1 to {MOST} texts")
        options.append([str(text) for text in texts])
        identity = id_text(row["question_id"])
        if identity is None:
            raise fail(number, "question_id", "is missing, or no id")
        if identity in seen:
            first = ", ".join(places[seen[identity]])
            raise fail(number, "question_id", f"duplicate id {identity}, first in {first}")
        seen[identity] = number
    answers = _answers(rows, options, lambda row: ", ".join(places[row]))
    questions = []
    for number, (identity, row) in enumerate(zip(seen, rows, strict=True)):
        gold, answer = answers.indices["answer"][number], answers.indices["pred"][number]
        if gold is None:
            raise fail(number, "answer", f"{row['answer']!r} names none of its options")
        text = row.get("generated_text", row.get("model_outputs"))
        questions.append(
            ImportedQuestion(
                question_id=identity,
                topic=str(row["category"]),
                answer=answer,
                correct=answer == gold,
                gold=gold,
                question=str(row.get("question") or "") or None,
                options=options[number],
                trace=text if isinstance(text, str) else None,
                place=places[number][1],
                said=None if answers.missing["pred"][number] else str(row["pred"])[:200],
            )
        )
    return questions


def _answers(
    rows: Sequence[Mapping[str, Any]],
    options: Sequence[Sequence[str]],
    place: Callable[[int], str],
) -> ReadColumns:
    """Read the answers; numbers count from 0, as ``answer_index`` does, unless the data differ."""
    cells = {name: [row[name] for row in rows] for name in ("answer", "pred")}
    counts = [len(texts) for texts in options]
    try:
        return read_answer_columns(cells, counts, options, place=place)
    except DataError:
        return read_answer_columns(cells, counts, options, index_base=0, place=place)


def _read_paths(paths: Sequence[Path], _: Mapping[str, Any]) -> Iterator[Recording]:
    if len(paths) != 1:
        raise UsageError(f"import: expected one file or folder, got {len(paths)}")
    files = result_files(paths[0])
    yield Recording(files, Signal.TRACE, read_results(paths[0]))


def _recognizes(path: Path) -> bool:
    """Return whether a file holds results with these columns, or is a zip of such files."""
    if path.is_dir():
        return any(_recognizes(file) for file in sorted(path.rglob("*.json"))[:50])
    if mentions(path, "question_id", "pred"):
        return True
    try:
        with open_archive(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    return "header.json" not in names and any(name.endswith(".json") for name in names)


IMPORTER = Importer(
    name="mmlu-pro",
    summary="Results as the MMLU-Pro authors publish them (answers after a chain of thought).",
    files="A published result file, JSON or zip, or a folder of them.",
    recognizes=_recognizes,
    read=_read_paths,
    task="mmlu_pro_cot",
    rank=2,
)
