"""Rows of delimited text: commas, semicolons, tabs or bars; every cell stays the text it is."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .content import open_text
from .file_errors import DataError, first_line

DELIMITERS = (",", ";", "\t", "|")
_DECLARED = re.compile(r"\ufeff?sep=(.)\s*")
"""A first line by which spreadsheets declare the delimiter."""
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # long answers; the file's size is limited


def delimiter_of(line: str, name: str = "") -> str:
    """Return the delimiter of a header: the most frequent one outside of quotation marks."""
    outside = "".join(line.split('"')[::2])
    counts = {mark: outside.count(mark) for mark in DELIMITERS}
    if name.lower().endswith((".tsv", ".tab")) and counts["\t"]:
        return "\t"
    return max(DELIMITERS, key=lambda mark: counts[mark])


def read_delimited(
    file: Path, encoding: str | None = None, header: bool = True
) -> tuple[list[str], dict[str, list[str]], str]:
    """Read a delimited text.

    Args:
        file: The file; compressed or not.
        encoding: Its encoding, if not UTF-8.
        header: Whether its first line names the columns; else they are called 1, 2, 3, …

    Returns:
        The names of the columns as they are, the cells by their place (``line 3``, the first of a
        row that spans several), and the delimiter.

    Raises:
        DataError: a row has other cells than the header, or the text is not delimited.
    """
    with open_text(file, encoding, b",;\t\n", newline="") as text:
        start = _first_line(text)
    declared = _DECLARED.fullmatch(start)
    delimiter = declared[1] if declared else delimiter_of(start, file.name)
    try:
        rows = _rows(file, encoding, delimiter, declared is not None, strict=True)
    except _OddQuote:
        rows = _rows(file, encoding, delimiter, declared is not None, strict=False)
    if header:
        place = next(iter(rows), "")
        names = rows.pop(place, [])
    else:
        names = [str(n) for n in range(1, max(map(len, rows.values()), default=0) + 1)]
    cells_by_place = rows
    width = len(names)
    for place, cells in cells_by_place.items():
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if len(cells) != width:
            raise DataError(
                f"{file}, {place}: has {len(cells)} cells, but the header has {width} (truncated, "
                f"or a {_named(delimiter)} in a cell that is not quoted?)"
            )
    return names, cells_by_place, delimiter


def _rows(
    file: Path, encoding: str | None, delimiter: str, declared: bool, strict: bool
) -> dict[str, list[str]]:
    """Read place → cells, without the line that declares the delimiter."""
    with open_text(file, encoding, newline="") as text:
        records = _records(file, text, delimiter, strict)
        if declared:
            next(records, None)
        return dict(records)


def _named(delimiter: str) -> str:
    return {"\t": "tab"}.get(delimiter, repr(delimiter))


def _first_line(text: IO[str]) -> str:
    return next((line for line in text if line.strip()), "")


class _OddQuote(Exception):
    """A cell goes on after its closing quotation mark."""


def _records(
    file: Path, text: IO[str], delimiter: str, strict: bool
) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and cells of each record that is not blank.

    Raises DataError for a quotation mark that is never closed, and _OddQuote, if ``strict``, for
    a cell that only begins with one, as in ``"Yes" he said``.
    """
    reader = csv.reader(text, delimiter=delimiter, strict=strict)
    first = 1
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                yield f"line {first}", cells
            first = reader.line_num + 1
    except csv.Error as error:
        why = first_line(error)
        if "expected after" in why:
            raise _OddQuote from error
        if "unexpected end" in why:
            why = "its quotation mark is not closed"
        raise DataError(
            f"{file}, line {first}: not a readable row of delimited text: {why}"
        ) from error
