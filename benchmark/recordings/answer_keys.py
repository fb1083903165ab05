"""The right answers of a recording that has none: a table beside it, joined by id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...tasks.files.cells import as_list, is_blank
from ...tasks.files.file_errors import DataError
from ...tasks.files.identifiers import id_text, id_texts
from ...tasks.files.table_reader import FileTable, read_table_file
from ...tasks.reading.answer_columns import MOST, read_answer_columns
from ..console.declared import Typed
from ..console.errors import UsageError
from .recorded import UNKNOWN_TOPIC, places_named

_NAMES = {
    "id": ("custom_id", "question_id", "id", "qid", "key", "index"),
    "answer": ("answer", "gold", "answerKey", "target", "label", "correct_answer"),
    "topic": ("topic", "category", "subject"),
    "options": ("options", "choices"),
    "question": ("question", "query", "prompt"),
}
"""What each column may be called."""
KEY_OPTIONS = {
    "gold": Typed("Table with the right answers (columns id and answer; topic, options), "
                  "joined by id.", Path, None),
    "gold_columns": Typed("Its columns, e.g. id=custom_id,answer=label,topic=subject."),
    "index_base": Typed("Whether its numbered answers count from 0 or 1, where the data do not "
                        "tell.", int, min=0, max=1),
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """What is known of one question."""

    gold: int | None
    topic: str = UNKNOWN_TOPIC
    options: Sequence[str] | None = None
    question: str | None = None


def read_keys(
    file: Path | None, columns: str | None, index_base: int | None, what: str, notes: list[str]
) -> dict[str, Key]:
    """Read id → key.

    Args:
        file: The table, which ``--gold`` names.
        columns: ``field=column,…`` where its columns have unusual names.
        index_base: Whether numbers count from 0 or 1.
        what: What lacks the right answers, for the message.
        notes: What is decided is added here.

    Raises:
        UsageError: There is no table, or it lacks a column.
        DataError: A cell of it cannot be read.
    """
    if file is None:
        raise UsageError(
            f"{what} has no right answers: give a table of them, with columns id and answer, as "
            "--gold FILE"
        )
    table = read_table_file(file)
    named = _columns(table, columns)
    ids, _ = id_texts(table.ids(named["id"]))
    options = [_texts(cell) for cell in _cells(table, named.get("options"))]
    counts = [None if texts is None else len(texts) for texts in options]
    golds = table.column(named["answer"])
    try:
        answers = read_answer_columns(
            {"answer": golds}, counts, options, index_base, lambda row: table.places[row]
        )
    except DataError as error:
        raise DataError(f"{file}, {error}") from error
    notes += [f"{file}: {note}" for note in answers.notes]
    topics, questions = _cells(table, named.get("topic")), _cells(table, named.get("question"))
    keys: dict[str, Key] = {}
    for row, identity in enumerate(ids):
        if identity is None or identity in keys:
            why = "is missing" if identity is None else f"duplicate id {identity}"
            raise table.fail(row, named["id"], why)
        gold = answers.indices["answer"][row]
        if gold is None and not answers.missing["answer"][row]:
            raise table.fail(row, named["answer"], f"{golds[row]!r} names no option")
        keys[identity] = Key(
            gold,
            id_text(topics[row]) or UNKNOWN_TOPIC,
            options[row],
            None if is_blank(questions[row]) else str(questions[row]),
        )
    return keys


def _columns(table: FileTable, given: str | None) -> dict[str, str]:
    named: dict[str, str] = {}
    for piece in filter(None, (given or "").split(",")):
        field, equals, column = piece.partition("=")
        if not equals or field.strip() not in _NAMES:
            known = ", ".join(_NAMES)
            raise UsageError(f"--gold_columns: expected field=column of {known}, got {piece!r}")
        named[field.strip()] = column.strip()
    for field, names in _NAMES.items():
        usual = next((name for name in names if name in table.columns), None)
        if field not in named and usual is not None:
            named[field] = usual
    for field in ("id", "answer"):
        if field not in named:
            raise UsageError(
                f"--gold: {table.file} has no column {field!r}, found: {', '.join(table.columns)}; "
                f"name it by --gold_columns {field}=COLUMN"
            )
    for column in named.values():
        try:
            table.check_column(column, "--gold_columns")
        except DataError as error:
            raise UsageError(str(error)) from error
    return named


def _cells(table: FileTable, column: str | None) -> list[object]:
    return [None] * len(table.rows) if column is None else table.column(column)


def _texts(cell: Any) -> list[str] | None:
    if isinstance(cell, dict) and isinstance(cell.get("text"), list):
        cell = cell["text"]
    texts = as_list(cell)
    return [str(text) for text in texts] if texts and len(texts) <= MOST else None


def unknown_ids_note(wanted: Sequence[str], keys: dict[str, Key]) -> list[str]:
    """Say which ids have no right answer. Raises UsageError if none has one."""
    absent = [identity for identity in wanted if identity not in keys]
    if wanted and len(absent) == len(wanted):
        known = places_named(list(keys))
        raise UsageError(
            f"--gold: none of the ids ({places_named(wanted)}) is in it (it has {known})"
        )
    if not absent:
        return []
    return [f"{len(absent):,} ids are not in --gold and are left out ({places_named(absent)})"]
