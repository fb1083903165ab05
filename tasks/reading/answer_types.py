"""What a rule that reads answers is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


Finder = Callable[[str, Choices], ReadAnswer | None]
