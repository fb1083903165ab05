"""Rendering of figures to files and to inline SVG of the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pandas as pd
from matplotlib.figure import Figure

from ..frames.atomic_files import write_atomically
from ..frames.blocks import PageFigure
from ..frames.csv_files import csv_text
from ..frames.figure_kind import FigureKind
from ..frames.style import FORMATS, figure_style, render
from .workers import in_processes

SMALL_TABLE = 6_000
"""Largest size in bytes of a figure's data that are part of the page."""
_BEST_ON_A_PAGE = ("svg", "png", "pdf")
TOGETHER = 48
"""Number of figures rendered in one batch, enough to keep all processors busy."""


@dataclass(frozen=True)
class _Wanted:
    figure: Figure
    name: str
    shown: PageFigure


class Drawer:
    """Renders figures to files in a folder, in several processes, and records the files.

    Use it as a context manager, which applies the style: figures added within the block are
    rendered in batches, the last one when the block ends. The environment variable
    ``LOKY_MAX_CPU_COUNT`` sets the number of processes.

    Args:
        folder: Folder of the files.
        formats: Any of "png", "svg", "pdf".

    Raises:
        ValueError: A format is unknown.
    """

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        unknown = set(formats) - set(FORMATS)
        if unknown:
            raise ValueError(f"Expected formats among {', '.join(FORMATS)}, got {sorted(unknown)}.")
        self.folder = folder
        self.formats = tuple(formats)
        self.files: list[Path] = []
        self._parts: Counter[tuple[str, str]] = Counter()
        self._wanted: list[_Wanted] = []
        self._style = ExitStack()

    def __enter__(self) -> Drawer:
        self._style.enter_context(figure_style())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._style:
            if kind is None:
                self._draw()

    def add(
        self,
        kind: FigureKind,
        title: str,
        stem: str,
        figures: Iterable[Figure],
        note: str = "",
        data: pd.DataFrame | None = None,
    ) -> list[PageFigure]:
        """Add figures of one kind.

        Args:
            kind: Kind of the figures, with the caption.
            title: Title of each figure.
            stem: Suffix of the file names.
            figures: Figures to render.
            note: Sentence to append to the caption.
            data: What they are drawn from, if no CSV file of the report has it (`FigureKind.data`);
                written beside the first picture.

        Returns:
            The figures for the page; their SVG is set once they are rendered.
        """
        shown = []
        for figure in figures:
            self._parts[kind.key, stem] += 1
            number = self._parts[kind.key, stem]
            name = "_".join(filter(None, (kind.key, str(number) if number > 1 else "", stem)))
            caption = " ".join(filter(None, (kind.reading, note)))
            shown.append(PageFigure(title, caption, name=name, data=kind.data))
            if self.formats:
                first = min(self.formats, key=_BEST_ON_A_PAGE.index)
                shown[-1].picture = f"{self.folder.name}/{name}.{first}"
            if data is not None:
                self._attach(shown[-1], shown[0].name, csv_text(data))
            self._wanted.append(_Wanted(figure, name, shown[-1]))
        if len(self._wanted) >= TOGETHER:
            self._draw()
        return shown

    def _attach(self, figure: PageFigure, name: str, table: str) -> None:
        """Give a figure its own data: in the page if small, else as a file beside the pictures."""
        if len(table) <= SMALL_TABLE:
            figure.table = table
            return
        path = self.folder / f"{name}.csv"
        if path not in self.files:
            self.files.append(write_atomically(path, table))
        figure.data = f"{self.folder.name}/{name}.csv"

    def _draw(self) -> None:
        wanted, self._wanted = self._wanted, []
        extensions = tuple(dict.fromkeys((*self.formats, "svg")))
        # Text layout holds the global interpreter lock, so processes rather than threads.
        pictures = in_processes(_pictures, [(task.figure, extensions) for task in wanted])
        for task, content in zip(wanted, pictures, strict=True):
            for extension in self.formats:
                path = self.folder / f"{task.name}.{extension}"
                self.files.append(write_atomically(path, content[extension]))
            task.shown.svg = content["svg"]


def _pictures(figure: Figure, extensions: Sequence[str]) -> dict[str, bytes]:
    """Render a figure in several formats, in a process where the style must be set again."""
    with figure_style():
        return {extension: render(figure, extension) for extension in extensions}
