"""What the page is made of: blocks of text, figures and tables that sort and filter."""

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
    """One cell: what is shown, what it sorts by (number or text), notes below, a heat value.

    `heat` is a ROC AUC, or NaN for none; `small` is shown smaller on lines of its own; `few` says
    that the value comes from too few answers and is gray.
    """

    text: str
    sort: float | str = ""
    small: tuple[str, ...] = ()
    heat: float = float("nan")
    few: bool = False


@dataclass(frozen=True)
class Column:
    """A table's column: its heading, and whether it holds text (left) or numbers (right)."""

    name: str
    text: bool = False


@dataclass(frozen=True)
class PageTable:
    """A table of the page; the first column holds row headings.

    Attributes:
        title: what it is, for screen readers.
        columns: c columns.
        rows: rows of c cells.
        bold: numbers of the rows to stress.
        folded: whether it starts folded away, under its title.
        prose: whether cells hold running text.
        note: a sentence below it, e.g. which rows it leaves out and where they are.
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
    """A figure for the page: its title, how to read it, and the SVG file's bytes once drawn."""

    title: str
    caption: str
    svg: bytes = b""


@dataclass(frozen=True)
class Block:
    """A part of a section: heading, a sentence, figures, tables."""

    title: str
    note: str = ""
    figures: Sequence[PageFigure] = ()
    tables: Sequence[PageTable] = ()


def text_cell(value: Any, limit: int = 200) -> Cell:
    """Text on one line, cut at `limit` characters; empty for null."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    shown = "" if missing else shortened(plain(value), limit)
    return Cell(shown, shown.casefold())


def area_cell(value: Any, few: bool) -> Cell:
    """A ROC AUC with its color, or, from too few answers, marked, gray and sorted last."""
    if value is None or pd.isna(value):
        return Cell(UNDEFINED)
    known = float(value)
    if few:
        return Cell(marked(known, few), few=True)
    return Cell(number(known), known, heat=known)


def number_cell(value: Any, show: Callable[[float], str] = number, heat: bool = False) -> Cell:
    """A number as `show` writes it, sorted by its value; undefined ones sort last."""
    if value is None or pd.isna(value):
        return Cell(UNDEFINED)
    known = float(value)
    return Cell(show(known), known, heat=known if heat else float("nan"))


def shortened(text: str, limit: int = 600) -> str:
    """The text, cut at a word's end where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0] + " …"


def p_value(value: float) -> str:
    """`0.032`, or `< 0.001`."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


@dataclass(frozen=True)
class Shown:
    """How one column of a frame is shown: heading, source column, kind.

    Kinds: text, number, signed, count, percent, p, interval (source and source's other end),
    area (a ROC AUC; `other` is an end of its interval: without one it is gray), yes (yes or no),
    plain3 (three significant digits).
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
    """The frame's rows in their order, the columns as described.

    Of more than `ROWS` rows those with most questions (column "n", where there is one) are shown,
    and a sentence says that the others are in `file`. `few`, one per row, says which come from too
    few answers and are gray.
    """
    heads = [Column(shown.heading, shown.kind in ("text", "yes")) for shown in columns]
    sized = "n" in frame.columns and is_numeric_dtype(frame["n"])
    sizes = frame["n"].to_numpy(dtype=np.float64, na_value=np.nan) if sized else None
    notes = filter(None, (rows_note(len(frame), file, sized), note))
    if len(frame) > ROWS:
        chosen = row_numbers(sizes, len(frame))
        frame, few = frame.iloc[chosen], [few[row] for row in chosen] if len(few) else ()
    records = [{str(k): v for k, v in one.items()} for one in frame.to_dict("records")]
    rows = [[_cell(record, shown) for shown in columns] for record in records]
    for place in (place for place, gray in enumerate(few) if gray):
        rows[place] = [replace(cell, few=True) for cell in rows[place]]
    return PageTable(title, heads, rows, folded=folded, note=" ".join(notes))
