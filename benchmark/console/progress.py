"""A progress bar on standard error with rate and remaining time; terse without a terminal."""

from __future__ import annotations

import sys
from typing import NoReturn

from tqdm import tqdm

from .escaping import printable
from .masking import mask_text
from .streams import for_layout

BAR_FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]"


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
