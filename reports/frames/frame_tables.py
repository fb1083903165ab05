"""A frame of texts as Markdown, CSV and LaTeX files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .atomic_files import write_atomically
from .csv_files import csv_text
from .formatting import latex, markdown


def frame_markdown(frame: pd.DataFrame, title: str, note: str = "") -> str:
    """A Markdown section with one table; cells are escaped."""
    lines = [f"# {markdown(title)}", "", *([markdown(note), ""] if note else [])]
    lines.append("| " + " | ".join(map(markdown, frame.columns)) + " |")
    lines.append("|:--" + "|--:" * (len(frame.columns) - 1) + "|")
    lines += ["| " + " | ".join(map(markdown, row)) + " |" for row in frame.to_numpy(dtype=object)]
    return "\n".join(lines) + "\n"


def frame_latex(frame: pd.DataFrame, title: str, note: str = "") -> str:
    r"""A LaTeX table that needs `\usepackage{booktabs}` only; cells are escaped."""
    caption = f"{latex(title)}. {latex(note)}" if note else latex(title)
    lines = [
        "% Needs \\usepackage{booktabs}. Generated; do not edit.",
        "\\begin{table}\n\\centering\\scriptsize\\setlength{\\tabcolsep}{3pt}",
        f"\\caption{{{caption}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(frame.columns) - 1)}}}\n\\toprule",
        " & ".join(map(latex, frame.columns)) + r" \\" + "\n\\midrule",
        *(" & ".join(map(latex, row)) + r" \\" for row in frame.to_numpy(dtype=object)),
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n",
    ]
    return "\n".join(lines)


def write_frame(folder: Path, stem: str, frame: pd.DataFrame, title: str, note: str) -> list[Path]:
    """The three files of one table."""
    contents = {
        "md": frame_markdown(frame, title, note),
        "csv": csv_text(frame),
        "tex": frame_latex(frame, title, note),
    }
    return [write_atomically(folder / f"{stem}.{end}", text) for end, text in contents.items()]
