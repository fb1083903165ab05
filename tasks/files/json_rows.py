"""Rows of JSON: one object per line, an array of objects, or an object that holds a table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .bounds import JSON_MARKS
from .content import open_text
from .file_errors import DataError

JsonRows = dict[str, dict[str, Any]]
"""Place in the file (``line 3``, ``row 3``) → row."""
_LINES = re.compile(r"\.(jsonl|ndjson)(\.\w+)?", re.IGNORECASE)


class _Twice(ValueError):
    """A key that occurs twice in an object, of which the JSON parser would keep the second."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"the key {twice!r} occurs twice in an object")
    return made


def parse_json(text: str, place: str, numbers_as_text: bool = False) -> Any:
    """Parse a JSON text; unescaped control characters in strings are accepted.

    Raises DataError, beginning with ``place``, for text that is not JSON, and for an object in
    which a key occurs twice.
    """
    more: dict[str, Any] = {"parse_float": str} if numbers_as_text else {}
    try:
        return json.loads(text, strict=False, object_pairs_hook=_object, **more)
    except _Twice as error:
        raise DataError(f"{place}: {error}") from error
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", str(error))
        raise DataError(f"{place}: not JSON: {reason}") from error


def read_json_rows(
    file: Path, encoding: str | None = None, numbers_as_text: bool = False
) -> JsonRows:
    """Read the rows of a JSON or JSON Lines file, whichever its content is.

    Args:
        file: The file; compressed or not.
        encoding: Its encoding, if not UTF-8.
        numbers_as_text: Keep numbers with a point or exponent as the text that the file has.

    Returns:
        Place → row: ``line 3`` as an editor counts it, or ``row 3`` of an array.

    Raises:
        DataError: with file and place, for content that is neither.
    """
    parse = partial(parse_json, numbers_as_text=numbers_as_text)
    with open_text(file, encoding, JSON_MARKS) as text:
        lines = _filled(text)
        first = next(lines, None)
        if first is None:
            return {}
        number, line = first
        second = next(lines, None)
        try:
            row = parse(line, f"{file}, line {number}")
        except DataError:
            if second is None or not _may_go_on(line, second[1]):
                raise
            whole = "\n" * (number - 1) + line + second[1] + text.read()
            return _rows_of(file, parse_whole(file, whole, parse))
        if second is None and not (isinstance(row, dict) and _LINES.search(file.name)):
            return _rows_of(file, row)
        rows = {f"line {number}": _checked(file, f"line {number}", row)}
        for number, line in [second, *lines] if second else ():
            place = f"line {number}"
            rows[place] = _checked(file, place, parse(line, f"{file}, {place}"))
    return rows


def rows_of_text(file: Path, text: str) -> JsonRows:
    """Read the rows of a JSON text, or of one object per line; ``file`` is its name in messages."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    whole = [line.strip() for _, line in lines]
    if len(whole) > 1 and all(line[0] == "{" and line[-1] == "}" for line in whole):
        places = {f"line {number}": line for number, line in lines}
        return {
            place: _checked(file, place, parse_json(line, f"{file}, {place}"))
            for place, line in places.items()
        }
    return _rows_of(file, parse_whole(file, text))


def _filled(text: Any) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that are not blank; a byte-order mark is blank."""
    return ((n, line) for n, line in enumerate(text, 1) if line.strip("\ufeff \t\r\n"))


def _may_go_on(line: str, second: str) -> bool:
    """Whether a value that is not complete on its line may go on in the next one.

    A text that begins with a complete object and is damaged in the middle is one of lines.
    """
    start = line.strip()
    return start[:1] in "[{" and not (start.endswith("}") and second.lstrip().startswith("{"))


def parse_whole(file: Path, text: str, parse: Any = parse_json) -> Any:
    """Parse a JSON text of several lines; the error names the line."""
    try:
        return parse(text, str(file))
    except DataError as error:
        cause = error.__cause__
        line = f", line {cause.lineno}" if isinstance(cause, json.JSONDecodeError) else ""
        message = str(error).removeprefix(str(file))
        raise DataError(f"{file}{line}{message}") from cause


def _rows_of(file: Path, document: Any) -> JsonRows:
    """Return the rows of a document that is an array of objects, or an object of a known shape."""
    if isinstance(document, Mapping):
        document = _rows_of_object(document)
    if not isinstance(document, list):
        raise DataError(f"{file}: expected an array of objects, got {type(document).__name__}")
    return {
        f"row {number}": _checked(file, f"row {number}", row)
        for number, row in enumerate(document, 1)
    }


def _rows_of_object(document: Mapping[str, Any]) -> list[Any]:
    """Return the rows of an object, in the shapes that pandas and others write.

    These are ``{"columns": …, "data": [[…]]}``; columns as lists, or as objects by position; rows
    by their key; and a list of rows beside other facts.
    """
    columns, data = document.get("columns"), document.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        return [
            dict(zip(columns, row, strict=False)) if isinstance(row, list) else row for row in data
        ]
    values = list(document.values())
    if values and all(isinstance(value, list) for value in values):
        length = len(values[0])
        if length and {len(value) for value in values} == {length} and not _is_rows(values[0]):
            return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
    if values and all(isinstance(value, Mapping) for value in values):
        positions = [str(number) for number in range(len(values[0]))]
        if positions and all(list(value) == positions for value in values):
            return [{name: column[p] for name, column in document.items()} for p in positions]
        return [{"key": key, **row} for key, row in document.items()]
    tables = [value for value in values if _is_rows(value)]
    return list(tables[0]) if len(tables) == 1 else [document]


def _is_rows(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)
    )


def _checked(file: Path, place: str, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f"{file}, {place}: expected an object, got {type(row).__name__}")
    return row
