"""Docstrings as reStructuredText: what they say is text, whatever characters it has."""

from __future__ import annotations

import re
from typing import Any

_CODE = re.compile(r"(``.+?``|`[^`]+?`)")
_MARKUP = re.compile(r"(?<!\\)(\||\*(?!\s)|(?<=\w)_(?!\w))")


def as_text(line: str) -> str:
    """Escape what reStructuredText would read as markup, but for code between backticks."""
    pieces = _CODE.split(line)
    return "".join(p if p.startswith("`") else _MARKUP.sub(r"\\\1", p) for p in pieces)


def prepare(lines: list[str]) -> None:
    """Change the lines of a docstring in place, before its sections are read.

    Its text is escaped, and what is returned becomes a field: read as a section, its words before a
    colon would be taken for a type.
    """
    prepared: list[str] = []
    returned = False
    for line in lines:
        shown = as_text(line)
        if line.rstrip() == "Returns:":
            returned = True
            prepared.append(":returns:")
        elif returned and line.strip() and not line.startswith(" "):
            returned = False
            prepared += ["", shown]
        elif returned and prepared[-1] == ":returns:":
            prepared[-1] = f":returns: {shown.strip()}"
        else:
            prepared.append(shown)
    lines[:] = prepared


def prepare_docstring(
    app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Prepare a docstring; called by autodoc for each."""
    del app, what, name, obj, options
    prepare(lines)
