"""Probes that show the model what it sampled: the sampled options alone, or as candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....estimators.signals.batch import Signal
from ....tasks.question_view import shown_choices
from ....tasks.self_report_prompts import (
    AMONG_SAMPLES,
    AMONG_SAMPLES_PROMPT,
    CANDIDATES,
    CANDIDATES_PROMPT,
)
from ...engines.shared.engine import Answer, ChoicePrompt
from ...store.stored_rows import Record
from ..asking.loaded_task import LoadedTask, Question
from .probe import AnyProbe, ChoiceProbe, lost_rows
from .probe_options import Item, ProbeOptions
from .samples_probe import sampling_settings
from .self_report_probe import TrueOrFalse, proposed

SAMPLES = (Signal.SAMPLES, "direct")
NONE_NAMED = "no sample names an option"


class _OfSamples(AnyProbe):
    """A probe whose prompts depend on the stored samples too."""

    requires = (SAMPLES,)

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return sampling_settings(options)

    def remember_answers(self, part: Sequence[Item]) -> None:
        super().remember_answers(part)
        ids = [question.question_id for _, question in part]
        self._drawn: dict[int | str, list[int]] = {number: [] for number in ids}
        signal, variant = SAMPLES
        signals = self.store.load([signal.variant(variant)], ids)
        if signal not in signals.tables or variant not in signals.samples:
            self._lost |= set(ids)
            return
        table = signals.samples[variant].only
        self._lost |= lost_rows(ids, table.present)
        for row, number in enumerate(ids):
            drawn = table.answers[row][table.drawn[row]]
            self._drawn[number] = drawn.tolist()

    def drawn(self, question: Question) -> list[int]:
        """Return the options that the samples chose, in order; -1 for none."""
        return self._drawn[question.question_id]


class AmongSampledOptions(_OfSamples, ChoiceProbe):
    """The question again, with the answer and the sampled options only, under new labels.

    Nothing is asked where they are one option only.
    """

    signal = Signal.SELF_REPORT
    variants = (AMONG_SAMPLES,)

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        return (AMONG_SAMPLES_PROMPT,)

    def _shown(self, question: Question) -> list[int]:
        _, answer = self.stored_answer(question)
        return sorted({option for option in [answer, *self.drawn(question)] if option >= 0})

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        view, shown = task.view(question), self._shown(question)
        if len(shown) < 2:
            return []
        labels = view.labels[: len(shown)]
        choices = shown_choices(labels, [view.options[option] for option in shown])
        text = self.builder.auxiliary(AMONG_SAMPLES_PROMPT, item, choices=choices)
        spaced = tuple(self.builder.label_space + label for label in labels)
        return [ChoicePrompt(text, spaced, len(spaced))]

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        _, question = item
        _, answer = self.stored_answer(question)
        shown = self._shown(question)
        if answer < 0 or max(self.drawn(question), default=-1) < 0:
            return {"reason": "the model gave no answer" if answer < 0 else NONE_NAMED}
        probs = np.exp(replies[0].label_logprobs) if replies else np.ones(1)
        total = float(probs.sum())
        record: Record = {"values": probs.tolist(), "answers": shown}
        if total <= 0:
            return {**record, "reason": "no sampled option has any probability"}
        return {**record, "value": float(probs[shown.index(answer)]) / total}


class TrueAmongCandidates(_OfSamples, TrueOrFalse):
    """P(True) with the first k sampled answers shown, as they were drawn, repeated ones too."""

    variants = tuple(CANDIDATES)

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        return (CANDIDATES_PROMPT,)

    def _candidates(self, question: Question) -> list[int]:
        first = self.drawn(question)[: CANDIDATES[self.variant]]
        return [option for option in first if option >= 0]

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        view, candidates = task.view(question), self._candidates(question)
        if self._too_few(question) or not candidates:
            return []
        named = [view.named(option) for option in candidates]
        own = proposed(self, item)
        text = self.builder.auxiliary(CANDIDATES_PROMPT, item, proposed=own, candidates=named)
        return [self.asked(text)]

    def _too_few(self, question: Question) -> str | None:
        count, wanted = len(self.drawn(question)), CANDIDATES[self.variant]
        return None if count >= wanted else f"{count} samples for {wanted} candidates (--samples)"

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        if not replies:
            return {"reason": self._too_few(item[1]) or NONE_NAMED}
        return super().record(item, prompts, replies)
