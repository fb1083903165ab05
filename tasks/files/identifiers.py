"""Ids of questions: text, whatever they are stored as."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Sequence

from .cells import is_blank

WHOLE = re.compile(r"-?[0-9]+\.0")


def id_text(value: object) -> str | None:
    """Return an id as text: what stands there, so that 7 and "7" are the same id.

    Whole numbers stored as floating point (as pandas does beside missing cells) lose their ``.0``.
    None where there is no id: an empty cell, or a value that names nothing (a list, true, NaN).
    """
    if isinstance(value, str):
        return None if not value or value.isspace() else value
    if is_blank(value) or isinstance(value, bool):
        return None
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, numbers.Real):
        value = float(value)
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, list | tuple | dict | set | bytes):
        return None
    return str(value)


def id_texts(cells: Sequence[object]) -> tuple[list[str | None], bool]:
    """Return the ids of a column as text, and whether a ``.0`` was left out of each.

    Where every id is a whole number with ``.0``, the column was floating point when it was
    written, and its ids are the whole numbers.
    """
    texts = [id_text(cell) for cell in cells]
    known = [text for text in texts if text is not None]
    if known and all(WHOLE.fullmatch(text) for text in known):
        return [None if text is None else text[:-2] for text in texts], True
    return texts, False


def plain_number(text: object) -> object:
    """Return the number that a text is the usual spelling of, else the value as it is.

    Fingerprints of questions hash ids as numbers where these were numbers before ids were text.
    """
    if isinstance(text, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text):
        return int(text)
    return text
