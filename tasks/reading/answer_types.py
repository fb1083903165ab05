"""What a rule that reads answers is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum


class Rule(str, Enum):
    """Name of the rule that read an answer; it is stored with every answer."""

    MARKER = "marker"
    STATEMENT = "answer_statement"
    BOXED = "boxed"
    FINAL_LINE = "final_line_letter"
    OPTION_TEXT = "option_text"
    LAST_LABEL = "last_label"
    FIRST_STATEMENT = "first_answer_statement"
    ANSWER_LINE = "answer_line"
    ANY_LETTER = "any_letter"
    FILTER = "filter"
    """The own filter of a task of lm-eval's."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class ReadAnswer:
    """An answer read from a text: the option's index, its characters' span, and the rule."""

    index: int
    start: int
    end: int
    rule: Rule


@dataclass(frozen=True)
class Choices:
    """What may be answered: the options' labels (capitals), and their texts where known."""

    labels: Sequence[str]
    texts: Sequence[str] = ()

    def index(self, label: str) -> int | None:
        """Position of the label, None where no option has it."""
        return list(self.labels).index(label) if label in self.labels else None


def as_filtered(index: int | None, located: ReadAnswer | None) -> ReadAnswer | None:
    """Return the answer that a task's own filter read, which does not say where.

    Its place is that of ``located``, the same answer as another rule read it; -1 if that read
    another one.
    """
    if index is None:
        return None
    if located is not None and located.index == index:
        return replace(located, rule=Rule.FILTER)
    return ReadAnswer(index, -1, -1, Rule.FILTER)


Finder = Callable[[str, Choices], ReadAnswer | None]
