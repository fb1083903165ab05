"""Rows of delimited text: commas, semicolons, tabs or bars; every cell stays the text it is."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .content import open_text
from .file_errors import DataError, first_line

DELIMITERS = (",", ";", "\t", "|")
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
        delimiter = delimiter_of(start, file.name)
    with open_text(file, encoding, newline="") as text:
        rows = _records(file, text, delimiter)
        if not header:
            cells_by_place = dict(rows)
            width = max((len(cells) for cells in cells_by_place.values()), default=0)
            names = [str(number) for number in range(1, width + 1)]
        else:
            names = next(rows, ("", []))[1]
            cells_by_place = dict(rows)
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


def _named(delimiter: str) -> str:
    return {"\t": "tab"}.get(delimiter, repr(delimiter))


def _first_line(text: IO[str]) -> str:
    return next((line for line in text if line.strip()), "")


def _records(file: Path, text: IO[str], delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and cells of each record that is not blank."""
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    first = 1
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                yield f"line {first}", cells
            first = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{file}, line {first}: not a readable row of delimited text: {first_line(error)}"
        ) from error
