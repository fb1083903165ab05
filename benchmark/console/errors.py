"""Errors that the command line prints as one line on standard error."""

from __future__ import annotations

from ...tasks.data_errors import did_you_mean, first_line, without_middle


class ApprehendError(Exception):
    """A failure whose message is one complete line. Exit status 1."""

    exit_status = 1


class UsageError(ApprehendError):
    """Wrong usage, such as an invalid option value or an unknown name. Exit status 2."""

    exit_status = 2


__all__ = ["ApprehendError", "UsageError", "did_you_mean", "first_line", "without_middle"]
