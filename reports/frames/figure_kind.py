"""What a page says of a figure, declared where the figure is drawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FigureKind:
    """One kind of figure.

    Attributes:
        key: starts the names of its files.
        title: what it is.
        reading: how to read it; its caption in the page.
    """

    key: str
    title: str
    reading: str
