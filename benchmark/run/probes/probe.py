"""The interface of probes: a probe makes prompts from a question, and a record from the replies.

A class is a declaration: the signal it collects, its variants, the tasks it supports, the
ability it needs from the engine, the settings that its rows depend on, and its cost. Everything
else follows from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from ....estimators.signals.batch import TABLES, AnswerTable, Signal
from ....estimators.signals.tables import BoolArray
from ...engines.shared.engine import Ability, Answer, ChoicePrompt, Engine, Failed, Generation
from ...store.derivation import is_derived
from ...store.stored_rows import Record
from ...store.task_store import TaskStore
from ..asking.inside_records import inside_record, parts_of
from ..asking.loaded_task import LoadedTask, Question
from .probe_options import Item, ProbeOptions
from .prompt_builder import PromptBuilder

PromptT = TypeVar("PromptT", ChoicePrompt, str)
ReplyT = TypeVar("ReplyT", Answer, Generation)


@dataclass(frozen=True)
class Cost:
    """The work that a probe of some questions requires of a model."""

    prompts: int
    texts: int = 0
    """Number of texts to generate."""
    most_tokens: int = 0
    """Maximum number of tokens of one text."""
    new_share: float = 1.0
    """Share of a prompt that no other prompt of its question has, about."""


class AnyProbe(ABC):
    """The interface of every probe, before and after an engine is loaded."""

    signal: ClassVar[Signal]
    variants: ClassVar[tuple[str, ...]] = ("",)
    outcome: ClassVar[Signal] = Signal.ANSWER
    """The signal of a task's answers (answer or trace) that the probe requires."""
    ability: ClassVar[Ability] = Ability.OPTIONS
    requires: ClassVar[tuple[tuple[Signal, str], ...]] = ()
    """Signals and their variants that are read besides the answer, and collected before."""

    def __init__(
        self, engine: Engine, store: TaskStore, options: ProbeOptions, variant: str
    ) -> None:
        self.engine = engine
        self.store = store
        self.options = options
        self.variant = variant
        self.builder = PromptBuilder(engine, options)
        self._answers: dict[int | str, tuple[list[float], int]] = {}
        self._lost: set[int | str] = set()
        """Questions without the stored answers that they are about, e.g. vanished meanwhile."""

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        """Return the names of the prompt templates that it renders besides its task's own."""
        return ()

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        """Return what its rows depend on besides the store's contract and the templates."""
        return {}

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        """Return the cost of these questions."""
        return Cost(len(items))

    @abstractmethod
    def collect(self, part: Sequence[Item]) -> list[Record | Failed]:
        """Return one record of the signal's columns per question, or the reason why it failed."""

    def remember_answers(self, part: Sequence[Item]) -> None:
        """Load the stored answers to these questions, from which their records are derived."""
        ids = [question.question_id for _, question in part]
        stored = self.store.load_table(AnswerTable, ids)
        self._lost = lost_rows(ids, stored.present)
        rows = zip(ids, stored.option_logprobs.tolist(), stored.answer.tolist(), strict=True)
        self._answers = {question: (logprobs, answer) for question, logprobs, answer in rows}

    def stored_answer(self, question: Question) -> tuple[list[float], int]:
        """Return the options' log-probabilities and the chosen option's index, -1 for none."""
        return self._answers[question.question_id]


def lost_rows(ids: Sequence[int | str], present: BoolArray) -> set[int | str]:
    """Return the questions that a table, loaded for these ids, does not hold."""
    return {question for question, there in zip(ids, present, strict=True) if not there}


class Probe(AnyProbe, Generic[PromptT, ReplyT]):
    """A probe whose prompts are sent in one batch; `ChoiceProbe` and `TextProbe` say how."""

    replies_per_prompt = 1

    @abstractmethod
    def prompts(self, item: Item) -> list[PromptT]:
        """Return the prompts of a question."""

    @abstractmethod
    def ask(self, prompts: Sequence[PromptT], part: Sequence[Item]) -> Sequence[ReplyT | Failed]:
        """Return the engine's replies to the prompts of these questions, in order."""

    @abstractmethod
    def record(self, item: Item, prompts: Sequence[PromptT], replies: Sequence[ReplyT]) -> Record:
        """Return the signal's columns, from the replies to all prompts of a question."""

    def collect(self, part: Sequence[Item]) -> list[Record | Failed]:
        """Collect as `AnyProbe.collect`; a question fails if one of its replies failed."""
        if TABLES[self.signal].derived:
            self.remember_answers(part)
        prompts = [self.prompts(item) for item in part]
        replies = iter(self.ask([prompt for own in prompts for prompt in own], part))
        records: list[Record | Failed] = []
        for item, own in zip(part, prompts, strict=True):
            count = len(own) * self.replies_per_prompt
            answered: list[ReplyT] = []
            failed: Failed | None = None
            for reply in (next(replies) for _ in range(count)):
                if isinstance(reply, Failed):
                    failed = failed or reply
                else:
                    answered.append(reply)
            if item[1].question_id in self._lost and is_derived(self.signal, self.variant):
                failed = Failed("the answer (or samples) that it is about is no longer stored")
            records.append(failed or self.record(item, own, answered))
        return records


class ChoiceProbe(Probe[ChoicePrompt, Answer]):
    """A probe that reads the distribution of the token after its prompts."""

    def ask(
        self, prompts: Sequence[ChoicePrompt], part: Sequence[Item]
    ) -> Sequence[Answer | Failed]:
        """Return one Answer per prompt."""
        return self.engine.score(prompts)


class TextProbe(Probe[str, Generation]):
    """A probe that generates texts."""

    ability = Ability.TEXTS


class InsideProbe(ChoiceProbe):
    """One pass that shows one part of the inside."""

    def prompts(self, item: Item) -> list[ChoicePrompt]:
        task, question = item
        return self.builder.choices(task, question)[:1]

    def ask(
        self, prompts: Sequence[ChoicePrompt], part: Sequence[Item]
    ) -> Sequence[Answer | Failed]:
        parts = parts_of([self.signal], self.options.hidden_layers)
        return self.engine.score(prompts, show=parts)

    def record(
        self, item: Item, prompts: Sequence[ChoicePrompt], replies: Sequence[Answer]
    ) -> Record:
        return inside_record(self.signal, replies[0], prompts[0].option_count)
