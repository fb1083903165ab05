"""Progress on standard error with rate and remaining time: a bar, or lines without a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from .escaping import printable
from .masking import mask_text
from .streams import for_layout

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    Bar = tqdm[NoReturn]
else:
    Bar = tqdm  # generic for type checkers alone

BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
LINE_FORMAT = "{desc}: {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"
SECONDS_BETWEEN_LINES = 60.0


class ProgressLines(Bar):
    """Progress without a terminal: at most a line per minute, and one at either end."""

    @staticmethod
    def status_printer(file: SupportsWrite[str]) -> Callable[[str], None]:
        """Return a function that writes a state as a line of its own."""

        def write(text: str) -> None:
            if text:
                file.write(f"{text}\n")
                getattr(file, "flush", bool)()

        return write

    def moveto(self, n: int) -> None:
        """Stay where it is: lines have no places that bars could share."""

    def close(self) -> None:
        """Write the last state, once; tqdm's own would add an empty line."""
        if not self.disable:
            self.refresh()
            self.disable = True
            self._decr_instances(self)  # type: ignore[attr-defined]


def progress_bar(total: int, what: str, unit: str = "question", done: int = 0) -> Bar:
    """Return a tqdm bar on standard error; without a terminal, one that writes lines."""
    stream = for_layout(sys.stderr)
    terminal = stream.isatty()
    kind: type[Bar] = tqdm if terminal else ProgressLines
    return kind(
        total=total,
        initial=done,
        desc=printable(mask_text(what)),
        unit=unit,
        disable=False,
        file=stream,
        dynamic_ncols=terminal,
        mininterval=0.2 if terminal else SECONDS_BETWEEN_LINES,
        maxinterval=10.0 if terminal else SECONDS_BETWEEN_LINES,
        bar_format=BAR_FORMAT if terminal else LINE_FORMAT,
        leave=True,
    )


class TokenCount:
    """Counts generated tokens behind a bar's questions, so that it moves between them."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._tokens = 0
        self._began = self._shown = time.monotonic()

    def add(self, tokens: int) -> None:
        """Count tokens; the bar is drawn again after its shortest interval."""
        self._tokens += tokens
        now = time.monotonic()
        if not tokens or now - self._shown < self._bar.mininterval:
            return
        self._shown = now
        speed = self._tokens / max(now - self._began, 1e-9)
        self._bar.set_postfix_str(f"{self._tokens:,} tokens, {speed:,.0f}/s")
