"""JSON Lines files: one object per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .files.json_rows import read_json_rows


def read_jsonl(file: Path) -> dict[int, dict[str, Any]]:
    """Line as an editor counts it, from 1 → object; blank lines are left out.

    An array of objects is read too; its rows are counted from 1.

    Raises DataError, with file and line, for what is not UTF-8, not JSON or not an object.
    """
    rows = read_json_rows(file)
    return {int(place.split(" ")[1]): row for place, row in rows.items()}
