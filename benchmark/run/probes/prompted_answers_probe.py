"""Probe of the direct answer to other prompts: reworded, without stem, with an instruction."""

from __future__ import annotations

from collections.abc import Sequence

from ....estimators.signals.batch import Signal
from ...engines.shared.engine import Answer, ChoicePrompt
from ...store.stored_rows import Record
from ..asking.loaded_task import LoadedTask
from .perturbing import INSTRUCTION, PARAPHRASES, PROMPT_VARIANTS, SHUFFLED_STEM
from .probe import ChoiceProbe
from .probe_options import Item, ProbeOptions
from .prompt_builder import INSTRUCTION_PROMPT


class OtherPrompts(ChoiceProbe):
    """One pass per question and prompt."""

    signal = Signal.PROMPTED_ANSWERS
    variants = PROMPT_VARIANTS

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        if variant in PARAPHRASES:
            return (variant,)
        return (INSTRUCTION_PROMPT,) if variant == INSTRUCTION else ()

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return {"seed": options.seed} if variant == SHUFFLED_STEM else {}

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, _ = item
        with self.builder.reworded(item, self.variant):
            return self.builder.choices(task, self.builder.perturbed(item, self.variant))

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        task, _ = item
        scores = self.builder.scores(task, self.builder.perturbed(item, self.variant).row, replies)
        return {
            "option_logprobs": scores.option_logprobs,
            "answer": scores.best if scores.best < len(scores.option_logprobs) else None,
        }
