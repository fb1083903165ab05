"""The error for unusable files and data, and how errors are worded."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DataError(ValueError):
    """Unusable questions, files or prompt templates; the message is one complete line."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the nearest of ``known``, else an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


LONGEST = 600
"""Characters of a message of a library."""


def without_middle(line: str, most: int, end: int) -> str:
    """Return a line, cut to ``most`` characters by leaving out those before its last ``end``."""
    return line if len(line) <= most else f"{line[: most - end]} … {line[-end:]}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type if it has none.

    Libraries quote what they could not read, however long it is: the middle of such a line is left
    out.
    """
    line = (str(error).strip() or type(error).__name__).splitlines()[0].strip()
    return without_middle(line, LONGEST, LONGEST // 2)
