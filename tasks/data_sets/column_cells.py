"""The cells of a field: of a column, of one deep inside, of several, or a text for all rows."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from ..files.cells import is_blank, value_at
from ..files.table_reader import FileTable
from .column_map import FILE, constant
from .naming import name_of_file

_ARRAY = re.compile(r"array\((\[.*?\])(?:,\s*dtype=\w+)?\)", re.S)
LONGEST_CELL = 1_000_000
"""Maximum characters of an object written as text."""


def has_column(table: FileTable, spec: str) -> bool:
    """Return whether some row has a column, which may be nested: ``choices.text``."""
    if spec in table.columns:
        return True
    return "." in spec and any(_value(row, spec) is not None for row in table.rows)


def parts_of(table: FileTable, spec: str) -> list[str]:
    """Split ``A+B+C`` into columns, unless it is a column's own name."""
    if has_column(table, spec) or "+" not in spec:
        return [spec]
    return [part.strip() for part in spec.split("+") if part.strip()]


def cells_of(table: FileTable, spec: str, option: str) -> list[Any]:
    """Return one cell per row; for several columns a list of their cells.

    Raises DataError, naming ``option``, if a column does not exist.
    """
    fixed = constant(spec)
    if spec == FILE:
        fixed = name_of_file(table.file).replace("_", " ")
    if fixed is not None:
        return [fixed] * len(table.rows)
    parts = parts_of(table, spec)
    for part in parts:
        if not has_column(table, part) or part in table.twice:
            table.check_column(part, option)
    columns = [[_value(row, part) for row in table.rows] for part in parts]
    return columns[0] if len(parts) == 1 else [list(cells) for cells in zip(*columns, strict=True)]


def ids_of(table: FileTable, spec: str, option: str) -> list[object]:
    """Return the cells of the column of ids, numbers as the file has them."""
    return table.ids(spec) if spec in table.columns else list(cells_of(table, spec, option))


def _value(row: Mapping[str, Any], spec: str) -> Any:
    """Return a cell, None where there is none; objects written as text are read."""
    try:
        return value_at(row, spec)
    except KeyError:
        head, _, rest = spec.partition(".")
        cell = row.get(head)
        inside = _object(cell) if rest and isinstance(cell, str) else None
        if inside is None:
            return None
        try:
            return value_at(inside, rest)
        except KeyError:
            return None


def _object(cell: str) -> Mapping[str, Any] | None:
    """Read an object that is written as JSON, or as Python and NumPy print it."""
    text = cell.strip()
    if not text.startswith("{") or len(text) > LONGEST_CELL:
        return None
    for read, shape in ((json.loads, text), (ast.literal_eval, _ARRAY.sub(r"\1", text))):
        try:
            value: object = read(shape)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(value, dict):
            return value
    return None


def text_of(cell: object) -> str | None:
    """Return a cell as text: text as it is, numbers as written; None for anything else."""
    if isinstance(cell, str):
        return cell
    if is_blank(cell) or isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
