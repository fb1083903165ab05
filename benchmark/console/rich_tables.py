"""Tables in the terminal: what is in their cells is shown, never obeyed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from .escaping import printable


class LiteralConsole(Console):
    """A rich console for which text from outside has neither markup nor control characters."""

    def render_str(self, text: str, **options: Any) -> Text:
        """The text as it is laid out."""
        return super().render_str(printable(text, lines=True), **options)

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Segments of anything that can be rendered; what came in as ready text is escaped too."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text, lines=True), segment.style)


def console(stream: TextIO) -> LiteralConsole:
    """A console that writes to the stream: as wide as a terminal, else 200 characters."""
    width = None if stream.isatty() else 200
    return LiteralConsole(file=stream, width=width, highlight=False, markup=False, emoji=False)
