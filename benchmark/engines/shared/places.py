"""Locate characters of a generated text among its tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

_INCOMPLETE = "\ufffd"
"""What the bytes of an incomplete character are decoded to."""
_LEFT = {_INCOMPLETE}


def tokens_before(decode: Callable[[list[int]], str], ids: list[int], offset: int) -> int:
    """Return the smallest number of tokens whose text reaches ``offset`` characters."""
    return bisect_left(range(len(ids)), offset, key=lambda count: len(decode(ids[:count])))


def token_at(decode: Callable[[list[int]], str], ids: list[int], offset: int) -> int:
    """Return the index of the token that contains the character at ``offset``; -1 for none."""
    position = tokens_before(decode, ids, offset + 1) - 1
    return position if 0 <= position < len(ids) else -1


def token_ends(decode: Callable[[list[int]], str], ids: list[int], text: str) -> list[int]:
    """Return the offset in ``text`` behind each token; empty where the tokens do not spell it.

    A character of several tokens belongs to the last of them. ``text`` may be cut within the last
    token. Takes time in proportion to the number of tokens.
    """
    ends: list[int] = []
    spelled = ""
    begin = known = 0
    for count in range(1, len(ids) + 1):
        # Some tokenizers spell a token by those before it, so that a few of them are decoded again.
        before, now = decode(ids[begin:known]), decode(ids[begin:count])
        if len(now) > len(before) and not now.endswith(_INCOMPLETE):
            spelled += now[len(before) :]
            begin, known = known, count
        ends.append(len(spelled))
    rest = text[len(spelled) :]
    if not spelled.startswith(text) and not (text.startswith(spelled) and set(rest) <= _LEFT):
        return []
    if rest:
        ends[-1] = len(text)
    return [min(end, len(text)) for end in ends]
