"""Turns figures into files and into the page's inline pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from matplotlib.figure import Figure

from ..frames.atomic_files import write_atomically
from ..frames.blocks import PageFigure
from ..frames.figure_kind import FigureKind
from ..frames.style import FORMATS, figure_style, render
from .workers import in_processes

TOGETHER = 48
"""Figures that are held before they are drawn: enough to keep all processors busy."""


@dataclass(frozen=True)
class _Wanted:
    figure: Figure
    name: str
    shown: PageFigure


class Drawer:
    """Writes figures below a folder in some formats, and remembers the files.

    A ``with`` block of it sets the style; figures added in it are drawn, by all processors, at its
    end at the latest (``LOKY_MAX_CPU_COUNT`` in the environment sets how many).
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
        self, kind: FigureKind, title: str, stem: str, figures: Iterable[Figure], note: str = ""
    ) -> list[PageFigure]:
        """Have figures of one kind drawn; `stem` ends the file's name; the caption is the
        kind's, to which `note` is added."""
        shown = []
        for figure in figures:
            self._parts[kind.key, stem] += 1
            number = self._parts[kind.key, stem]
            name = "_".join(filter(None, (kind.key, str(number) if number > 1 else "", stem)))
            caption = " ".join(filter(None, (kind.reading, note)))
            shown.append(PageFigure(title, caption))
            self._wanted.append(_Wanted(figure, name, shown[-1]))
        if len(self._wanted) >= TOGETHER:
            self._draw()
        return shown

    def _draw(self) -> None:
        wanted, self._wanted = self._wanted, []
        extensions = tuple(dict.fromkeys((*self.formats, "svg")))
        # Text is laid out by one thread of Python, so only processes draw at the same time.
        pictures = in_processes(_pictures, [(one.figure, extensions) for one in wanted])
        for one, content in zip(wanted, pictures, strict=True):
            for extension in self.formats:
                path = self.folder / f"{one.name}.{extension}"
                self.files.append(write_atomically(path, content[extension]))
            one.shown.svg = content["svg"]


def _pictures(figure: Figure, extensions: Sequence[str]) -> dict[str, bytes]:
    """The figure's bytes in some formats, with the style of the process that drew it set again."""
    with figure_style():
        return {extension: render(figure, extension) for extension in extensions}
