"""Build the prompts of probes: the task's own on perturbed questions, reworded, and auxiliary."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from ....tasks.prompting import Prompt, load_prompt
from ....tasks.question_row import Row
from ....tasks.question_view import lettered_system
from ...engines.shared.engine import Answer, ChoicePrompt, Engine, Sampling
from ..asking.loaded_task import LoadedTask, Question
from ..asking.seeds import question_seed
from ..questions.examples import asking
from ..questions.lettering import configured
from ..questions.option_scores import OptionScores, prompts_of, scores_of
from .perturbing import (
    CONTENT_FREE,
    INSTRUCTION,
    NO_STEM,
    NOTHING_ASKED,
    PARAPHRASES,
    nothing_asked,
    shuffled_stem,
    without_stem,
)
from .probe_options import Item, ProbeOptions

BoundT = TypeVar("BoundT")
INSTRUCTION_PROMPT = "instruction_system"


class PromptBuilder:
    """Builds the prompts of one engine's probes."""

    def __init__(self, engine: Engine, options: ProbeOptions) -> None:
        self.engine = engine
        self.options = options
        self.label_space = "" if options.apply_chat_template else " "

    def context(self, task: LoadedTask, question: Question) -> str:
        """Return the prompt that lm-eval builds for a question, or for it with a changed row.

        The first one where each option makes a prompt of its own.
        """
        built = self._contexts(task, question)
        return built if isinstance(built, str) else built[0]

    def _contexts(self, task: LoadedTask, question: Question) -> str | list[str]:
        row = question.row
        asking(task.task, [question.index])
        options = self.options
        chat = options.apply_chat_template
        return task.task.fewshot_context(
            row,
            num_fewshot=task.num_fewshot,
            system_instruction=options.system_instruction,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            chat_template=self.engine.chat if chat else None,
            gen_prefix=task.task.doc_to_prefix(row),
        )

    def choices(self, task: LoadedTask, question: Question) -> list[ChoicePrompt]:
        """Return the prompts with the options to score after them, as lm-eval asks them.

        That is one prompt, but for options that are whole texts in some tasks.
        """
        row = question.row
        requests = task.task.construct_requests(
            row,
            self._contexts(task, question),
            metadata=(task.name, 0, 1),
            apply_chat_template=self.options.apply_chat_template,
            chat_template=None,
        )
        facts = task.facts
        prompts = prompts_of(requests, facts.option_count(row), facts.normalization)
        return prompts if facts.normalization is not None else prompts[:1]

    def scores(self, task: LoadedTask, row: Row, replies: Sequence[Answer]) -> OptionScores:
        """Return the scores of a row's options, in its order, from the replies to its prompts."""
        facts = task.facts
        return scores_of(replies, facts.scored(row), facts.normalization)

    def auxiliary(self, name: str, item: Item, **more: object) -> str:
        """Return an auxiliary prompt about a question, in the model's chat template if used.

        ``more`` adds variables to those of the question, or replaces them.
        """
        task, question = item
        text = self.template(name).render(**{**task.view(question).context(), **more})
        if self.options.apply_chat_template:
            return self.engine.chat([{"role": "user", "content": text}])
        return text

    def template(self, name: str) -> Prompt:
        """Return a prompt template: the built-in one, or the file that replaces it."""
        return load_prompt(name, self.options.prompts.get(name))

    @contextlib.contextmanager
    def reworded(self, item: Item, variant: str) -> Iterator[None]:
        """Reword the task, change the question's stem, or add an instruction, in this block."""
        task, question = item
        facts = task.facts
        settings: Mapping[str, object]
        examples = False
        if variant in PARAPHRASES:
            prompt = self.template(variant)
            if facts.our_prompt is not None:
                settings, examples = facts.our_prompt(prompt), True
            else:
                assert facts.reworded is not None
                settings = {"doc_to_text": _bound(facts.reworded, prompt)}
        elif variant == INSTRUCTION:
            text = lettered_system(task.view(question), self.template(INSTRUCTION_PROMPT)) + "\n\n"
            own = task.task.get_config("description") if facts.keeps_description else None
            settings = {"description": text + (own or "")}
        else:
            assert facts.restemmed is not None
            changes = {NO_STEM: without_stem, CONTENT_FREE: nothing_asked}
            change = changes.get(variant) or self._shuffle(question)
            settings = {"doc_to_text": _bound(facts.restemmed, change)}
        with configured(task.task, settings, examples):
            yield

    def perturbed(self, item: Item, variant: str) -> Question:
        """Return the question that a variant asks: itself, unless its options are removed."""
        task, question = item
        if variant != CONTENT_FREE:
            return question
        return replace(question, row=task.facts.uniform(question.row, NOTHING_ASKED))

    def _shuffle(self, question: Question) -> Callable[[str], str]:
        return partial(shuffled_stem, question_id=question.question_id, seed=self.options.seed)

    def _seeds(self, question: Question, purpose: str) -> list[int]:
        return [
            question_seed(question.question_id, self.options.seed, purpose, number)
            for number in range(self.options.samples)
        ]

    def sampling(self, part: Sequence[Item], purpose: str) -> Sampling:
        """Return the temperature and the seeds, which depend on question and purpose alone."""
        seeds = [self._seeds(question, purpose) for _, question in part]
        return Sampling(self.options.temperature, seeds)


def _bound(render: Callable[[Row, BoundT], str], value: BoundT) -> Callable[[Row], str]:
    return lambda row: render(row, value)
