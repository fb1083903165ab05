"""The error that this folder raises, and how errors are worded."""

from __future__ import annotations

from .files.file_errors import DataError, did_you_mean, first_line, without_middle

__all__ = ["DataError", "did_you_mean", "first_line", "without_middle"]
