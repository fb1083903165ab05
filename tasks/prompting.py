"""Prompt templates: the packaged ones in ``prompts/``, or a user's file instead.

A template is Jinja text. Its variables are ``question``, ``choices`` (each with ``label`` and
``text``), ``topic``, ``label_kind`` ("letter" or "number"), ``dont_know`` (the reserved label, or
none), for self-reports ``proposed``, ``phrases`` and ``candidates``, and for the judge's rating
``assessment``. A user's file is rendered once when it is read: it must produce text, which must
depend on the question if that of the packaged one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import TemplateError

from .data_errors import DataError, did_you_mean
from .templates import MAX_TEXT, compiled, rendered
from .topics import DONT_KNOW_LABEL, TOPICS

PROMPT_FOLDER = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Choice:
    """One option as a prompt shows it."""

    label: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """A template; ``render`` returns the text of the prompt."""

    name: str
    source: str

    def render(self, **context: object) -> str:
        """Render the template. Raises DataError, naming the template and what is missing."""
        try:
            return rendered(self.source, context)
        except TemplateError as error:
            raise DataError(f"prompt template {self.name!r}: {error}") from error


def prompt_names() -> list[str]:
    """Return the names of the packaged templates, replaceable with ``--prompt NAME=FILE``."""
    return sorted(path.stem for path in PROMPT_FOLDER.glob("*.jinja"))


def load_prompt(name: str, path: str | Path | None = None) -> Prompt:
    """Load the template called ``name``, from ``path`` if given.

    Raises:
        DataError: the name is unknown, the file cannot be read, its text is not a Jinja template
            or does more than a prompt may, or it renders to no text or, although the packaged
            template depends on the question, to the same text for every question.
    """
    known = prompt_names()
    if name not in known:
        raise DataError(
            f"unknown prompt template {name!r}, known: {', '.join(known)}"
            f"{did_you_mean(name, known)}"
        )
    file = Path(path) if path is not None else PROMPT_FOLDER / f"{name}.jinja"
    try:
        with file.open(encoding="utf-8") as text:
            source = text.read(MAX_TEXT + 1)
        compiled(source)
    except (OSError, ValueError) as error:
        raise DataError(f"prompt template {name!r}: cannot read {file}: {error}") from error
    except TemplateError as error:
        raise DataError(f"prompt template {name!r} in {file}: {error}") from error
    if path is not None:
        wrong = _wrong(name, source)
        if wrong is not None:
            raise DataError(f"prompt template {name!r} in {file}: {wrong}")
    return Prompt(name=name, source=source)


@lru_cache(maxsize=128)
def _wrong(name: str, source: str) -> str | None:
    """Return what is wrong with a user's template for the prompt ``name``; None if nothing."""
    packaged = (PROMPT_FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    depends = False
    for topic, dont_know in ((TOPICS[0], None), (TOPICS[-1], DONT_KNOW_LABEL)):
        one, other = (_trial(name, what, topic, dont_know) for what in ("What is it?", "Why so?"))
        try:
            made = [rendered(source, context) for context in (one, other)]
        except TemplateError as error:
            return str(error)
        if not all(text.strip() for text in made):
            return "gives no text"
        same = rendered(packaged, one) == rendered(packaged, other)
        depends = depends or same or made[0] != made[1]
    return None if depends else "gives the same text for every question; put {{ question }} in it"


def _trial(name: str, question: str, topic: str, dont_know: str | None) -> dict[str, object]:
    """Return variables as the prompt ``name`` receives them."""
    context: dict[str, object] = {"topic": topic, "label_kind": "letter", "dont_know": dont_know}
    if name.endswith("_system"):
        return context
    context |= {"question": question, "choices": [Choice("A", "one"), Choice("B", "two")]}
    if name.startswith(("judge_", "self_")):
        context["proposed"] = "A. one"
    if name == "judge_rating":
        context["assessment"] = "It is hard. [[0.5]]"
    if name.startswith("self_"):
        context["phrases"] = "likely, unlikely"
        context["candidates"] = ["A. one", "B. two"]
    return context
