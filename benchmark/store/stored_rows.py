"""A row on its way into a store, and why it may not be storable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .failures import Failed, QuestionId

Record = dict[str, Any]
"""The columns of a signal for one question; absent ones are missing."""
Row = tuple[QuestionId, Record | Failed]
"""Id of a question, and its record or why there is none."""


def unstorable(value: object) -> str | None:
    """Why a value, or one inside it, cannot be stored; None for nothing."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            return f"its text holds half of a character (lone surrogate {value[error.start]!r})"
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        return f"a number of {len(str(abs(value)))} digits"
    elif isinstance(value, Mapping):
        return next(filter(None, map(unstorable, value.values())), None)
    elif isinstance(value, list | tuple):
        return next(filter(None, map(unstorable, value)), None)
    return None
