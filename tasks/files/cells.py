"""What a cell of somebody's table holds: nothing, a number, a list, or something deeper inside."""

from __future__ import annotations

import ast
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MISSING_TEXTS = frozenset(
    {"", "nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nil", "-", "--"}
)
"""What pandas, spreadsheets and JSON writers put where there is no value, in lower case."""
LONGEST_LIST = 1_000_000
"""Maximum characters of a list as text: parsing takes about a hundred times as many bytes."""
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+")
_ABSENT = object()


def is_blank(cell: object) -> bool:
    """Return whether a cell is empty: None, NaN or blank text. Any other text is content."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return True
    return isinstance(cell, str) and not cell.strip()


def is_missing(cell: object) -> bool:
    """Return whether a cell says that there is no value: empty, or "NaN", "None", "NA" and such.

    For answers, outcomes and numbers; topics and ids may have such names, see `is_blank`.
    """
    return is_blank(cell) or (isinstance(cell, str) and cell.strip().lower() in MISSING_TEXTS)


def value_at(row: Mapping[str, Any], column: str) -> object:
    """Return a cell by its column, or what it names deeper inside: ``body.choices.0.text``.

    A column of exactly this name comes first. Raises KeyError if the row has nothing there.
    """
    if column in row:
        return row[column]
    parts = column.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        head = ".".join(parts[:cut])
        if head in row:
            value = _inside(row[head], parts[cut:])
            if value is not _ABSENT:
                return value
    raise KeyError(column)


def _inside(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        if isinstance(value, Mapping):
            value = value.get(name, _ABSENT)
        elif isinstance(value, list) and re.fullmatch(r"-?[0-9]{1,6}", name):
            value = value[int(name)] if -len(value) <= int(name) < len(value) else _ABSENT
        else:
            return _ABSENT
    return value


def number(cell: object, decimal_comma: bool = False) -> float | None:
    """Return a cell as a number: NaN where it is missing, None where it is none.

    Args:
        cell: A number, or text such as ``0.5``, ``1e-3``, ``−0.5`` or ``Infinity``.
        decimal_comma: Whether ``0,5`` is a number too, see `has_decimal_commas`.
    """
    if type(cell) is float:
        return cell
    if isinstance(cell, bool):
        return float(cell)
    if is_missing(cell):
        return math.nan
    if isinstance(cell, str):
        text = unicodedata.normalize("NFKC", cell).strip().replace("−", "-")
        if decimal_comma and _DECIMAL_COMMA.fullmatch(text):
            text = text.replace(",", ".")
        cell = "" if "_" in text else text
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def has_decimal_commas(cells: Iterable[object], delimiter: str = ",") -> bool:
    """Return whether the numbers of a column are written with a decimal comma.

    ``1,234`` can be either where commas delimit the cells; it is a decimal comma if some other
    cell, such as ``0,5``, cannot be anything else, and no cell has a point.
    """
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    commas = [text for text in texts if _DECIMAL_COMMA.fullmatch(text)]
    if not commas or any(re.fullmatch(r"[+-]?[0-9]*\.[0-9]+", text) for text in texts):
        return False
    return delimiter != "," or not all(_THOUSANDS.fullmatch(text) for text in commas)


def as_list(cell: object) -> list[Any] | None:
    """Return a cell as a list, whichever way it is written; None for anything else.

    A list; its text in JSON (``[0.1, null]``), Python (``['a', "d'oh"]``) or NumPy
    (``[0.1 0.2]``); an object by letter (``{"A": 0.1, "B": 0.9}``, in the order of the letters);
    or values with a semicolon or bar between them (``0.1;0.9``).
    """
    if isinstance(cell, str):
        text = cell.strip()
        if len(text) > LONGEST_LIST:
            return None
        cell = _list_of_text(text)
    if isinstance(cell, Mapping):
        return _by_letter(cell)
    if isinstance(cell, list | tuple):
        return list(cell)
    tolist = getattr(cell, "tolist", None)
    value = tolist() if callable(tolist) else None
    return value if isinstance(value, list) else None


def _by_letter(cell: Mapping[Any, Any]) -> list[Any] | None:
    """Return the values of A, B, C, … in this order; other keys beside them are refused."""
    keys = {str(key).strip().strip("().").upper(): value for key, value in cell.items()}
    letters = [chr(ord("A") + place) for place in range(26)]
    if len(keys) != len(cell) or len(keys) < 2 or not set(keys) <= set(letters):
        return None
    last = max(letters.index(key) for key in keys)
    return [keys.get(letter) for letter in letters[: last + 1]]


def _list_of_text(text: str) -> object:
    # Python would join texts with nothing between them, as NumPy writes an array of texts.
    joined = re.search(r"""['"]\s+['"]""", text) is not None
    readers = (_numpy_text, ast.literal_eval) if joined else (ast.literal_eval, _numpy_text)
    for read in (json.loads, *readers, _separated):
        try:
            value = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
        if isinstance(value, list | tuple | dict):
            return value
    return None


def _numpy_text(text: str) -> list[object]:
    """Read what ``str`` or ``repr`` writes of a NumPy array, a tensor or ``nan`` in a list."""
    inner = re.sub(r"^(?:np\.)?(?:array|tensor)\(|,?\s*(?:dtype|device)=[^\[\]]*\)$|\)$", "", text)
    inner = re.sub(r"np\.(?:float|int|str_)\d*\(([^()]*)\)", r"\1", inner.strip())
    if not (inner.startswith("[") and inner.endswith("]")) or "[" in inner[1:]:
        raise ValueError("no array")
    inner = inner[1:-1]
    if re.search(r"['\"]", inner):
        pieces = re.findall(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", inner)
        if re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[\s,]", "", inner):
            raise ValueError("other things between the texts")
        return [one or other for one, other in pieces]
    return _numbers(re.split(r"\s*,\s*|\s+", inner.strip().strip(",")))


def _separated(text: str) -> list[object]:
    """Read numbers with semicolons, bars or blanks between them."""
    for mark in (";", "|"):
        if mark in text:
            return _numbers(text.strip("[](){}").split(mark))
    raise ValueError("no list")


def _numbers(pieces: Sequence[str]) -> list[object]:
    comma = has_decimal_commas(pieces, ";")
    values = [number(piece, comma) for piece in pieces]
    if not values or any(value is None for value in values):
        raise ValueError("not only numbers")
    return [None if value is not None and math.isnan(value) else value for value in values]
