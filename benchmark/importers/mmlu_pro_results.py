"""``apprehend import mmlu-pro``: result files as published by MMLU-Pro's authors."""

from __future__ import annotations

import ast
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks.data_errors import DataError
from ...tasks.files.bounds import check_text, unpacked_members
from ...tasks.topics import LETTERS
from ..console.errors import ApprehendError
from ..console.options import whole_number
from .common import ImportedQuestion, fail, is_missing, option_index, place_of
from .importer import Importer, Recording, one_file

_UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What a damaged, encrypted or unusually compressed archive, or invalid JSON, raises."""
_LONGEST_LIST = 1_000_000
"""Maximum characters of a list as text: parsing takes about a hundred times as many bytes."""
REQUIRED = ("question_id", "options", "answer", "category", "pred")


def read_results(file: Path) -> list[ImportedQuestion]:
    """Read recorded chain-of-thought answers from a JSON file, or a zip of one or several.

    ``pred`` is the parsed letter (null: unparsed) and ``answer`` the answer key that the file
    was scored with. Raises ApprehendError, with file and row, for invalid content, DataError for
    a file over the size limits.
    """
    questions: dict[Any, ImportedQuestion] = {}
    for name, rows in _documents(file):
        if not isinstance(rows, list) or not rows:
            raise ApprehendError(f"{name}: expected a list of results, one per question")
        for number, row in enumerate(rows):
            question = _read(Path(name), number, row)
            if question.question_id in questions:
                raise fail(
                    Path(name), number, "question_id", f"duplicate id {question.question_id!r}"
                )
            questions[question.question_id] = question
    return list(questions.values())


def _documents(file: Path) -> Iterable[tuple[str, Any]]:
    try:
        if not zipfile.is_zipfile(file):
            check_text(file)
            yield str(file), json.loads(file.read_text(encoding="utf-8"))
            return
        empty = True
        for name, content in unpacked_members(file, ".json"):
            empty = False
            yield f"{file}:{name}", json.loads(content.decode("utf-8"))
        if empty:
            raise ApprehendError(f"{file}: no JSON file in it")
    except DataError:
        raise
    except _UNREADABLE as error:
        raise ApprehendError(f"{file}: not a readable result file: {error}") from error


def _read(file: Path, number: int, row: Any) -> ImportedQuestion:
    if not isinstance(row, Mapping):
        raise ApprehendError(f"{file}, {place_of(file, number)}: expected an object")
    for name in REQUIRED:
        if name not in row:
            raise fail(file, number, name, "is missing; expected a published MMLU-Pro result")
    options = _options(file, number, row["options"])
    gold = option_index(row["answer"])
    if gold is None or gold >= len(options):
        raise fail(file, number, "answer", f"{row['answer']!r} names none of its options")
    pred = row["pred"]
    letter = None if is_missing(pred) else str(pred).strip().upper()
    answer = LETTERS.index(letter) if letter in LETTERS[: len(options)] else None
    identity = row["question_id"]
    whole = whole_number(str(identity))
    text = row.get("generated_text", row.get("model_outputs"))
    return ImportedQuestion(
        question_id=str(identity) if whole is None else whole,
        topic=str(row["category"]),
        answer=answer,
        correct=answer == gold,
        gold=gold,
        question=str(row.get("question") or "") or None,
        options=options,
        trace=str(text) if isinstance(text, str) else None,
    )


def _options(file: Path, number: int, cell: Any) -> list[str]:
    """Parse a list, or a list as Python text, as in some published files."""
    if isinstance(cell, str):
        if len(cell) > _LONGEST_LIST:
            raise fail(
                file, number, "options", f"expected a list of texts, got {len(cell):,} characters"
            )
        try:
            cell = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise fail(file, number, "options", "expected a list of texts") from None
    if not isinstance(cell, list) or not 1 <= len(cell) <= 25:
        raise fail(file, number, "options", "expected a list of 1 to 25 texts")
    return [str(option) for option in cell]


def _read_paths(paths: Sequence[Path], _: Mapping[str, Any]) -> Iterator[Recording]:
    file = one_file(paths)
    yield Recording([file], Signal.TRACE, read_results(file))


def _recognizes(path: Path) -> bool:
    """Return whether the first bytes are those of a JSON list or a zip file."""
    with path.open("rb") as file:
        start = file.read(64)
    return start.startswith(b"PK\x03\x04") or start.lstrip()[:1] == b"["


IMPORTER = Importer(
    name="mmlu-pro",
    summary="Results as the MMLU-Pro authors publish them (answers after a chain of thought).",
    files="A published result file: JSON or zip.",
    recognizes=_recognizes,
    read=_read_paths,
    task="mmlu_pro_cot",
)
