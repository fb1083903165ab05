"""Prompt templates: the packaged ones in ``prompts/``, or a user's file in their place.

A template is Jinja text. It sees ``question``, ``choices`` (each with ``label`` and ``text``),
``topic``, ``label_kind`` ("letter" or "number"), ``dont_know`` (the reserved label, or none) and,
for the judge's rating only, ``assessment``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from .errors import DataError

PROMPT_FOLDER = Path(__file__).parent / "prompts"

_environment = SandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=False, autoescape=False
)


@dataclass(frozen=True)
class Choice:
    """One option as a prompt shows it."""

    label: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """A template and where it came from. Calling ``render`` gives the prompt text."""

    name: str
    source: str

    def render(self, **context: Any) -> str:
        """Fill the template. Raises DataError naming the template and what it lacks."""
        try:
            return str(_compiled(self.source).render(**context))
        except TemplateError as error:
            raise DataError(f"prompt template {self.name!r}: {error}") from error


@lru_cache(maxsize=128)
def _compiled(source: str) -> Any:
    return _environment.from_string(source)


def prompt_names() -> list[str]:
    """Names of the packaged templates, each replaceable with ``--prompt NAME=FILE``."""
    return sorted(path.stem for path in PROMPT_FOLDER.glob("*.jinja"))


def load_prompt(name: str, path: str | Path | None = None) -> Prompt:
    """The template called ``name``, read from ``path`` where one is given.

    Raises DataError for an unknown name (with the nearest known one), a file that cannot be read,
    or text that is not a Jinja template.
    """
    known = prompt_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise DataError(f"unknown prompt template {name!r}, known: {', '.join(known)}{hint}")
    file = Path(path) if path is not None else PROMPT_FOLDER / f"{name}.jinja"
    try:
        source = file.read_text(encoding="utf-8")
        _compiled(source)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"prompt template {name!r}: cannot read {file}: {error}") from error
    except TemplateError as error:
        raise DataError(f"prompt template {name!r} in {file}: {error}") from error
    return Prompt(name=name, source=source)
