"""Building blocks of the page: texts, figures, and tables that can be sorted and filtered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from .formatting import UNDEFINED, count, interval, marked, number, percent, plain
from .limits import ROWS, row_numbers, rows_note


@dataclass(frozen=True)
class Cell:
    """Cell of a table.

    Attributes:
        text: what is shown.
        sort: sort key, a number or a text; empty ones sort last.
        small: additional lines in small print.
        heat: ROC AUC in [0, 1] that colors the background; NaN for no color.
        few: whether the value comes from too few answers for an interval and is gray.
    """

    text: str
    sort: float | str = ""
    small: tuple[str, ...] = ()
    heat: float = float("nan")
    few: bool = False


@dataclass(frozen=True)
class Column:
    """Column of a table: its heading, and whether it holds text (left-aligned) or numbers."""

    name: str
    text: bool = False


@dataclass(frozen=True)
class PageTable:
    """Table of the page; the first column holds row headings.

    Attributes:
        title: accessible name, and the summary of a collapsed table.
        columns: c columns.
        rows: rows of c cells.
        bold: indices of highlighted rows.
        folded: whether it is initially collapsed under its title.
        prose: whether cells contain running text.
        note: sentence below the table, e.g. which rows are omitted and where to find them.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    bold: frozenset[int] = frozenset()
    folded: bool = False
    prose: bool = False
    note: str = ""


@dataclass
class PageFigure:
    """Figure of the page.

    Attributes:
        title, caption: what it shows, and how to read it.
        svg: bytes of the SVG file, once rendered.
        name: stem of its files.
        picture: path of a file with the picture from the report's folder; empty if none is written.
        data: path of the CSV file that it is drawn from; empty if none is written.
        table: what it is drawn from as CSV, if it is small; the page then holds it.
    """

    title: str
    caption: str
    svg: bytes = b""
    name: str = "figure"
    picture: str = ""
    data: str = ""
    table: str = ""


@dataclass(frozen=True)
class Block:
    """Part of a section: heading, a note, figures, tables, and a text shown as it is.

    `folded` tells whether it is initially collapsed under its heading.
    """

    title: str
    note: str = ""
    figures: Sequence[PageFigure] = ()
    tables: Sequence[PageTable] = ()
    code: str = ""
    folded: bool = False


def text_cell(value: Any, limit: int = 200) -> Cell:
    """Create a cell with text on one line, truncated to `limit` characters; empty for null."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    shown = "" if missing else shortened(plain(value), limit)
    return Cell(shown, shown.casefold())


def area_cell(value: Any, few: bool) -> Cell:
    """Create a colored cell of a ROC AUC; if from too few answers: marked, gray, sorted last."""
    if value is None or pd.isna(value):
        return Cell(UNDEFINED)
    known = float(value)
    if few:
        return Cell(marked(known, few), few=True)
    return Cell(number(known), known, heat=known)


def number_cell(value: Any, show: Callable[[float], str] = number, heat: bool = False) -> Cell:
    """Create a cell of a number formatted by `show`; undefined numbers sort last."""
    if value is None or pd.isna(value):
        return Cell(UNDEFINED)
    known = float(value)
    return Cell(show(known), known, heat=known if heat else float("nan"))


def shortened(text: str, limit: int = 600) -> str:
    """Truncate a text longer than `limit` characters at a word boundary."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0] + " …"


def p_value(value: float) -> str:
    """Format a p-value: `0.032`, or `< 0.001`."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


@dataclass(frozen=True)
class Shown:
    """Format of one column of a frame.

    Attributes:
        heading: heading of the column.
        source: column of the frame.
        kind: "text", "number", "signed", "count", "percent", "p", "short" (one decimal),
            "plain3" (three significant digits), "yes" (yes or no), "interval" (from `source` to
            `other`), or "area" (ROC AUC; gray where `other`, an end of its interval, is NaN).
        other: second column of the frame, for "interval" and "area".
    """

    heading: str
    source: str
    kind: str = "number"
    other: str = ""


KINDS: dict[str, Callable[[float], str]] = {
    "number": number,
    "signed": lambda value: f"{value:+.3f}",
    "count": count,
    "percent": percent,
    "p": p_value,
    "plain3": lambda value: f"{value:.3g}",
    "short": lambda value: number(value, 1),
}


def _cell(record: dict[str, Any], shown: Shown) -> Cell:
    value = record[shown.source]
    if shown.kind == "text":
        return text_cell(value)
    if shown.kind == "yes":
        return Cell("yes" if value else "no", "yes" if value else "no")
    if shown.kind == "area":
        return replace(area_cell(value, pd.isna(record[shown.other])), heat=float("nan"))
    if shown.kind == "interval":
        low, high = float(value), float(record[shown.other])
        return Cell(interval(low, high), "" if math.isnan(low) else low)
    return number_cell(value, KINDS[shown.kind])


def table_from_frame(
    frame: pd.DataFrame,
    title: str,
    columns: Sequence[Shown],
    folded: bool = False,
    file: str = "the CSV files",
    note: str = "",
    few: Sequence[bool] = (),
) -> PageTable:
    """Convert a frame to a table of the page, rows in their order.

    Beyond `ROWS` rows, only those with the most questions (column "n", if present) are shown, and a
    note refers to `file` for the others. `few` flags, per row, values from too few answers, which
    are gray.
    """
    heads = [Column(shown.heading, shown.kind in ("text", "yes")) for shown in columns]
    sized = "n" in frame.columns and is_numeric_dtype(frame["n"])
    sizes = frame["n"].to_numpy(dtype=np.float64, na_value=np.nan) if sized else None
    notes = filter(None, (rows_note(len(frame), file, sized), note))
    if len(frame) > ROWS:
        chosen = row_numbers(sizes, len(frame))
        frame, few = frame.iloc[chosen], [few[row] for row in chosen] if len(few) else ()
    records = [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]
    rows = [[_cell(record, shown) for shown in columns] for record in records]
    for place in (place for place, gray in enumerate(few) if gray):
        rows[place] = [replace(cell, few=True) for cell in rows[place]]
    return PageTable(title, heads, rows, folded=folded, note=" ".join(notes))
