"""How much of very many topics, models or rows is tested in pairs, drawn and shown.

What is computed per topic, model and estimator is complete in the CSV files, whatever their
number. What grows with the square of it, and what a reader would have to scroll through, is bounded
by rules that do not look at the values, and every place says what it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

TESTED = 60
"""Topics, models or tasks of which pairs are tested: those with most questions (1,770 pairs)."""
DRAWN = 60
"""Topics in a figure: those with most questions."""
ROWS = 500
"""Rows of a table in the page: those with most questions, where it has a number of questions."""
PAGE = 8_000_000
"""Bytes of a page's sections, as estimated, from which they get pages of their own beside it."""
SUMMARIES = 100
"""Paragraphs of summary at the head of a page whose sections have pages of their own."""

T = TypeVar("T")


def largest(items: Sequence[T], size: Callable[[T], int], limit: int = TESTED) -> list[T]:
    """At most `limit` items of the largest `size`, in their order; where tied, the first ones."""
    if len(items) <= limit:
        return list(items)
    order = np.argsort([-size(item) for item in items], kind="stable")
    return [items[index] for index in sorted(order[:limit])]


def row_numbers(sizes: ArrayLike | None, count: int) -> list[int]:
    """Which of `count` rows a table in the page shows: those of the largest size, or the first."""
    if sizes is None:
        return list(range(min(count, ROWS)))
    known = np.nan_to_num(np.asarray(sizes, dtype=np.float64), nan=-1.0)
    return largest(range(count), lambda row: int(known[row]), ROWS)


def rows_note(count: int, file: str, sized: bool) -> str:
    """What a table in the page says of the rows that it does not show; empty where it shows all."""
    if count <= ROWS:
        return ""
    which = f"The {ROWS} rows with most questions" if sized else f"The first {ROWS} rows"
    return f"{which}; the other {count - ROWS:,} are in {file}."


def pair_count(items: int) -> int:
    """Number of pairs of so many."""
    return items * (items - 1) // 2


def drawn_topics(n: pd.Series[Any], averages: Sequence[str]) -> list[str]:
    """The topics to draw, in their order, from the questions per topic.

    `averages` are always drawn and do not count.
    """
    names = [str(name) for name in n.index]
    topics = [name for name in names if name not in averages]
    chosen = set(largest(topics, lambda name: int(n[name]), DRAWN))
    return [name for name in names if name in averages or name in chosen]


def drawn_note(groups: int, what: str = "topics") -> str:
    """What a figure of the topics says of those that are not in it; empty where all are."""
    if groups <= DRAWN:
        return ""
    return (
        f"The {DRAWN} {what} with most questions; the other {groups - DRAWN:,} are in metrics.csv."
    )


def tested_note(items: int, what: str) -> str:
    """What a table of pairs says of those that are not tested; empty where all are."""
    if items <= TESTED:
        return ""
    left = pair_count(items) - pair_count(TESTED)
    return (
        f"Pairs among the {TESTED} {what} with most questions (in their order where tied); the "
        f"{left:,} pairs with any of the other {items - TESTED:,} are not tested. The values of "
        f"all {what} are in metrics.csv."
    )


def shared(array: NDArray[np.int64], known: dict[bytes, NDArray[np.int64]]) -> NDArray[np.int64]:
    """The array, or an equal one that was given before, so that many equal ones take the memory of
    one."""
    return known.setdefault(array.tobytes(), array)
