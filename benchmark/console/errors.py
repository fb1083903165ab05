"""Errors that the command line prints as one line on standard error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ApprehendError(Exception):
    """A failure whose message is one complete line. Exit status 1."""

    exit_status = 1


class UsageError(ApprehendError):
    """Wrong usage, such as an invalid option value or an unknown name. Exit status 2."""

    exit_status = 2


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest of ``known``, else an empty string."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
