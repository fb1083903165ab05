"""Limits on what is tested in pairs, drawn and shown with very many topics, models or rows.

Values per topic, model and estimator are always complete in the CSV files. Pairwise tests, whose
number grows quadratically, figures and tables of the page are limited by rules that do not depend
on the values, and each of them states what it omits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

TESTED = 60
"""Most topics, models or tasks that are tested in pairs, largest first (1,770 pairs)."""
DRAWN = 60
"""Most topics in a figure, largest first."""
ROWS = 500
"""Most rows of a table in the page, largest first where the number of questions is known."""
PAGE = 8_000_000
"""Estimated size in bytes beyond which the sections of a page become pages of their own."""
SUMMARIES = 100
"""Most summary paragraphs on the main page if sections are pages of their own."""

T = TypeVar("T")


def largest(items: Sequence[T], size: Callable[[T], int], limit: int = TESTED) -> list[T]:
    """Return the `limit` items of largest `size` in their original order; ties keep the first."""
    if len(items) <= limit:
        return list(items)
    order = np.argsort([-size(item) for item in items], kind="stable")
    return [items[index] for index in sorted(order[:limit])]


def row_numbers(sizes: ArrayLike | None, count: int) -> list[int]:
    """Select the rows that a table of the page shows: the largest, or the first if unsized."""
    if sizes is None:
        return list(range(min(count, ROWS)))
    known = np.nan_to_num(np.asarray(sizes, dtype=np.float64), nan=-1.0)
    return largest(range(count), lambda row: int(known[row]), ROWS)


def rows_note(count: int, file: str, sized: bool) -> str:
    """State which of `count` rows a table of the page omits; empty if none."""
    if count <= ROWS:
        return ""
    which = f"The {ROWS} rows with the most questions" if sized else f"The first {ROWS} rows"
    return f"{which}; the other {count - ROWS:,} are in {file}."


def pair_count(items: int) -> int:
    """Return the number of pairs of distinct items."""
    return items * (items - 1) // 2


def drawn_topics(n: pd.Series[Any], averages: Sequence[str]) -> list[str]:
    """Select the topics to draw, in their order, from the number of questions per topic.

    `averages` are always drawn and do not count towards the limit.
    """
    names = [str(name) for name in n.index]
    topics = [name for name in names if name not in averages]
    chosen = set(largest(topics, lambda name: int(n[name]), DRAWN))
    return [name for name in names if name in averages or name in chosen]


def drawn_note(groups: int, what: str = "topics") -> str:
    """State which topics a figure omits; empty if none."""
    if groups <= DRAWN:
        return ""
    others = groups - DRAWN
    return f"The {DRAWN} {what} with the most questions; the other {others:,} are in metrics.csv."


def tested_note(items: int, what: str) -> str:
    """State which pairs are not tested; empty if all are."""
    if items <= TESTED:
        return ""
    left = pair_count(items) - pair_count(TESTED)
    return (
        f"Pairs among the {TESTED} {what} with the most questions (ties in their order); the "
        f"{left:,} pairs that involve the other {items - TESTED:,} are not tested. The values of "
        f"all {what} are in metrics.csv."
    )


def shared(array: NDArray[np.int64], known: dict[bytes, NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the known array equal to this one, or remember this one, so that equal arrays share
    memory."""
    return known.setdefault(array.tobytes(), array)
