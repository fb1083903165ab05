"""JSON Lines files: one object per line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .bounds import check_text
from .data_errors import DataError, first_line


def read_jsonl(file: Path) -> dict[int, dict[str, Any]]:
    """Line as an editor counts it, from 1 → object; blank lines are left out.

    Raises DataError, with file and line, for what is not UTF-8, not JSON or not an object.
    """
    check_text(file)
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 text: {error.reason} at byte {error.start}") from error
    except OSError as error:
        raise DataError(f"{file}: not readable: {first_line(error)}") from error
    rows = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", str(error))
            raise DataError(f"{file}, line {number}: not JSON: {reason}") from error
        if not isinstance(row, dict):
            raise DataError(f"{file}, line {number}: expected an object, got {type(row).__name__}")
        rows[number] = row
    return rows
