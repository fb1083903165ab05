"""Title and caption of a figure, declared beside the function that draws it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FigureKind:
    """Kind of figure.

    Attributes:
        key: prefix of its file names.
        title: heading of the figure.
        reading: caption in the page: how to read the figure.
        data: CSV file of the report that it is drawn from; empty where it has one of its own.
    """

    key: str
    title: str
    reading: str
    data: str = field(default="", kw_only=True)
