"""Probe of the forced answers of stored chains of thought.

Where an engine forces them while it generates (`asking/adapter.py`), they are stored with the
traces; this probe collects those that are missing, by prompts that end in the text and the cue.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....estimators.signals.batch import Signal, TraceTable
from ....tasks.answer_forcing import CUE, POINTS, answer_cue, cut_points
from ...engines.shared.engine import Ability, Answer, ChoicePrompt, ForcedAnswer
from ...store.stored_rows import Record
from ..asking.forcing_answers import forced_record
from ..asking.loaded_task import LoadedTask
from .probe import ChoiceProbe, Cost, lost_rows
from .probe_options import Item, ProbeOptions


class ForcedAnswers(ChoiceProbe):
    """One prompt per point of the trace; those of a question share all but their ends."""

    signal = Signal.FORCED_ANSWERS
    outcome = Signal.TRACE
    ability = Ability.CONTINUATIONS

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        return {"cue": CUE, "points": POINTS}

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        return Cost(POINTS * len(items), new_share=1 / POINTS)

    def remember_answers(self, part: Sequence[Item]) -> None:
        ids = [question.question_id for _, question in part]
        table = self.store.load_table(TraceTable, ids)
        self._lost = lost_rows(ids, table.present)
        texts = table.text.tolist()
        self._texts = {number: text or "" for number, text in zip(ids, texts, strict=True)}

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        context = self.builder.context(task, question)
        labels = tuple(task.facts.view(question.row).labels)
        text = self._texts[question.question_id]
        begun = [text[:cut] for cut in cut_points(text)]
        end = self.engine.think_end
        return [
            ChoicePrompt(context + own + answer_cue(own, context, end), labels, len(labels))
            for own in begun
        ]

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        text = self._texts[item[1].question_id]
        points = [cut / max(1, len(text)) for cut in cut_points(text)]
        forced = [ForcedAnswer(*pair) for pair in zip(points, replies, strict=True)]
        return forced_record(forced, cached=False)
