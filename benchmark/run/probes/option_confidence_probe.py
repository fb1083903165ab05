"""Probes of confidence as several numbers: of every option apart, and over a scale's numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....estimators.signals.batch import Signal
from ....tasks.reading.reasoning import answer_start, closed_thought
from ....tasks.self_report_prompts import EACH_OPTION, EXPECTED, SCALE, SCALE_CUE, SELF_REPORTS
from ...engines.shared.engine import Ability, Answer, ChoicePrompt, Failed, Generation
from ...store.stored_rows import Record
from ..asking.loaded_task import LoadedTask
from .probe import ChoiceProbe, Cost, TextProbe
from .probe_options import Item, ProbeOptions
from .self_report_probe import proposed

SCALE_REPORT = SELF_REPORTS["two_step_0_10"]
"""The self-report whose prompt asks for a number on the scale."""


class ConfidenceInEachOption(TextProbe):
    """One text per option: how likely is it to be right? The prompts differ in their ends alone."""

    signal = Signal.SELF_REPORT
    variants = (EACH_OPTION.name,)

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        return (EACH_OPTION.prompt,)

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return {"max_gen_toks": EACH_OPTION.max_new_tokens}

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        count = sum(task.facts.option_count(question.row) for task, question in items)
        share = len(items) / max(1, count)
        return Cost(count, count, EACH_OPTION.max_new_tokens, new_share=share)

    def prompts(self, item: Item) -> list[str]:
        task, question = item
        view = task.view(question)
        named = [view.named(index) for index in range(len(view.options))]
        return [self.builder.auxiliary(EACH_OPTION.prompt, item, proposed=own) for own in named]

    def ask(self, prompts: Sequence[str], part: Sequence[Item]) -> Sequence[Generation | Failed]:
        return self.engine.generate(prompts, EACH_OPTION.max_new_tokens)

    def record(self, item: Item, prompts: Sequence[str], replies: Sequence[Generation]) -> Record:
        task, question = item
        labels = task.facts.view(question.row).labels
        _, answer = self.stored_answer(question)
        reports = [EACH_OPTION.read(reply.answer_text, labels) for reply in replies]
        unread = [
            f"option {label}: {report.reason}"
            for label, report in zip(labels, reports, strict=True)
            if report.reason is not None
        ]
        if answer < 0:
            unread.append("the model gave no answer")
        shown = zip(labels, replies, strict=True)
        return {
            "text": "\n".join(f"{label}: {reply.text}" for label, reply in shown),
            "value": None if unread else reports[answer].value,
            "values": [report.value for report in reports],
            "answers": list(range(len(reports))),
            "reason": unread[0] if unread else None,
        }


class ExpectedNumber(ChoiceProbe):
    """The distribution of the number on a scale, behind a reply that is begun with the bracket."""

    signal = Signal.SELF_REPORT
    variants = (EXPECTED,)
    ability = Ability.NUMBERS

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        return (SCALE_REPORT.prompt,)

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return {"cue": SCALE_CUE}

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        text = self.builder.auxiliary(SCALE_REPORT.prompt, item, proposed=proposed(self, item))
        labels = tuple(str(number) for number in SCALE)
        return [ChoicePrompt(text + self._cue(text), labels, len(labels))]

    def _cue(self, prompt: str) -> str:
        """Return the beginning of the reply; it closes a thought that the template has opened."""
        end = self.engine.think_end
        if answer_start("", prompt, end, finished=False) is None:
            return closed_thought("", prompt, end) + SCALE_CUE
        return self.builder.label_space + SCALE_CUE

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        probs = np.exp(np.array(replies[0].label_logprobs, dtype=np.float64))
        total = float(probs.sum())
        if total <= 0:
            return {"value": None, "reason": "no number of the scale has any probability"}
        expected = float(probs @ np.array(SCALE, dtype=np.float64)) / total
        return {"value": min(1.0, expected / SCALE[-1]), "values": probs.tolist()}
