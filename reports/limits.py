"""How much of very many topics, models or rows is tested in pairs, drawn and shown.

What is computed per topic, model and estimator is complete in the CSV files, whatever their
number. What grows with the square of it, and what a reader would have to scroll through, is bounded
by rules that do not look at the values, and every place says what it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TESTED = 60
"""Topics, models or tasks of which pairs are tested: those with most questions (1,770 pairs)."""
DRAWN = 60
"""Topics in a figure: those with most questions."""
ROWS = 500
"""Rows of a table in the page."""
PAGE = 10_000_000
"""Bytes of a page's sections from which each gets a page of its own beside the main one."""

T = TypeVar("T")


def largest(items: Sequence[T], size: Callable[[T], int], limit: int = TESTED) -> list[T]:
    """At most `limit` items of the largest `size`, in their order; where tied, the first ones."""
    if len(items) <= limit:
        return list(items)
    order = np.argsort([-size(item) for item in items], kind="stable")
    return [items[index] for index in sorted(order[:limit])]


def pair_count(items: int) -> int:
    """Number of pairs of so many."""
    return items * (items - 1) // 2


def drawn_topics(n: pd.Series[int], averages: Sequence[str]) -> tuple[list[str], str]:
    """Topics to draw, in their order, from the questions per topic, and a sentence on the others.

    `averages` are always drawn and do not count. The sentence is empty where all are drawn.
    """
    names = [str(name) for name in n.index]
    topics = [name for name in names if name not in averages]
    chosen = set(largest(topics, lambda name: int(n[name]), DRAWN))
    shown = [name for name in names if name in averages or name in chosen]
    return shown, drawn_note(len(topics))


def drawn_note(topics: int) -> str:
    """What a figure of the topics says of those that are not in it; empty where all are."""
    if topics <= DRAWN:
        return ""
    return (
        f"The {DRAWN} topics with most questions; the other {topics - DRAWN:,} are in the CSV "
        "files."
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
