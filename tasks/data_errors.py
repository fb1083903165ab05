"""The error that the modules of this folder raise."""

from __future__ import annotations


class DataError(ValueError):
    """Unusable questions or an unusable prompt template; the message is one complete line."""
