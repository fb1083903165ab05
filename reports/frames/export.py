"""Export of tables as Markdown, CSV and LaTeX files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .atomic_files import write_atomically
from .csv_files import csv_text
from .markup import latex, markdown

NARROW = 6
"""Most columns of a LaTeX table in footnotesize; wider tables use scriptsize."""
Text = str | tuple[str, ...]
"""Text, which every format escapes, or the parts of a value (numbers and brackets), which Markdown
leaves unescaped."""


@dataclass(frozen=True)
class TextTable:
    """Table whose cells are formatted.

    Attributes:
        columns: c headings; the first column is left-aligned, the others right-aligned.
        rows: rows of c cells.
        title: heading of the table within the document.
        note: sentence below the heading.
        rules: indices of the rows preceded by a horizontal rule.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Text]]
    title: str = ""
    note: str = ""
    rules: frozenset[int] = frozenset()


def markdown_text(title: str, tables: Sequence[TextTable], note: str = "") -> str:
    """Render a Markdown document; each titled table is a section."""
    lines = [f"# {markdown(title)}", *(["", markdown(note)] if note else [])]
    for table in tables:
        lines += ["", f"## {markdown(table.title)}"] if table.title else []
        lines += ["", markdown(table.note)] if table.note else []
        lines += ["", _line(table.columns), "|:--" + "|--:" * (len(table.columns) - 1) + "|"]
        lines += map(_line, table.rows)
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[Text]) -> str:
    shown = (markdown(c) if isinstance(c, str) else " ".join(filter(None, c)) for c in cells)
    return f"| {' | '.join(shown)} |"


def latex_text(tables: Sequence[TextTable]) -> str:
    r"""Render LaTeX tables, which require only `\usepackage{booktabs}`."""
    head = "% Needs \\usepackage{booktabs}. Generated; do not edit."
    return "\n\n".join([head, *map(_latex_table, tables)]) + "\n"


def _latex_table(table: TextTable) -> str:
    small = len(table.columns) > NARROW
    size, gap = ("\\scriptsize", 3) if small else ("\\footnotesize", 4)
    caption = f"{latex(table.title)}. {latex(table.note)}" if table.note else latex(table.title)
    lines = [
        f"\\begin{{table}}\n\\centering{size}\\setlength{{\\tabcolsep}}{{{gap}pt}}",
        f"\\caption{{{caption}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}\n\\toprule",
        _latex_line(table.columns) + "\n\\midrule",
    ]
    for number, row in enumerate(table.rows):
        lines += ["\\midrule"] if number in table.rules else []
        lines.append(_latex_line(row))
    return "\n".join([*lines, "\\bottomrule\n\\end{tabular}\n\\end{table}"])


def _latex_line(cells: Sequence[Text]) -> str:
    values = ((cell,) if isinstance(cell, str) else cell for cell in cells)
    shown = ("\\,".join(map(latex, filter(None, parts))) for parts in values)
    return " & ".join(shown) + r" \\"


def frame_table(frame: pd.DataFrame, title: str = "", note: str = "") -> TextTable:
    """Convert a frame of formatted cells to a table."""
    rows = [list(map(str, row)) for row in frame.to_numpy(dtype=object)]
    return TextTable(list(map(str, frame.columns)), rows, title, note)


def write_tables(
    folder: Path, stem: str, frame: pd.DataFrame, in_markdown: str, in_latex: str
) -> list[Path]:
    """Write Markdown, CSV and LaTeX files of a table; `frame` is the content of the CSV file."""
    contents = {"md": in_markdown, "csv": csv_text(frame), "tex": in_latex}
    return [write_atomically(folder / f"{stem}.{end}", text) for end, text in contents.items()]


def write_frame(folder: Path, stem: str, frame: pd.DataFrame, title: str, note: str) -> list[Path]:
    """Write Markdown, CSV and LaTeX files of a frame of formatted cells."""
    shown = markdown_text(title, [frame_table(frame)], note)
    return write_tables(folder, stem, frame, shown, latex_text([frame_table(frame, title, note)]))
