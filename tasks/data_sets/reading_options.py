"""Options of a row: from a list, an object by letter, or labeled choices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..files.cells import as_list, is_blank
from .column_cells import text_of

MOST = 25
"""Maximum number of options."""
_TEXT_KEYS = ("text", "content", "value", "option", "answer")
_LABEL_KEYS = ("label", "key", "id", "letter")
_PADDING = frozenset({"N/A", "n/a", "NaN", "nan", "<NA>", "null"})
"""What stands in place of an option that a question does not have; "Na" and "None" are options."""


@dataclass(frozen=True)
class Options:
    """The options of a row.

    Attributes:
        texts: Their texts.
        labels: Their own labels, if any.
        padded: How many places at the end held no option.
        lettered: Whether each began with its own letter, which was taken off.
    """

    texts: Sequence[str]
    labels: Sequence[str] | None = None
    padded: int = 0
    lettered: bool = False


def read_options(cell: object, labels: object = None) -> Options:
    """Read the options of a row.

    Args:
        cell: A list of texts, in any spelling; an object by letter; a list of objects with a text
            and a label.
        labels: The options' own labels, if they stand elsewhere.

    Raises:
        ValueError: with a message for the row.
    """
    listed = as_list(cell)
    if listed is None:
        raise ValueError(f"expected a list of texts, got {type(cell).__name__}: {cell!r:.60}")
    own = _labels(labels)
    if listed and all(isinstance(one, Mapping) for one in listed):
        own = [_named(one, _LABEL_KEYS) for one in listed] if own is None else own
        listed = [_named(one, _TEXT_KEYS) for one in listed]
    texts = list(listed)
    while texts and _is_padding(texts[-1]):
        texts.pop()
    padded = len(listed) - len(texts)
    if own is not None and len(own) not in (len(texts), len(listed)):
        raise ValueError(f"has {len(texts)} options, but {len(own)} labels")
    found = [text_of(text) for text in texts]
    for place, text in enumerate(found):
        if text is None:
            raise ValueError(
                f"option {place + 1} of {len(found)} is no text: {texts[place]!r:.40}"
                if not is_blank(texts[place])
                else f"option {place + 1} of {len(found)} is empty"
            )
        if not text.strip():
            raise ValueError(f"option {place + 1} of {len(found)} is empty")
    known = [text for text in found if text is not None]
    if not 2 <= len(known) <= MOST:
        raise ValueError(f"expected 2 to {MOST} options, got {len(known)}")
    bare = _without_letters(known)
    return Options(bare or known, own and own[: len(known)], padded, bare is not None)


def _labels(cell: object) -> list[str] | None:
    listed = None if is_blank(cell) else as_list(cell)
    return None if listed is None else [str(label).strip() for label in listed]


def _named(one: Mapping[str, object], keys: Sequence[str]) -> str:
    return next((str(one[key]) for key in keys if one.get(key) is not None), "")


def _is_padding(cell: object) -> bool:
    return is_blank(cell) or (isinstance(cell, str) and cell.strip() in _PADDING)


def _without_letters(texts: Sequence[str]) -> list[str] | None:
    """Take ``(A)``, ``A.`` or ``A)`` off all options; None unless each begins with its letter."""
    bare: list[str] = []
    for place, text in enumerate(texts):
        letter = chr(ord("A") + place)
        found = re.match(rf"\s*(?:[(（]{letter}[)）]|{letter}[.):：）、])\s*(?=\S)", text)
        if found is None:
            return None
        bare.append(text[found.end() :])
    return bare
