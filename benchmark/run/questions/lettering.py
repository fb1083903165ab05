"""Ask a task's questions in a prompt of our own, with lettered options (``--as_letters``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ....estimators.signals.batch import Signal
from ....tasks.prompting import Prompt
from ....tasks.question_row import Row
from ....tasks.question_view import QuestionView, lettered_system, lettered_user
from ...console.options import say
from .task_facts import Change, TaskFacts

if TYPE_CHECKING:
    from lm_eval.api.task import Task

_SHIFT, _EVERY = "apprehend shift", "apprehend text of every option"
"""Key in a copy of a document: by how many places its options are rotated."""
_FIRST = 20
"""Questions among which the right option should not always stand in the same place."""
_OF_EXAMPLES = (
    *("doc_to_text", "doc_to_choice", "doc_to_target"),
    *("target_delimiter", "fewshot_delimiter", "gen_prefix"),
)
"""Settings that a task keeps a second time, for its few-shot examples."""

Settings = Mapping[str, object]


def lettered(facts: TaskFacts, user: Prompt | None = None) -> TaskFacts:
    """Return the facts of the same questions, asked for a letter in a prompt of our own."""

    def view(row: Row) -> QuestionView:
        question = facts.view(row)
        text = cast("Mapping[str, str]", row).get(_EVERY)
        if text is not None:
            return replace(question, options=(text,) * len(question.options))
        shift = cast("Mapping[str, int]", row).get(_SHIFT, 0)
        if not shift:
            return question
        options = question.options[shift:] + question.options[:shift]
        return replace(question, options=options)

    def restemmed(row: Row, change: Change) -> str:
        question = view(row)
        return lettered_user(replace(question, stem=change(question.stem)), user)

    return replace(
        facts,
        view=view,
        choices=None,
        normalization=None,
        rotated=lambda row, shift: cast(Row, {**row, _SHIFT: shift}),
        uniform=lambda row, text: cast(Row, {**row, _EVERY: text}),
        restemmed=restemmed,
        our_prompt=lambda prompt: letter_settings(view, prompt),
        refused={},
    )


def letter_settings(view: Callable[[Row], QuestionView], user: Prompt | None = None) -> Settings:
    """Return the settings of a task that asks for a letter: prompt, labels, target, delimiters."""
    return {
        "doc_to_text": lambda row: lettered_user(view(row), user),
        "doc_to_choice": lambda row: list(view(row).labels),
        "doc_to_target": lambda row: next(iter(view(row).gold), 0),
        "target_delimiter": " ",
        "fewshot_delimiter": "\n\n",
        "gen_prefix": None,
    }


def ask_for_letters(
    task: Task, facts: TaskFacts, user: Prompt | None, system: Prompt | None
) -> TaskFacts:
    """Turn a loaded task into one that asks for a letter; returns its facts."""
    changed = lettered(facts, user)
    first = changed.view(task.eval_docs[0])
    configure(task, letter_settings(changed.view, user))
    configure(task, {"description": lettered_system(first, system) + "\n\n"}, examples=False)
    configure(task, {"process_results": None}, examples=False)
    golds = (
        [changed.view(row).gold for row in task.eval_docs.select(range(_FIRST))]
        if len(task.eval_docs) >= _FIRST
        else []
    )
    if golds and len(set(golds)) == 1:
        say(
            f"{task.get_config('task')}: the right options are the same letters in every question; "
            "compare answers under other orders (permutation_consistency)"
        )
    inner = cast(Any, task)
    inner.multiple_input = inner.multiple_target = 0
    return changed


def configure(task: Task, settings: Settings, examples: bool = True) -> None:
    """Set settings of a task, and with ``examples`` those of its few-shot examples too."""
    config = task.get_config("fewshot_config")
    for name, value in settings.items():
        task.set_config(name, value)
        if examples and name in _OF_EXAMPLES and config is not None:
            if isinstance(config, dict):
                config[name] = value
            else:
                setattr(config, name, value)


@contextmanager
def configured(task: Task, settings: Settings, examples: bool = True) -> Iterator[None]:
    """Set settings of a task inside this block, as `configure`."""
    config = task.get_config("fewshot_config")
    held = {name: task.get_config(name) for name in settings}
    kept = {
        name: config.get(name) if isinstance(config, dict) else getattr(config, name, None)
        for name in settings
        if config is not None and name in _OF_EXAMPLES
    }
    configure(task, settings, examples)
    try:
        yield
    finally:
        configure(task, held, examples=False)
        for name, value in kept.items():
            if isinstance(config, dict):
                config[name] = value
            else:
                setattr(config, name, value)


WITHOUT_TOKEN = {
    f"{Signal.SAMPLES} direct": "options are whole texts, of which no single token can be drawn",
    Signal.LAYER_ANSWERS.value: "options are whole texts, which no layer reads as single tokens",
    Signal.OPTION_STATES.value: "options are whole texts, whose label is no single token",
    Signal.PERTURBED_STATE.value: "options are whole texts, whose answer is no single token",
    **{
        f"{Signal.PROMPTED_ANSWERS} {variant}": "prompts of our own ask for a letter"
        for variant in (*(f"paraphrase_{number}" for number in range(1, 5)), "instruction")
    },
}
"""What tasks whose options are whole texts cannot give → why not; ``--as_letters`` can."""
