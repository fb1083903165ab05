"""Title and caption of a figure, declared beside the function that draws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FigureKind:
    """Kind of figure.

    Attributes:
        key: prefix of its file names.
        title: heading of the figure.
        reading: caption in the page: how to read the figure.
    """

    key: str
    title: str
    reading: str
