"""The error that this folder raises."""

from __future__ import annotations


class DataError(ValueError):
    """Questions or a prompt template that cannot be used; the message is one complete line."""
