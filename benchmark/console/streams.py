"""The two ways out to the console, and what is written to them when something breaks.

While a command runs, standard output and standard error mask secrets and escape control characters
in everything that is written to them, by whichever library. Progress bars and tables, whose texts
are escaped before they are laid out, write past the escaping, not past the masking.
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
    """A text stream that masks what is written to it, and escapes it where ``escape`` says so."""

    def __init__(self, stream: TextIO, escape: bool) -> None:
        self.stream = stream
        self.escape = escape

    def write(self, text: str) -> int:
        """Write the text, masked; gives the length of what was given."""
        shown = mask_text(text)
        self.stream.write(printable(shown, lines=True) if self.escape else shown)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write the lines, each masked."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """Never where it escapes: what libraries send to terminals would come out escaped."""
        return not self.escape and self.stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def for_layout(stream: TextIO) -> TextIO:
    """The stream for tables and bars, whose texts are escaped already: colours pass."""
    if isinstance(stream, MaskedStream):
        return cast(TextIO, MaskedStream(stream.stream, escape=False))
    return stream


def masked_traceback(error: BaseException) -> str:
    """The traceback of an error as text, without secrets."""
    return mask_text("".join(traceback.format_exception(error)))


def guard_console() -> Callable[[], None]:
    """From now on mask and escape all that this process writes to its console, its last words
    included; gives what undoes it."""
    before = (sys.stdout, sys.stderr, sys.excepthook, sys.unraisablehook, threading.excepthook)
    for stream in before[:2]:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout = cast(TextIO, MaskedStream(before[0], escape=True))
    sys.stderr = cast(TextIO, MaskedStream(before[1], escape=True))
    sys.excepthook = _last_words
    sys.unraisablehook = _unraisable
    threading.excepthook = _of_thread

    def undo() -> None:
        (sys.stdout, sys.stderr, sys.excepthook, sys.unraisablehook, threading.excepthook) = before

    return undo


def _last_words(kind: object, error: BaseException, trace: object) -> None:
    sys.stderr.write(masked_traceback(error))


def _of_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None and not isinstance(found.exc_value, SystemExit):
        name = found.thread.name if found.thread is not None else "a thread"
        sys.stderr.write(f"in {name}:\n{masked_traceback(found.exc_value)}")


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    if found.exc_value is not None:
        sys.stderr.write(f"{found.err_msg or 'ignored'}:\n{masked_traceback(found.exc_value)}")
