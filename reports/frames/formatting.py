"""Formatting of numbers and names for display; CSV files keep full precision."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np

from ..statistics.intervals import FEW_MARK

UNDEFINED = "–"
_UNSHOWN = frozenset(("Cc", "Cs", "Cn", "Cf", "Co"))


def number(value: float | None, digits: int = 3) -> str:
    """Format a number: `0.709`, or an en dash where it is undefined."""
    return UNDEFINED if value is None or np.isnan(value) else f"{value:.{digits}f}"


def marked(value: float | None, few: bool) -> str:
    """Format a number, marked if from too few answers for an interval: `0.222†`."""
    shown = number(value)
    return shown + FEW_MARK if few and shown != UNDEFINED else shown


def interval(low: float, high: float) -> str:
    """Format an interval: `[0.700, 0.718]`, or an empty text where it is undefined."""
    return "" if np.isnan(low) or np.isnan(high) else f"[{low:.3f}, {high:.3f}]"


def count(value: float) -> str:
    """Format a count: `12,030`."""
    return UNDEFINED if np.isnan(value) else f"{int(value):,}"


def percent(value: float) -> str:
    """Format a share in [0, 1]: `36.2 %`."""
    if np.isnan(value):
        return UNDEFINED
    shown = f"{100 * value:.1f} %"
    return "> 99.9 %" if shown == "100.0 %" and value < 1 else shown


def plain(text: object) -> str:
    """Put text on one line; control and unassigned characters become U+FFFD."""
    cleaned = re.sub(r"\s+", " ", str(text))
    return "".join("\ufffd" if unicodedata.category(c) in _UNSHOWN else c for c in cleaned)


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Derive file name stems that are safe and unique on case-insensitive file systems.

    Args:
        names: Names of models, tasks or others, in any characters.

    Returns:
        Name → stem of letters, digits, ".", "_" and "-", at most 80 characters and a number.
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-_")[:80] or "unnamed"
        unique, number_ = stem, 2
        while unique.lower() in taken:
            unique, number_ = f"{stem}-{number_}", number_ + 1
        taken.add(unique.lower())
        stems[name] = unique
    return stems
