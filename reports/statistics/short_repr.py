"""One-line representations of results: sizes of arrays, frames and long lists, not values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
import pandas as pd

T = TypeVar("T")
LISTED = 4
"""Longest list whose items are shown; of a longer list, only the length is."""
LETTERS = 60
"""Longest text that is shown in full."""


def short_repr(cls: type[T]) -> type[T]:
    """Give a dataclass a repr that shows numbers and short texts, and the size of other fields."""
    cls.__repr__ = _short  # type: ignore[method-assign]
    return cls


def _short(result: Any) -> str:
    shown = [f"{field.name}={shortened(getattr(result, field.name))}" for field in fields(result)]
    return f"{type(result).__qualname__}({', '.join(shown)})"


def shortened(value: Any) -> str:
    """Represent a value in few characters, e.g. `<float64 (1000,)>` for an array."""
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
        plain = all(isinstance(item, str | int | float) or item is None for item in value)
        if len(value) > LISTED or not plain:
            return f"<{type(value).__name__} of {len(value)}>"
        return f"[{', '.join(map(shortened, value))}]"
    return repr(value)
