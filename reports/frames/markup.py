"""Escaping of untrusted text for LaTeX and Markdown."""

from __future__ import annotations

import re
import unicodedata

from ..statistics.intervals import FEW_MARK
from .formatting import plain

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "-": "{-}",
    "–": "--",
    FEW_MARK: "\\dag{}",
    "[": "{[}",
    "]": "{]}",
}


_LATIN_1 = frozenset(map(chr, range(0xC0, 0x100))) - frozenset("×÷ÐÞðþ")  # in OT1


def latex(text: object) -> str:
    """Escape text for LaTeX; letters beyond Latin-1 become their base letter or `?`."""
    return "".join(_LATEX.get(c) or _latin(c) for c in plain(text))


def _latin(character: str) -> str:
    if character.isascii() or character in _LATIN_1:
        return character
    base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return "".join(_LATEX.get(c, c) for c in base) or "?"


def markdown(text: object) -> str:
    """Escape text for a cell of a Markdown table."""
    escaped = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", escaped)
