"""Locate characters of a generated text among its tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable


def tokens_before(decode: Callable[[list[int]], str], ids: list[int], offset: int) -> int:
    """Return the smallest number of tokens whose text reaches ``offset`` characters."""
    return bisect_left(range(len(ids)), offset, key=lambda count: len(decode(ids[:count])))


def token_at(decode: Callable[[list[int]], str], ids: list[int], offset: int) -> int:
    """Return the index of the token that contains the character at ``offset``; -1 for none."""
    position = tokens_before(decode, ids, offset + 1) - 1
    return position if 0 <= position < len(ids) else -1
