"""Build the prompts of probes: the task's own on perturbed questions, reworded, and auxiliary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import partial

from ....tasks import mmlu_pro
from ....tasks.prompting import Prompt, load_prompt
from ....tasks.question_row import Row
from ...engines.shared.engine import ChoicePrompt, Engine, Sampling
from ..asking.seeds import question_seed
from ..asking.task_loading import LoadedTask, Question
from .perturbing import (
    INSTRUCTION,
    NO_STEM,
    PARAPHRASES,
    SHUFFLED_STEM,
    shuffled_stem,
    without_stem,
)
from .probe_options import Item, ProbeOptions

INSTRUCTION_PROMPT = "instruction_system"


class PromptBuilder:
    """Builds the prompts of one engine's probes."""

    def __init__(self, engine: Engine, options: ProbeOptions) -> None:
        self.engine = engine
        self.options = options
        self.label_space = "" if options.apply_chat_template else " "

    def context(self, task: LoadedTask, row: Row) -> str:
        """Return the prompt that lm-eval builds for this row."""
        options = self.options
        chat = options.apply_chat_template
        return task.task.fewshot_context(
            row,
            num_fewshot=options.num_fewshot,
            system_instruction=options.system_instruction,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
            chat_template=self.engine.chat if chat else None,
            gen_prefix=None,
        )

    def choice(self, task: LoadedTask, row: Row) -> ChoicePrompt:
        """Return the prompt with the labels to score after it."""
        style = mmlu_pro.style_of(task.family)
        labels = mmlu_pro.choice_labels(row, style)
        return ChoicePrompt(
            self.context(task, row),
            tuple(self.label_space + label for label in labels),
            len(row["options"]),
        )

    def auxiliary(self, name: str, item: Item, **more: object) -> str:
        """Return an auxiliary prompt about a question, in the model's chat template if used."""
        task, question = item
        style = mmlu_pro.style_of(task.family)
        text = self.template(name).render(**style.context(question.row), **more)
        if self.options.apply_chat_template:
            return self.engine.chat([{"role": "user", "content": text}])
        return text

    def template(self, name: str) -> Prompt:
        """Return a prompt template: the built-in one, or the file that replaces it."""
        return load_prompt(name, self.options.prompts.get(name))

    def changed_row(self, row: Row, variant: str) -> Row:
        """Return the row as perturbed by a prompt variant."""
        if variant == NO_STEM:
            return without_stem(row)
        return shuffled_stem(row, self.options.seed) if variant == SHUFFLED_STEM else row

    @contextlib.contextmanager
    def reworded(self, task: LoadedTask, variant: str) -> Iterator[None]:
        """Reword the task, or give it another system message, inside this block."""
        style = mmlu_pro.style_of(task.family)
        key: str = ""
        value: object = None
        if variant in PARAPHRASES:
            prompt = self.template(variant)
            key, value = "doc_to_text", partial(mmlu_pro.render_user, style=style, prompt=prompt)
        elif variant == INSTRUCTION:
            prompt = self.template(INSTRUCTION_PROMPT)
            topic = str(task.task.eval_docs[0]["category"])
            key, value = "description", mmlu_pro.render_system(topic, style, prompt) + "\n\n"
        if not key:
            yield
            return
        before = task.task.get_config(key)
        task.task.set_config(key, value)
        try:
            yield
        finally:
            task.task.set_config(key, before)

    def _seeds(self, question: Question, purpose: str) -> list[int]:
        return [
            question_seed(question.question_id, self.options.seed, purpose, number)
            for number in range(self.options.samples)
        ]

    def sampling(self, part: Sequence[Item], purpose: str) -> Sampling:
        """Return the temperature and the seeds, which depend on question and purpose alone."""
        seeds = [self._seeds(question, purpose) for _, question in part]
        return Sampling(self.options.temperature, seeds)
