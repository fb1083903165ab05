"""Escape control characters in external text, so that a terminal interprets nothing in it.

Endpoints, judges, file names, topics and model names may contain escape sequences that recolor,
overwrite or retitle a terminal, or bidirectional overrides that reorder a line.
"""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Format characters that some scripts and emoji need, and that do not move text."""
_SUSPECT = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u05ff\u4e00-\u9fff]")
"""Cheap first test: characters that do not match are harmless."""
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_CONTROL = frozenset(("Cc", "Cs", "Zl", "Zp"))


def printable(text: str, lines: bool = False) -> str:
    r"""Return ``text`` with every control and format character as ``\x1b`` or ``\u202e``.

    With ``lines``, line breaks and tabs are kept; otherwise the result is one line.
    """
    kept = _JOINERS + ("\n\t" if lines else "")

    def shown(match: re.Match[str]) -> str:
        character = match.group()
        if character in kept or unicodedata.category(character) not in _HIDDEN:
            return character
        return character.encode("unicode_escape", "backslashreplace").decode("ascii")

    return _SUSPECT.sub(shown, text)


def has_control(text: str) -> bool:
    """Return whether a text has control characters, line breaks included, or a lone surrogate."""
    return any(unicodedata.category(character) in _CONTROL for character in text)
