"""A data set whose topics are files of a folder, as MMLU's are: ``anatomy_test.csv`` and so on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..files.file_errors import DataError
from ..files.table_reader import is_table_name
from .building import OwnQuestion
from .naming import name_of_file, slug, split_of
from .rows_left import NoQuestionError, named_places
from .understood import DataSet

Part = Callable[[Path], DataSet]


def tables_in(folder: Path) -> list[Path]:
    """Return the tables that lie in a folder, in the order of their names.

    Raises DataError for none, and for files of several splits.
    """
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.is_file() and is_table_name(file.name) and not file.name.startswith(".")
    ]
    if not files:
        raise DataError(f"{folder}: holds no table; --data takes a file, or a folder of them")
    splits = sorted({split_of(file) for file in files} - {""})
    if len(splits) > 1:
        raise DataError(
            f"{folder}: holds files of several splits ({', '.join(splits)}); give a folder of one"
        )
    return files


def read_parts(folder: Path, read: Part, name: str | None = None) -> DataSet:
    """Read all tables in a folder as one data set.

    Args:
        folder: The folder.
        read: Reads a table.
        name: The name that was given to it; by default the published one, else the folder's.

    Raises:
        DataError: a table cannot be read or has another schema than the first, or two questions
            have the same id.
    """
    parts: list[DataSet] = []
    left_out: dict[str, list[str]] = {}
    for file in tables_in(folder):
        try:
            part = read(file)
            parts.append(part)
            out = part.left_out
        except NoQuestionError as error:  # the other files may hold some
            out = error.left_out
        for why, places in out.items():
            left_out.setdefault(why, []).extend(f"{file.name} {place}" for place in places)
    if not parts:
        why = "; ".join(f"{why} ({named_places(at)})" for why, at in left_out.items())
        raise DataError(f"{folder}: no question is left: {why}")
    first = parts[0]
    for part in parts:
        if part.preset is not first.preset or set(part.columns) != set(first.columns):
            raise DataError(
                f"{part.file}: its schema is {part.title}, but that of {first.file.name} is "
                f"{first.title}; give files of one schema"
            )
    base = "" if first.preset is None else first.preset.base
    published = bool(base) and all(f"{part.name}_".startswith(f"{base}_") for part in parts)
    return DataSet(
        folder,
        name or (base if published else slug(name_of_file(folder))),
        first.preset,
        first.columns,
        _joined(folder, parts),
        left_out,
        _notes(parts),
    )


def _joined(folder: Path, parts: Sequence[DataSet]) -> list[OwnQuestion]:
    """Join the questions; an id that is only a place in a file gets the file's name before it."""
    seen: dict[str, str] = {}
    joined = []
    for part in parts:
        for question in part.questions:
            name, place = question.question_id, f"{part.file.name} {question.place}"
            if "id" not in part.columns:
                name = f"{name_of_file(part.file)}-{name}"
            if name in seen:
                raise DataError(
                    f"{folder}: {place}: duplicate id {name}, first in {seen[name]}; ids must be "
                    "unique in the folder"
                )
            seen[name] = place
            joined.append(replace(question, question_id=name, place=place))
    return joined


def _notes(parts: Sequence[DataSet]) -> list[str]:
    """Return the notes of all parts, those of one file with its name."""
    files = {
        note: [p.file.name for p in parts if note in p.notes] for p in parts for note in p.notes
    }
    return [
        note if len(names) == len(parts) else f"{names[0]}: {note}"
        + (f" (also in {len(names) - 1} more files)" if len(names) > 1 else "")
        for note, names in files.items()
    ]  # fmt: skip


def state_of(path: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, time of change and size of a file, or of all files in a folder."""
    files = tables_in(path) if path.is_dir() else [path]
    states = [(file.name, file.stat()) for file in files]
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)
