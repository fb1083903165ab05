r"""Frames as CSV files that a spreadsheet shows and does not compute.

A text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return is a formula to a
spreadsheet. It gets an apostrophe in front, which spreadsheets read as "this is text"; so does one
that begins with apostrophes and then one of these, so that `undefused` gives back every text.
Numbers stay numbers.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def defused(cell: Any) -> Any:
    """A cell as it goes into a CSV file; only texts that would be formulas change."""
    return f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def undefused(cell: Any) -> Any:
    """What `defused` was given."""
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
    """A frame as CSV, without its index; texts in cells and column names are defused."""
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
