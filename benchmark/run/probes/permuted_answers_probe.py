"""The direct answer under every cyclic order of the options."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....estimators.signals.batch import Signal
from ...engines.shared.engine import Answer, ChoicePrompt
from ...store.stored_rows import Record
from .perturbing import rotated, rotated_back
from .probe import ChoiceProbe, Cost
from .probe_options import Item, ProbeOptions


class CyclicOrders(ChoiceProbe):
    """All orders; the order as asked is the stored answer, and is not asked again."""

    signal = Signal.PERMUTED_ANSWERS

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        return Cost(sum(len(question.row["options"]) - 1 for _, question in items))

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        return [
            self.builder.choice(task, rotated(question.row, shift))
            for shift in range(1, len(question.row["options"]))
        ]

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        _, question = item
        stored, chosen = self.stored_answer(question)
        count = len(question.row["options"])
        option_logprobs, answers = [stored[:count]], [chosen]
        for shift, answer in enumerate(replies, 1):
            best = int(np.argmax(answer.scored_logprobs))
            option_logprobs.append(rotated_back(answer.label_logprobs[:count], shift))
            answers.append((best + shift) % count if best < count else -1)
        return {
            "option_logprobs": option_logprobs,
            "shifts": list(range(len(answers))),
            "answers": answers,
        }
