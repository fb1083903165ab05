"""Text from outside on a terminal: nothing in it is a command to the terminal.

Endpoints, judges, file names, topics and model names may hold escape sequences that recolour,
overwrite or retitle a terminal, or bidirectional overrides that show a line in another order.
"""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
"""Format characters that scripts and emoji need, and that move nothing."""
_SUSPECT = re.compile(r"[^\x20-\x7e\u00a1-\u00ac\u00ae-\u05ff\u4e00-\u9fff]")
"""Cheap first look: characters outside it are what they seem."""
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_CONTROL = frozenset(("Cc", "Cs", "Zl", "Zp"))


def printable(text: str, lines: bool = False) -> str:
    r"""``text`` with every control and format character as ``\x1b`` or ``\u202e``.

    With ``lines``, line ends and tabs stay; without, the result is one line.
    """
    kept = _JOINERS + ("\n\t" if lines else "")

    def shown(found: re.Match[str]) -> str:
        character = found.group()
        if character in kept or unicodedata.category(character) not in _HIDDEN:
            return character
        return character.encode("unicode_escape", "backslashreplace").decode("ascii")

    return _SUSPECT.sub(shown, text)


def has_control(text: str) -> bool:
    """Whether a text holds control characters, line ends included, or half a surrogate pair."""
    return any(unicodedata.category(character) in _CONTROL for character in text)
