"""A progress bar on standard error with rate and remaining time; terse without a terminal."""

from __future__ import annotations

import sys
import time
from typing import NoReturn

from tqdm import tqdm

from .escaping import printable
from .masking import mask_text
from .streams import for_layout

BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


def progress_bar(total: int, what: str, unit: str = "question", done: int = 0) -> tqdm[NoReturn]:
    """Return a tqdm bar; without a terminal it prints a line every ten seconds."""
    stream = for_layout(sys.stderr)
    terminal = stream.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=printable(mask_text(what)),
        unit=unit,
        disable=False,
        file=stream,
        dynamic_ncols=terminal,
        mininterval=0.2 if terminal else 10.0,
        maxinterval=10.0,
        ascii=not terminal,
        bar_format=BAR_FORMAT,
        leave=True,
    )


class TokenCount:
    """Counts generated tokens behind a bar's questions, so that it moves between them."""

    def __init__(self, bar: tqdm[NoReturn]) -> None:
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
