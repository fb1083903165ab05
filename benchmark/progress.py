"""One progress bar on standard error, with rate and time left; quiet where nobody looks."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"


def progress_bar(total: int, what: str, unit: str = "question", done: int = 0) -> Any:
    """A tqdm bar; where standard error is no terminal it prints a line every ten seconds."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        desc=what,
        unit=unit,
        disable=False,
        file=sys.stderr,
        dynamic_ncols=terminal,
        mininterval=0.2 if terminal else 10.0,
        maxinterval=10.0,
        ascii=not terminal,
        bar_format=BAR_FORMAT,
        leave=True,
    )
