"""Grids of panels with room for labels, measured in inches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .formatting import plain

COLUMNS = 4
PANELS = 12

T = TypeVar("T")


def pages(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Items in parts of at most twelve, as even as possible: one figure's panels each."""
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
    """A figure with `number` axes of `size` (width, height) in inches, four to a row.

    `left` and `bottom` are the margins for labels, `gap` the space between columns and between
    rows. With `share_y`, only the first column carries tick labels.
    """
    columns = min(COLUMNS, number)
    rows = -(-number // columns)
    right, top = 0.2, 0.85
    width = left + columns * size[0] + (columns - 1) * gap[0] + right
    width = max(width, min(9.0, 0.3 + 0.094 * len(title)))
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
    _title(figure, title)
    return figure, axes


def single(
    size: tuple[float, float], margins: tuple[float, float, float, float], title: str
) -> tuple[Figure, Axes]:
    """A figure with one axes of `size`; margins are left, right, top, bottom; all in inches."""
    left, right, top, bottom = margins
    width, height = left + size[0] + right, top + size[1] + bottom
    figure = Figure(figsize=(width, height))
    ax = figure.add_axes((left / width, bottom / height, size[0] / width, size[1] / height))
    _title(figure, title)
    return figure, ax


def _title(figure: Figure, title: str) -> None:
    """Title at the upper left, cut to what the figure's width holds."""
    width, height = figure.get_size_inches()
    room = int((width - 0.3) / 0.094)
    text = plain(title)
    shown = text if len(text) <= room else text[: room - 1] + "…"
    figure.text(0.12 / width, 1 - 0.14 / height, shown, va="top", fontsize=11)
