"""Layout of panels with room for labels, in inches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.formatting import plain

COLUMNS = 4
PANELS = 12
_CHARACTER, _LINE = 0.094, 0.19
"""Largest width of a character of the title, and its line spacing, in inches."""

T = TypeVar("T")


def pages(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Split items into even parts of at most twelve, the panels of one figure each."""
    number = -(-len(items) // PANELS)
    size = -(-len(items) // max(number, 1))
    for page in range(number):
        yield items[page * size : (page + 1) * size]


def panels(
    number: int,
    size: tuple[float, float],
    title: str,
    share_y: bool = False,
    left: float = 0.6,
    gap: tuple[float, float] = (0.25, 0.62),
    bottom: float = 0.55,
) -> tuple[Figure, list[Axes]]:
    """Create a figure with `number` axes of `size` (width, height) in inches, four per row.

    `left` and `bottom` are margins for labels, `gap` the space between columns and between rows.
    With `share_y`, only the first column has tick labels.
    """
    columns = min(COLUMNS, number)
    rows = -(-number // columns)
    right, top = 0.2, 0.85
    width = left + columns * size[0] + (columns - 1) * gap[0] + right
    width = max(width, min(9.0, 0.3 + _CHARACTER * len(title)))
    lines = _wrapped(title, width)
    top += _LINE * (len(lines) - 1)
    height = top + rows * size[1] + (rows - 1) * gap[1] + bottom
    figure = Figure(figsize=(width, height))
    first: Axes | None = None
    axes: list[Axes] = []
    for index in range(number):
        row, column = divmod(index, columns)
        x = (left + column * (size[0] + gap[0])) / width
        y = 1 - (top + (row + 1) * size[1] + row * gap[1]) / height
        box = (x, y, size[0] / width, size[1] / height)
        ax = figure.add_axes(box, sharey=first if share_y else None)
        first = first or ax
        if share_y and column:
            ax.tick_params(labelleft=False)
        axes.append(ax)
    _write(figure, lines)
    return figure, axes


def single(
    size: tuple[float, float], margins: tuple[float, float, float, float], title: str
) -> tuple[Figure, Axes]:
    """Create a figure with one axes; `margins` are left, right, top, bottom; all in inches."""
    left, right, top, bottom = margins
    width = left + size[0] + right
    lines = _wrapped(title, width)
    height = top + _LINE * (len(lines) - 1) + size[1] + bottom
    figure = Figure(figsize=(width, height))
    ax = figure.add_axes((left / width, bottom / height, size[0] / width, size[1] / height))
    _write(figure, lines)
    return figure, ax


def _wrapped(title: str, width: float) -> list[str]:
    """Wrap a title to a figure of the given width in inches."""
    return wrap(plain(title), round((width - 0.3) / _CHARACTER), break_on_hyphens=False) or [""]


def _write(figure: Figure, lines: Sequence[str]) -> None:
    """Write the lines of the title at the upper left."""
    width, height = figure.get_size_inches()
    for number, line in enumerate(lines):
        y = 1 - (0.14 + _LINE * number) / height
        figure.text(0.12 / width, y, line, va="top", fontsize=11)
