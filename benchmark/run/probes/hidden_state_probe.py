"""Probe of the last layer at the answer position."""

from __future__ import annotations

from collections.abc import Sequence

from ....estimators.signals.batch import Signal
from ...engines.shared.engine import Ability, Answer, ChoicePrompt, Failed
from ...store.stored_rows import Record
from .probe import ChoiceProbe
from .probe_options import Item


class HiddenState(ChoiceProbe):
    """One pass that keeps the input of the language-model head."""

    signal = Signal.HIDDEN_STATE
    ability = Ability.HIDDEN_STATES

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        return self.builder.choices(task, question)[:1]

    def ask(
        self, prompts: Sequence[ChoicePrompt], part: Sequence[Item]
    ) -> Sequence[Answer | Failed]:
        return self.engine.score(prompts, hidden_state=True)

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        return {"state": replies[0].hidden_state}
