"""How a signal is collected: a probe makes prompts of a question, and a record of the replies.

A class is a declaration: which signal it collects, in which variants, of which tasks, what it asks
of an engine, on which settings its rows depend, and what it costs. All else follows from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from ....estimators.signals.batch import TABLES, AnswerTable, Signal
from ...engines.shared.engine import Ability, Answer, ChoicePrompt, Engine, Failed, Generation
from ...store.stored_rows import Record
from ...store.task_store import TaskStore
from ..asking.task_loading import LoadedTask, Question
from .probe_options import Item, ProbeOptions
from .prompt_builder import PromptBuilder

PromptT = TypeVar("PromptT", ChoicePrompt, str)
ReplyT = TypeVar("ReplyT", Answer, Generation)


@dataclass(frozen=True)
class Cost:
    """What some questions ask of a model."""

    prompts: int
    texts: int = 0
    """Texts to be generated."""
    most_tokens: int = 0
    """Of one text, at most."""


class AnyProbe(ABC):
    """What is known of every probe, before and after an engine is loaded."""

    signal: ClassVar[Signal]
    variants: ClassVar[tuple[str, ...]] = ("",)
    outcome: ClassVar[Signal] = Signal.ANSWER
    """What asking a task must yield (answer or trace) for the probe to be possible."""
    ability: ClassVar[Ability] = Ability.OPTIONS

    def __init__(
        self, engine: Engine, store: TaskStore, options: ProbeOptions, variant: str
    ) -> None:
        self.engine = engine
        self.store = store
        self.options = options
        self.variant = variant
        self.builder = PromptBuilder(engine, options)
        self._answers: dict[int | str, tuple[list[float], int]] = {}

    @classmethod
    def templates(cls, variant: str) -> tuple[str, ...]:
        """Names of the prompt templates that it renders beside those of its task."""
        return ()

    @classmethod
    def settings(
        cls, options: ProbeOptions, tasks: Sequence[LoadedTask], variant: str
    ) -> dict[str, object]:
        """What its rows depend on beside the store's contract and the templates."""
        return {}

    @classmethod
    def cost(cls, items: Sequence[Item], options: ProbeOptions, variant: str) -> Cost:
        """What these questions ask of the model."""
        return Cost(len(items))

    @abstractmethod
    def collect(self, part: Sequence[Item]) -> list[Record | Failed]:
        """Per question a record of the signal's columns, or why there is none."""

    def remember_answers(self, part: Sequence[Item]) -> None:
        """Read the stored answers to these questions, which records of theirs are derived from."""
        ids = [question.question_id for _, question in part]
        stored = self.store.load_table(AnswerTable, ids)
        rows = zip(ids, stored.option_logprobs.tolist(), stored.answer.tolist(), strict=True)
        self._answers = {question: (logprobs, answer) for question, logprobs, answer in rows}

    def stored_answer(self, question: Question) -> tuple[list[float], int]:
        """The options' log-probabilities and the index of the chosen option, -1 for none."""
        return self._answers[question.question_id]


class Probe(AnyProbe, Generic[PromptT, ReplyT]):
    """A probe whose prompts are all asked at once; `ChoiceProbe` and `TextProbe` say how."""

    replies_per_prompt = 1

    @abstractmethod
    def prompts(self, item: Item) -> list[PromptT]:
        """What is asked about a question."""

    @abstractmethod
    def ask(self, prompts: Sequence[PromptT], part: Sequence[Item]) -> Sequence[ReplyT | Failed]:
        """The engine's replies to the prompts of these questions, in order."""

    @abstractmethod
    def record(self, item: Item, prompts: Sequence[PromptT], replies: Sequence[ReplyT]) -> Record:
        """The signal's columns, from the replies to all prompts of a question."""

    def collect(self, part: Sequence[Item]) -> list[Record | Failed]:
        """As `AnyProbe` says: a question of which one reply failed has failed."""
        if TABLES[self.signal].derived:
            self.remember_answers(part)
        asked = [self.prompts(item) for item in part]
        replies = iter(self.ask([prompt for own in asked for prompt in own], part))
        records: list[Record | Failed] = []
        for item, own in zip(part, asked, strict=True):
            count = len(own) * self.replies_per_prompt
            given: list[ReplyT] = []
            failed: Failed | None = None
            for reply in (next(replies) for _ in range(count)):
                if isinstance(reply, Failed):
                    failed = failed or reply
                else:
                    given.append(reply)
            records.append(failed or self.record(item, own, given))
        return records


class ChoiceProbe(Probe[ChoicePrompt, Answer]):
    """A probe that reads the distribution after its prompts."""

    def ask(
        self, prompts: Sequence[ChoicePrompt], part: Sequence[Item]
    ) -> Sequence[Answer | Failed]:
        """One Answer for each prompt."""
        return self.engine.score(prompts)


class TextProbe(Probe[str, Generation]):
    """A probe that has texts generated."""

    ability = Ability.TEXTS
