"""A part that others add to the page: a section with its own markup, style, script and data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup


@dataclass(frozen=True)
class PageAddition:
    """A section of index.html that is not made of blocks.

    Attributes:
        key: id of its element, to which the contents link.
        title: its name in the contents.
        markup: the element itself, all external text escaped.
        style: CSS.
        script: JavaScript, which runs after the page's own.
        data: elements behind the sections: data blocks that the script reads, never executed.
        beside: whether the script loads data files that lie beside the page.
        files: those files.
    """

    key: str
    title: str
    markup: Markup
    style: str = ""
    script: str = ""
    data: Sequence[Markup] = ()
    beside: bool = False
    files: Sequence[Path] = field(default=())
