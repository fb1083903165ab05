"""Reading an option's label out of generated text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MARKER = re.compile(r"\[\[([^\[\]]*)\]\]")
"""A double-bracketed value, the form in which every prompt of this project asks for results."""
_LABEL = re.compile(r"\(?\s{0,9}([A-Za-z]|\d{1,9})\s{0,9}\)?\s{0,9}[.:]?")
# Bounded, because three neighbouring runs of blanks would take the cube of a long one's length.


@dataclass(frozen=True)
class MarkedLabel:
    """A label found in a text: its option's index, and where its characters stand."""

    index: int
    start: int
    end: int


def parse_marked_label(text: str, labels: Sequence[str]) -> MarkedLabel | None:
    """The label inside the last marker of ``text``; None where there is none.

    ``[[C]]``, ``[[ (C) ]]`` and ``[[c.]]`` all read as C. A last marker with anything else in it
    is no answer, even if an earlier marker was one.
    """
    found = list(MARKER.finditer(text))
    if not found:
        return None
    last = found[-1]
    inside = last.group(1).rstrip()
    inner = _LABEL.fullmatch(inside.lstrip())
    if inner is None:
        return None
    label = inner.group(1).upper()
    if label not in labels:
        return None
    offset = last.start(1) + len(inside) - len(inside.lstrip())
    return MarkedLabel(labels.index(label), offset + inner.start(1), offset + inner.end(1))
