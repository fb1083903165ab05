"""Probe of the direct answer under every cyclic order of the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ....estimators.signals.batch import Signal
from ....tasks.question_row import Row
from ...engines.shared.engine import Answer, ChoicePrompt
from ...store.stored_rows import Record
from .perturbing import rotated_back
from .probe import ChoiceProbe, Cost
from .probe_options import Item, ProbeOptions


class CyclicOrders(ChoiceProbe):
    """One pass per cyclic order; the original order is the stored answer, and is not repeated."""

    signal = Signal.PERMUTED_ANSWERS

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        return Cost(sum(task.facts.option_count(q.row) - 1 for task, q in items))

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        return [
            prompt
            for row in self._rotated(item)
            for prompt in self.builder.choices(task, replace(question, row=row))
        ]

    def _rotated(self, item: Item) -> list[Row]:
        task, question = item
        count = task.facts.option_count(question.row)
        return [task.facts.rotated(question.row, shift) for shift in range(1, count)]

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        task, question = item
        stored, chosen = self.stored_answer(question)
        rows = self._rotated(item)
        count, each = len(rows) + 1, len(replies) // len(rows)
        option_logprobs, answers = [stored[:count]], [chosen]
        for shift, row in enumerate(rows, 1):
            own = replies[(shift - 1) * each : shift * each]
            scores = self.builder.scores(task, row, own)
            best = scores.best
            option_logprobs.append(rotated_back(scores.option_logprobs, shift))
            answers.append((best + shift) % count if best < count else -1)
        return {
            "option_logprobs": option_logprobs,
            "shifts": list(range(len(answers))),
            "answers": answers,
        }
