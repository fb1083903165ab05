"""Turns figures into files and into the page's inline pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from .blocks import PageFigure
from .catalogue import FIGURES
from .style import FORMATS, render, write_atomically


class Drawer:
    """Writes figures below a folder in some formats, and remembers the files."""

    def __init__(self, folder: Path, formats: Sequence[str]) -> None:
        unknown = set(formats) - set(FORMATS)
        if unknown:
            raise ValueError(f"Expected formats among {', '.join(FORMATS)}, got {sorted(unknown)}.")
        self.folder = folder
        self.formats = tuple(formats)
        self.files: list[Path] = []
        self._parts: Counter[tuple[str, str]] = Counter()

    def add(self, kind: str, title: str, stem: str, figures: Iterable[Figure]) -> list[PageFigure]:
        """Write figures of one kind; `stem` ends the file's name, the catalogue has the caption."""
        shown = []
        for figure in figures:
            self._parts[kind, stem] += 1
            number = self._parts[kind, stem]
            name = "_".join(filter(None, (kind, str(number) if number > 1 else "", stem)))
            content = {extension: render(figure, extension) for extension in self.formats}
            for extension, data in content.items():
                self.files.append(write_atomically(self.folder / f"{name}.{extension}", data))
            svg = content.get("svg") or render(figure, "svg")
            shown.append(PageFigure(title, FIGURES[kind][1], svg))
        return shown

    def titled(self, kind: str, of: str, stem: str, figure: Figure | None) -> list[PageFigure]:
        """One figure, or none, under its catalogue title and what it is of."""
        figures = [] if figure is None else [figure]
        return self.add(kind, f"{FIGURES[kind][0]}: {of}", stem, figures)
