"""Parsing of option labels in generated text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MARKER = re.compile(r"\[\[([^\[\]]*)\]\]")
"""A value in double brackets, the answer format that all prompts of this project request."""
_LABEL = re.compile(r"\(?\s{0,9}([A-Za-z]|\d{1,9})\s{0,9}\)?\s{0,9}[.:]?")
# Bounded, since three adjacent unbounded runs of blanks would take cubic time.


@dataclass(frozen=True)
class MarkedLabel:
    """A label in a text: the index of its option, and the character range [start, end)."""

    index: int
    start: int
    end: int


def parse_marked_label(text: str, labels: Sequence[str]) -> MarkedLabel | None:
    """Parse the label inside the last marker of ``text``.

    ``[[C]]``, ``[[ (C) ]]`` and ``[[c.]]`` all read as C. If the last marker contains anything
    else, there is no answer, even if an earlier marker has one.

    Args:
        text: generated text.
        labels: labels of the options, upper case.

    Returns:
        The label with its position; None if there is no valid one.
    """
    markers = list(MARKER.finditer(text))
    if not markers:
        return None
    last = markers[-1]
    inside = last.group(1).rstrip()
    inner = _LABEL.fullmatch(inside.lstrip())
    if inner is None:
        return None
    label = inner.group(1).upper()
    if label not in labels:
        return None
    offset = last.start(1) + len(inside) - len(inside.lstrip())
    return MarkedLabel(labels.index(label), offset + inner.start(1), offset + inner.end(1))
