"""Standard output and standard error with masking and escaping, and the tracebacks on them.

While a command runs, both streams mask secrets and escape control characters in everything that is
written to them, by any library. Progress bars and tables, whose text is escaped before layout,
bypass the escaping but not the masking.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TextIO, cast

from .escaping import printable
from .masking import mask_text


class MaskedStream:
    """A text stream that masks what is written to it, and escapes it if ``escape`` is set."""

    def __init__(self, stream: TextIO, escape: bool) -> None:
        self.stream = stream
        self.escape = escape

    def write(self, text: str) -> int:
        """Write the text, masked, and return the length of the original."""
        shown = mask_text(text)
        self.stream.write(printable(shown, lines=True) if self.escape else shown)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines, each masked."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """Return False if the stream escapes, since it would escape terminal sequences too."""
        return not self.escape and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def for_layout(stream: TextIO) -> TextIO:
    """Return the stream for tables and bars, whose text is already escaped: colors pass through."""
    if isinstance(stream, MaskedStream):
        return cast(TextIO, MaskedStream(stream.stream, escape=False))
    return stream


def masked_traceback(error: BaseException) -> str:
    """Format the traceback of an error, without secrets."""
    return mask_text("".join(traceback.format_exception(error)))


def guard_console() -> Callable[[], None]:
    """Mask and escape everything that this process writes to its console from now on.

    Tracebacks of uncaught errors are included.

    Returns:
        A function that undoes it.
    """
    before = (sys.stdout, sys.stderr, sys.excepthook, sys.unraisablehook, threading.excepthook)
    for stream in before[:2]:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = cast(TextIO, MaskedStream(before[0], escape=True))
    sys.stderr = cast(TextIO, MaskedStream(before[1], escape=True))
    sys.excepthook = _uncaught
    sys.unraisablehook = _unraisable
    threading.excepthook = _of_thread

    def undo() -> None:
        (sys.stdout, sys.stderr, sys.excepthook, sys.unraisablehook, threading.excepthook) = before

    return undo


def _uncaught(kind: object, error: BaseException, trace: object) -> None:
    sys.stderr.write(masked_traceback(error))


def _of_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_value is not None and not isinstance(raised.exc_value, SystemExit):
        name = raised.thread.name if raised.thread is not None else "a thread"
        sys.stderr.write(f"in {name}:\n{masked_traceback(raised.exc_value)}")


def _unraisable(raised: sys.UnraisableHookArgs) -> None:
    if raised.exc_value is not None:
        sys.stderr.write(f"{raised.err_msg or 'ignored'}:\n{masked_traceback(raised.exc_value)}")
