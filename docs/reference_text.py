"""Text of declarations as Markdown: escaped, with sources as links."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Sequence
from itertools import pairwise

_CODE = re.compile(r"(``.+?``|`[^`]+?`)", re.DOTALL)
_SPECIAL = re.compile(r"([\\*_{}\[\]<>#|$~])")
_LINKS = (
    (re.compile(r"arXiv:? ?(\d{4}\.\d{4,5})"), r"[arXiv \1](https://arxiv.org/abs/\1)"),
    (re.compile(r"doi:? ?(10\.\d{4,9}/[^\s,;]+)"), r"[doi \1](https://doi.org/\1)"),
)
_BARE = re.compile(r"(?<![\d./])(\d{4}\.\d{4,5})(?![\d.])")


def escaped(text: str) -> str:
    """Escape what Markdown would read as markup; code between backticks stays code."""
    pieces = _CODE.split(text)
    shown = []
    for piece in pieces:
        if piece.startswith("`"):
            shown.append(f"`{piece.strip('`')}`")
        else:
            shown.append(_SPECIAL.sub(r"\\\1", piece))
    return "".join(shown)


def cell(text: str) -> str:
    """Format a text as a cell of a Markdown table."""
    return " ".join(escaped(text).replace("`|`", "`\\|`").split())


def linked(source: str) -> str:
    """Format a source, with arXiv numbers and DOIs as links."""
    text = source
    for pattern, link in _LINKS:
        text = pattern.sub(link, text)
    if text == source:
        text = _BARE.sub(r"[arXiv \1](https://arxiv.org/abs/\1)", text)
    return text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; its cells are Markdown."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return [*lines, ""]


def fact_table(facts: Sequence[tuple[str, str]]) -> list[str]:
    """Return the lines of a table of names and values, the first of them as its head."""
    return table(facts[0], [(f"**{name}**", value) for name, value in facts[1:]])


def docstring_parts(text: str | None) -> tuple[str, list[str]]:
    """Return the first line of a docstring, and its further paragraphs as one line each."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text or ""))
    first, *more = [" ".join(paragraph.split()) for paragraph in paragraphs]
    return first, more


def attribute_docs(cls: type) -> dict[str, str]:
    """Return the text below each annotated attribute in the source of a class, by name."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError):
            continue  # a class of the standard library
        (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef)]
        for node, after in pairwise(body):
            if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[node.target.id] = " ".join(inspect.cleandoc(after.value.value).split())
    return found
