"""Probes of the model's view of its own answer: P(True), P(I know), and stated confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....estimators.signals.batch import Signal
from ....tasks.self_report_prompts import (
    BEFORE,
    BEFORE_PROMPT,
    P_TRUE,
    P_TRUE_LABELS,
    P_TRUE_PROMPT,
    PHRASES,
    SELF_REPORTS,
)
from ...engines.shared.engine import Answer, ChoicePrompt, Failed, Generation
from ...store.stored_rows import Record
from ..asking.loaded_task import LoadedTask
from .probe import AnyProbe, ChoiceProbe, Cost, TextProbe
from .probe_options import Item, ProbeOptions


def proposed(probe: AnyProbe, item: Item) -> str:
    """Return the model's own answer to a question, label and text."""
    task, question = item
    _, answer = probe.stored_answer(question)
    return task.view(question).named(answer)


class TrueOrFalse(ChoiceProbe):
    """A prompt that is answered by True or False."""

    signal = Signal.SELF_REPORT

    def asked(self, text: str) -> ChoicePrompt:
        """Return the prompt with this text."""
        labels = tuple(self.builder.label_space + label for label in P_TRUE_LABELS)
        return ChoicePrompt(text, labels, len(labels))

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        right, wrong = (float(np.exp(value)) for value in replies[0].label_logprobs)
        total = right + wrong
        if total > 0:
            return {"value": right / total}
        return {"value": None, "reason": "neither True nor False has any probability"}


class ProposedTrue(TrueOrFalse):
    """P(True): is the proposed answer true?"""

    variants = (P_TRUE,)

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        return (P_TRUE_PROMPT,)

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        text = self.builder.auxiliary(P_TRUE_PROMPT, item, proposed=proposed(self, item))
        return [self.asked(text)]


class KnowsBefore(TrueOrFalse):
    """P(I know): does the model know the answer, asked before it gives one?"""

    variants = (BEFORE,)

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        return (BEFORE_PROMPT,)

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        return [self.asked(self.builder.auxiliary(BEFORE_PROMPT, item))]


class StatedConfidence(TextProbe):
    """Confidence that the model states in a generated text."""

    signal = Signal.SELF_REPORT
    variants = tuple(SELF_REPORTS)

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        return (SELF_REPORTS[variant].prompt,)

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return {"max_gen_toks": SELF_REPORTS[variant].max_new_tokens}

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        return Cost(len(items), len(items), SELF_REPORTS[variant].max_new_tokens)

    def prompts(self, item: Item) -> list[str]:
        name = SELF_REPORTS[self.variant].prompt
        own = proposed(self, item)
        return [self.builder.auxiliary(name, item, proposed=own, phrases=", ".join(PHRASES))]

    def ask(self, prompts: Sequence[str], part: Sequence[Item]) -> Sequence[Generation | Failed]:
        return self.engine.generate(prompts, SELF_REPORTS[self.variant].max_new_tokens)

    def record(self, item: Item, prompts: Sequence[str], replies: Sequence[Generation]) -> Record:
        task, question = item
        (generation,) = replies
        report = SELF_REPORTS[self.variant].read(
            generation.answer_text, task.facts.view(question.row).labels
        )
        return {
            "text": generation.text,
            "value": report.value,
            "values": list(report.values),
            "answers": list(report.answers),
            "reason": report.reason,
        }
