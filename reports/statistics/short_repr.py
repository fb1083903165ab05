"""Results that print in a line: sizes of arrays, frames and long lists instead of their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import pandas as pd

T = TypeVar("T")
LISTED = 4
"""Items of a list that are shown; of a longer one its length."""
LETTERS = 60
"""Characters of a text that are shown."""


def short_repr(cls: type[T]) -> type[T]:
    """Let a dataclass print its numbers and texts as they are, and of the rest the size."""
    cls.__repr__ = _short  # type: ignore[method-assign]
    return cls


def _short(result: Any) -> str:
    shown = [f"{one.name}={shortened(getattr(result, one.name))}" for one in fields(result)]
    return f"{type(result).__qualname__}({', '.join(shown)})"


def shortened(value: Any) -> str:
    """A value in few characters, e.g. `float64 (1000,)` for an array."""
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {value.shape}>"
    if isinstance(value, pd.DataFrame | pd.Series):
        return f"<{type(value).__name__} {value.shape}>"
    if isinstance(value, str | bytes):
        text = repr(value)
        return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
    if isinstance(value, Mapping):
        return f"<{type(value).__name__} of {len(value)}>" if value else "{}"
    if isinstance(value, Sequence | Set):
        plain = all(isinstance(one, str | int | float) or one is None for one in value)
        if len(value) > LISTED or not plain:
            return f"<{type(value).__name__} of {len(value)}>"
        return f"[{', '.join(map(shortened, value))}]"
    return repr(value)
