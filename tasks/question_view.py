"""The question view: one question of any task, as probes, prompts of our own and judges see it.

Every task gives it, whatever its documents look like, so that nothing beyond the task itself needs
to know how it asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .prompting import Choice, Prompt, load_prompt
from .topics import letters

LETTERED_USER, LETTERED_SYSTEM = "direct", "lettered_system"
"""The prompt templates around a question that is asked for a letter."""


def shown_choices(
    labels: Sequence[str], options: Sequence[str], dont_know: str | None = None
) -> list[Choice]:
    """Return options as prompts show them, the don't-know option last if there is one."""
    shown = [Choice(*pair) for pair in zip(labels, options, strict=True)]
    if dont_know is not None:
        shown.append(Choice(dont_know, "I do not know"))
    return shown


@dataclass(frozen=True)
class QuestionView:
    """A question with its options, independent of the task that asks it."""

    stem: str
    """The question without its options."""
    options: tuple[str, ...]
    """The options' texts, in the order in which they are asked."""
    labels: tuple[str, ...]
    """What prompts of our own call the options: A, B, … or 1, 2, …"""
    gold: tuple[int, ...] = ()
    """Indices of the right options: usually one, none if unknown."""
    topic: str = ""
    question_id: int | str = ""
    label_kind: str = "letter"
    """``letter`` or ``number``, as prompts call the labels."""
    dont_know: str | None = None
    """The reserved label for not knowing; None where the task has none."""
    src: str | None = None
    """Where the question comes from, if its data set says so."""

    @property
    def only_gold(self) -> int:
        """Return the index of the right option; -1 if it is unknown or if there are several."""
        return self.gold[0] if len(self.gold) == 1 else -1

    @property
    def choices(self) -> list[Choice]:
        """Return the options as prompts show them, the don't-know option last if there is one."""
        return shown_choices(self.labels, self.options, self.dont_know)

    def context(self) -> dict[str, object]:
        """Return the variables of prompt templates."""
        return {
            "question": self.stem,
            "choices": self.choices,
            "topic": self.topic,
            "label_kind": self.label_kind,
            "dont_know": self.dont_know,
        }

    def named(self, index: int) -> str:
        """Return an option as prompts name it, label and text; for -1 ``none of them``."""
        return f"{self.labels[index]}. {self.options[index]}" if index >= 0 else "none of them"


def view(
    stem: str,
    options: tuple[str, ...],
    gold: tuple[int, ...] = (),
    topic: str = "",
    question_id: int | str = "",
) -> QuestionView:
    """Return the view of a question whose options are called A, B, …"""
    return QuestionView(stem, options, tuple(letters(len(options))), gold, topic, question_id)


def lettered_user(question: QuestionView, prompt: Prompt | None = None) -> str:
    """Render a question with lettered options and the cue for the answer: the user's turn."""
    return (prompt or load_prompt(LETTERED_USER)).render(**question.context())


def lettered_system(question: QuestionView, prompt: Prompt | None = None) -> str:
    """Render the system message of a question that is asked for a letter."""
    chosen = prompt or load_prompt(LETTERED_SYSTEM)
    return chosen.render(
        topic=question.topic, label_kind=question.label_kind, dont_know=question.dont_know
    )
