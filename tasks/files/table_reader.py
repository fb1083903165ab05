"""The one reader of tables: delimited text, JSON, JSON Lines, Parquet, workbooks, compressed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .cells import value_at
from .content import kind_of, open_text
from .delimited import read_delimited
from .file_errors import DataError, did_you_mean
from .json_rows import read_json_rows
from .parquet_rows import read_parquet_rows
from .workbook import read_workbook

SUFFIXES = (
    ".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xlsm",
    ".ods",
)  # fmt: skip
"""Suffixes of the formats, without those of compression."""
COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".zip")


@dataclass(frozen=True)
class FileTable:
    """A table as it stands in a file.

    Attributes:
        file: The file.
        columns: The names of the columns, in the order of the file.
        rows: Column → cell. Cells of delimited text are text, others have the types of the file;
            of JSON, a row may lack columns.
        places: Where each row is: ``line 3`` of a text as an editor counts it, or ``row 3``.
        delimiter: Of delimited text; empty for other formats.
        twice: Names that several columns of delimited text share; the first is read.
        encoding: The encoding that was asked for.
    """

    file: Path
    columns: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    places: Sequence[str]
    delimiter: str = ""
    twice: frozenset[str] = field(default_factory=frozenset)
    encoding: str | None = None

    def fail(self, row: int, column: str, message: str) -> DataError:
        """Return an error that names file, row and column."""
        return DataError(f"{self.file}, {self.places[row]}, column {column!r}: {message}")

    def check_column(self, column: str, option: str = "") -> None:
        """Raise DataError if no row has the column (which may be nested: ``a.b.0``)."""
        where = f"{option}: {self.file}" if option else f"{self.file}:"
        if column in self.twice:
            raise DataError(f"{where} has several columns {column!r}; rename all but one")
        if column in self.columns:
            return
        for row in self.rows:
            try:
                value_at(row, column)
            except KeyError:
                continue
            return
        listed = [name if name == name.strip() and name else repr(name) for name in self.columns]
        raise DataError(
            f"{where} has no column {column!r}, found: {', '.join(listed)}"
            f"{did_you_mean(column, self.columns)}"
        )

    def column(self, name: str) -> list[object]:
        """Return the cells of a column, None where a row lacks it."""
        cells: list[object] = []
        for row in self.rows:
            try:
                cells.append(value_at(row, name))
            except KeyError:
                cells.append(None)
        return cells

    def ids(self, name: str) -> list[object]:
        """Return the cells of the column of ids; numbers of JSON as the text that stands there."""
        cells = self.column(name)
        if self.places and any(type(cell) is float for cell in cells) and self._is_json():
            again = read_json_rows(self.file, self.encoding, numbers_as_text=True)
            table = replace(self, rows=list(again.values()))
            return table.column(name)
        return cells

    def _is_json(self) -> bool:
        return not self.delimiter and kind_of(self.file) == "text"


def read_table_file(file: Path, encoding: str | None = None, header: bool = True) -> FileTable:
    """Read a table of any format; what the content is decides, not the file's name.

    Args:
        file: CSV, TSV, semicolons or bars between cells; JSON or JSON Lines; Parquet; the first
            sheet of an Excel or OpenDocument workbook. Texts may be compressed by gzip, zstd,
            bzip2, xz, or as the only file in a zip.
        encoding: Encoding of a text; by default its byte-order mark's, else UTF-8.
        header: Whether the first line names the columns of delimited text or a workbook; else they
            are called 1, 2, 3, …

    Raises:
        DataError: in one line, with the place, for a file that is not a readable table.
    """
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    kind = kind_of(file)
    if kind == "parquet":
        names, rows = read_parquet_rows(file)
        return FileTable(file, names, rows, [f"row {n}" for n in range(1, len(rows) + 1)])
    if kind == "workbook":
        names, cells = read_workbook(file, header)
        return _of_cells(file, names, cells, "")
    if _looks_like_json(file, encoding):
        found = read_json_rows(file, encoding)
        names = list(dict.fromkeys(name for row in found.values() for name in row))
        return FileTable(file, names, list(found.values()), list(found), encoding=encoding)
    names, texts, delimiter = read_delimited(file, encoding, header)
    return _of_cells(file, names, texts, delimiter, encoding)


def _of_cells(
    file: Path,
    names: Sequence[str],
    cells: Mapping[str, Sequence[object]],
    delimiter: str,
    encoding: str | None = None,
) -> FileTable:
    stripped = [name.strip() for name in names]
    twice = frozenset(name for name in stripped if name and stripped.count(name) > 1)
    first = {name: place for place, name in reversed(list(enumerate(stripped)))}
    rows = [{name: row[place] for name, place in first.items()} for row in cells.values()]
    columns = list(dict.fromkeys(stripped))
    return FileTable(file, columns, rows, list(cells), delimiter, twice, encoding)


def _looks_like_json(file: Path, encoding: str | None) -> bool:
    """Whether the first sign of a text is that of a JSON value, or its name says so."""
    with open_text(file, encoding) as text:
        start = text.read(1024).lstrip("\ufeff \t\r\n")
    named = file.name.lower().split(".")[1:]
    if {"csv", "tsv", "tab"} & set(named):
        return False
    return start[:1] in ("{", "[") or bool({"json", "jsonl", "ndjson"} & set(named))


def is_table_name(name: str) -> bool:
    """Return whether a file's name ends as that of a table that can be read."""
    lowered = name.lower()
    for suffix in COMPRESSED:
        lowered = lowered.removesuffix(suffix)
    return lowered.endswith(SUFFIXES)
