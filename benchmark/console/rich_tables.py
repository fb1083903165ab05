"""Tables in the terminal, whose cells are printed literally."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from .escaping import printable


class LiteralConsole(Console):
    """A rich console that interprets neither markup nor control characters in external text."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Render a string literally."""
        return super().render_str(printable(text, lines=True), **options)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Yield the segments of a renderable; text that was already rendered is escaped too."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text, lines=True), segment.style)


def console(stream: TextIO) -> LiteralConsole:
    """Return a console that writes to the stream, as wide as the terminal, else 200 characters."""
    width = None if stream.isatty() else 200
    return LiteralConsole(file=stream, width=width, highlight=False, markup=False, emoji=False)
