"""The direct answer to other prompts: reworded, without the stem, with an instruction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....estimators.signals.batch import Signal
from ...engines.shared.engine import Answer, ChoicePrompt
from ...store.stored_rows import Record
from ..asking.task_loading import LoadedTask
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
        task, question = item
        with self.builder.reworded(task, self.variant):
            return [self.builder.choice(task, self.builder.changed_row(question.row, self.variant))]

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        (prompt,), (answer,) = prompts, replies
        best = int(np.argmax(answer.scored_logprobs))
        return {
            "option_logprobs": answer.label_logprobs[: prompt.option_count],
            "answer": best if best < prompt.option_count else None,
        }
