"""Notice a text that repeats itself: an n-gram, over and over, at the end of it."""

from __future__ import annotations

from collections.abc import Sequence

COVERED = 256
"""Tokens that the repetitions of an n-gram must cover; an n-gram has at most half as many."""


def loop_start(ids: Sequence[int]) -> int:
    """Return the index of the first token of a loop that the text ends in, -1 if there is none.

    The last `COVERED` tokens are a loop if they are an n-gram (of at most half as many tokens)
    repeated; it begins where the first repetition begins, which may be earlier.
    """
    if len(ids) < COVERED:
        return -1
    period = _period(list(ids[-COVERED:]))
    if 2 * period > COVERED:
        return -1
    start = len(ids) - COVERED
    while start > 0 and ids[start - 1] == ids[start - 1 + period]:
        start -= 1
    return start


def _period(tokens: list[int]) -> int:
    """Return the smallest p > 0 with tokens[i] = tokens[i + p] throughout (Knuth-Morris-Pratt)."""
    border = [0] * len(tokens)
    size = 0
    for place in range(1, len(tokens)):
        while size and tokens[place] != tokens[size]:
            size = border[size - 1]
        size += tokens[place] == tokens[size]
        border[place] = size
    return len(tokens) - border[-1]
