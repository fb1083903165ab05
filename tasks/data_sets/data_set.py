"""Read a data set of one's own: which schema it has, its questions, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..files.content import kind_of
from ..files.file_errors import DataError, did_you_mean
from ..files.table_reader import FileTable, read_table_file
from .building import build_questions
from .column_cells import has_column
from .column_map import FILE, ColumnMap, parse_columns
from .folder import read_parts, state_of
from .naming import name_of_file, slug
from .preset import Preset, chosen_columns, preset_named, presets, recognized
from .understood import DataSet


def read_data_set(file: Path, data_columns: str | None = None) -> DataSet:
    """Read the questions of a file, or of all tables that lie in a folder.

    Args:
        file: A table of any format that `read_table_file` reads, or a folder of tables.
        data_columns: What the columns are, see `parse_columns`; by default as its schema says.

    Raises:
        DataError: in one line with the place, for a file whose columns are not understood, or a
            row that is no question.
    """
    if file.is_dir():
        return _read_folder(file, data_columns or "", state_of(file))
    if not file.is_file():
        raise DataError(
            f"{file}: no such file; --data takes a table (CSV, JSON, JSON Lines, Parquet, Excel)"
        )
    return _read(file, data_columns or "", state_of(file))


@lru_cache(maxsize=8)
def _read_folder(folder: Path, data_columns: str, state: object) -> DataSet:
    name = parse_columns(data_columns).settings.get("name")
    return read_parts(folder, lambda file: _read(file, data_columns, state_of(file)), name)


@lru_cache(maxsize=8)
def _read(file: Path, data_columns: str, state: object) -> DataSet:
    given = parse_columns(data_columns)
    table, preset = _table(file, given)
    if not table.rows:
        raise DataError(f"{file}: is empty; expected one row per question")
    if preset is None and not _is_complete(given):
        raise _not_understood(table)
    if preset is not None and preset.prepare is not None:
        table = replace(table, rows=[preset.prepare(row) for row in table.rows])
    columns = {**(chosen_columns(preset, table) if preset else {}), **given.columns}
    if "options" in given.columns:
        columns.pop("incorrect", None)
    if preset is not None and not preset.header:
        columns = _without_header(table) | dict(given.columns)
    built = build_questions(table, columns, preset, given)
    notes = [preset.note] if preset is not None and preset.note else []
    return DataSet(
        file,
        given.settings.get("name") or _name(table, preset, columns, given),
        preset,
        columns,
        built.questions,
        built.left_out,
        [*notes, *built.notes],
    )


def _is_complete(given: ColumnMap) -> bool:
    names = set(given.columns)
    return {"question", "answer"} <= names and bool({"options", "incorrect"} & names)


def _not_understood(table: FileTable) -> DataError:
    """Name the column that the nearest schema lacks, and how to say what the columns are."""
    lacking = [
        (preset, [name for name in preset.requires if not has_column(table, name)])
        for preset in presets().values()
        if preset.requires
    ]
    nearest, missing = min(lacking, key=lambda pair: len(pair[1]) / len(pair[0].requires))
    found = f"found: {', '.join(table.columns)}"
    if len(missing) <= len(nearest.requires) / 2:
        names = ", ".join(map(repr, missing))
        near = did_you_mean(missing[0], table.columns)
        what = f"column {names} is missing (of {nearest.title}), {found}{near}"
    else:
        what = f"its columns are not those of a known data set, {found}"
    return DataError(
        f"{table.file}: {what}; say which columns hold what, e.g. --data_columns "
        "question=stem,options=choices,answer=label,topic=subject"
    )


def _table(file: Path, given: ColumnMap) -> tuple[FileTable, Preset | None]:
    """Read the file, and recognize its schema."""
    encoding = given.settings.get("encoding")
    wanted = given.settings.get("preset")
    preset = None if wanted is None else preset_named(wanted)
    if given.settings.get("header") == "no":
        return read_table_file(file, encoding, header=False), preset
    if preset is not None and not preset.header:
        return read_table_file(file, encoding, header=False), preset
    table = read_table_file(file, encoding)
    if preset is not None:
        return table, preset
    if _lacks_header(table):
        bare = next(one for one in presets().values() if not one.header)
        return read_table_file(file, encoding, header=False), bare
    return table, recognized(table)


def _lacks_header(table: FileTable) -> bool:
    """Whether what should be the header is a question: its last cell is a letter, as in all."""
    names = list(table.columns)
    if not (table.delimiter or kind_of(table.file) == "workbook") or not 4 <= len(names) <= 27:
        return False
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXY"[: len(names) - 2]
    if names[-1] not in letters or {"A", "B"} <= set(names):
        return False
    return all(str(row.get(names[-1])).strip() in letters for row in table.rows)


def _without_header(table: FileTable) -> dict[str, str]:
    last = len(table.columns)
    options = "+".join(str(number) for number in range(2, last))
    return {"question": "1", "options": options, "answer": str(last), "topic": "@file"}


def _name(
    table: FileTable, preset: Preset | None, columns: Mapping[str, str], given: ColumnMap
) -> str:
    """Name the data set: as published, if the file has its columns and no others, else as the file.

    A file that is one topic of a data set, or that is named after it and more, keeps that in its
    name: ``mmlu_anatomy``, ``gpqa_diamond``.
    """
    file = slug(name_of_file(table.file))
    changed = {"question", "options", "answer", "incorrect", "labels", "context"}
    if preset is None or changed & set(given.columns):
        return file
    if preset.header and not preset.is_published(table):
        return file
    if file.startswith(f"{preset.base}_"):
        return file
    return f"{preset.base}_{file}" if columns.get("topic") == FILE else preset.base
