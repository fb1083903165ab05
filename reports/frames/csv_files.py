r"""CSV files that are safe to open in a spreadsheet (no formula injection).

Spreadsheets evaluate text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return
as a formula. Such text is prefixed with an apostrophe, which marks it as text. So is text that
begins with apostrophes followed by one of these characters, so that `undefused` inverts the
transformation exactly. Numbers are not changed.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def defused(cell: Any) -> Any:
    """Prefix text that a spreadsheet would evaluate as a formula; return other cells unchanged."""
    return f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def undefused(cell: Any) -> Any:
    """Restore a cell read from a CSV file to the value before `csv_text` prefixed it.

    Args:
        cell: Any value; only text that carries the prefix changes.

    Returns:
        The original value.
    """
    if isinstance(cell, str) and cell.startswith("'") and _is_formula(cell[1:]):
        return cell[1:]
    return cell


def _is_formula(text: str) -> bool:
    if not _FORMULA.match(text):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return False


def csv_text(frame: pd.DataFrame) -> str:
    """Serialize a frame as CSV without its index, safe to open in a spreadsheet.

    Args:
        frame: Any frame; text cells and column names that would be formulas get a prefix.

    Returns:
        The CSV text; `undefused` inverts the prefix.
    """
    columns = {
        place: frame.iloc[:, place].map(defused)
        for place, kind in enumerate(frame.dtypes)
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind))
    }
    if columns:
        parts = [columns.get(place, frame.iloc[:, place]) for place in range(frame.shape[1])]
        names = frame.columns
        frame = pd.concat(parts, axis=1)
        frame.columns = names
    return str(frame.rename(columns=defused).to_csv(index=False))
