"""What a file is by its first kilobytes, decompressed."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from ...tasks.files.content import kind_of, open_bytes
from ...tasks.files.file_errors import DataError

LOOKED_AT = 1 << 18


@lru_cache(maxsize=256)
def _start(file: Path, changed: int) -> str:
    """Return the first bytes of a text file, decompressed; empty for what is no readable text."""
    try:
        if kind_of(file) != "text":
            return ""
        with open_bytes(file) as stream:
            return stream.read(LOOKED_AT).decode("utf-8", "replace")
    except (OSError, EOFError, ValueError, DataError):
        return ""


def start_of_text(file: Path) -> str:
    """Return the start of a text file, decompressed; empty for what is no readable text."""
    try:
        return _start(file, file.stat().st_mtime_ns)
    except OSError:
        return ""


def mentions(file: Path, *keys: str) -> bool:
    """Return whether the start of a JSON file has all these keys."""
    start = start_of_text(file)
    return all(re.search(rf'"{re.escape(key)}"\s*:', start) for key in keys)


def begins_with_object_of(file: Path, *keys: str) -> bool:
    """Return whether a JSON Lines file's first line, or an array's first object, has these keys."""
    start = start_of_text(file).lstrip("\ufeff \t\r\n[")
    return start.startswith("{") and mentions(file, *keys)
