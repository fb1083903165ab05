"""Rows of the first sheet of an Excel or OpenDocument workbook."""

from __future__ import annotations

from pathlib import Path

from .bounds import check_archive
from .content import unreadable_named
from .file_errors import DataError, first_line


def read_workbook(file: Path, header: bool = True) -> tuple[list[str], dict[str, list[object]]]:
    """Read the first sheet that holds anything; further sheets with cells are refused.

    Returns:
        The names of the columns, and the cells by their place, ``row 2`` as Excel counts it. Empty
        cells are empty texts; numbers are numbers, whole ones int.

    Raises:
        DataError: it is damaged, protected by a password, or holds several tables.
    """
    import python_calamine as calamine

    with unreadable_named(file):
        check_archive(file)
    try:
        with calamine.load_workbook(str(file)) as book:
            sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise DataError(f"{file}: not a readable workbook: {first_line(error)}") from error
    filled = {name: rows for name, rows in sheets.items() if any(map(any, rows))}
    if len(filled) > 1:
        raise DataError(
            f"{file}: has cells in several sheets ({', '.join(filled)}); keep the one to read"
        )
    rows = next(iter(filled.values()), [])
    places = {f"row {number}": [_cell(cell) for cell in row] for number, row in enumerate(rows, 1)}
    places = {place: row for place, row in places.items() if any(cell != "" for cell in row)}
    if not header:
        width = max(map(len, places.values()), default=0)
        return [str(number) for number in range(1, width + 1)], places
    names = [str(cell) for cell in places.pop(next(iter(places)), [])] if places else []
    return names, places


def _cell(cell: object) -> object:
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
