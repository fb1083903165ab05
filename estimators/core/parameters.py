"""Checks of estimators' parameters, with one kind of message."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import TypeGuard


def _mismatch(name: str, expected: str, got: object) -> ValueError:
    return ValueError(f"Expected `{name}` to be {expected}, but got {got!r}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def number_above(name: str, value: object, least: float) -> float:
    """``value`` if it is a number larger than ``least``. Raises ValueError."""
    if not _is_number(value) or value <= least:
        raise _mismatch(name, f"a number larger than {least:g}", value)
    return float(value)


def number_between(name: str, value: object, low: float, high: float) -> float:
    """``value`` if it is a number with low < value < high. Raises ValueError."""
    if not _is_number(value) or not low < value < high:
        raise _mismatch(name, f"a number between {low:g} and {high:g}", value)
    return float(value)


def share_of(name: str, value: object) -> float:
    """``value`` if it is a number with 0 < value ≤ 1. Raises ValueError."""
    if not _is_number(value) or not 0 < value <= 1:
        raise _mismatch(name, "a number above 0 and at most 1", value)
    return float(value)


def whole_number(name: str, value: object, least: int) -> int:
    """``value`` if it is a whole number of at least ``least``. Raises ValueError."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _mismatch(name, f"a whole number of at least {least}", value)
    return value


def number_of_layer(value: object) -> int:
    """``value`` if it is the number of a layer, or 0 for what the output head reads.

    Raises ValueError.
    """
    return whole_number("layer", value, 0)


def one_of(name: str, value: object, known: Collection[str]) -> str:
    """``value`` if it is one of the known words. Raises ValueError."""
    if not isinstance(value, str) or value not in known:
        raise _mismatch(name, "one of " + ", ".join(known), value)
    return value


def names(name: str, value: object) -> tuple[str, ...]:
    """``value`` as a tuple of texts. Raises ValueError."""
    if isinstance(value, str) or not isinstance(value, Collection):
        raise _mismatch(name, "several names", value)
    if not all(isinstance(item, str) for item in value):
        raise _mismatch(name, "several names", value)
    return tuple(value)
