"""MMLU-Pro as lm-eval tasks: the functions that the files in ``configs/`` refer to.

All functions take a row in MMLU-Pro's schema (``question_id, question, options, answer,
category, cot_content``). The letter in ``answer`` is the gold option.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from .dataset import load_dataset
from .prompting import Choice, Prompt, load_prompt
from .question_row import Row
from .question_view import QuestionView, shown_choices
from .reading.extraction import read_answer
from .topics import DONT_KNOW_LABEL, LETTERS, TOPICS, letters, numbers, topic_slug

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict


@dataclass(frozen=True)
class Style:
    """How a task asks: the labels of its options, and its prompts."""

    label_kind: str
    labels: Callable[[int], list[str]]
    system: str
    user: str
    dont_know: str | None = None
    chain_of_thought: bool = False

    def choices(self, options: list[str]) -> list[Choice]:
        """Return the options as the prompt shows them, the don't-know option last if any."""
        return shown_choices(self.labels(len(options)), options, self.dont_know)

    def context(self, row: Row) -> dict[str, object]:
        """Return the variables of this style's prompt templates."""
        return self.view(row).context()

    def view(self, row: Row) -> QuestionView:
        """Return the question of a row, its options called as this style calls them."""
        options = tuple(row["options"])
        answer = row.get("answer")
        return QuestionView(
            stem=row["question"],
            options=options,
            labels=tuple(self.labels(len(options))),
            gold=(LETTERS.index(answer),) if answer in LETTERS else (),
            topic=row["category"],
            question_id=row.get("question_id", ""),
            label_kind=self.label_kind,
            dont_know=self.dont_know,
            src=row.get("src"),
        )


STYLES: dict[str, Style] = {
    "mmlu_pro_direct": Style("letter", letters, "direct_system", "direct"),
    "mmlu_pro_direct_numbered": Style("number", numbers, "direct_system", "direct"),
    "mmlu_pro_direct_dont_know": Style(
        "letter", letters, "dont_know_system", "direct", dont_know=DONT_KNOW_LABEL
    ),
    "mmlu_pro_cot": Style("letter", letters, "cot_system", "cot", chain_of_thought=True),
    "mmlu_pro_cot_numbered": Style("number", numbers, "cot_system", "cot", chain_of_thought=True),
}
"""Task group name → its style. Each group has one task per topic, ``<group>_<topic>``."""


def style_name(group: str) -> str:
    """Return the style of a group's tasks: of ``mmlu_pro_cot`` and of ``medqa_cot`` the same.

    Raises KeyError for a group of no style.
    """
    if group in STYLES:
        return group
    fits = [style for style in STYLES if group.endswith(style.removeprefix("mmlu_pro"))]
    if not fits:
        raise KeyError(group)
    return max(fits, key=len)


def style_of(group: str) -> Style:
    """Return how a group's tasks ask. Raises KeyError for a group of no style."""
    return STYLES[style_name(group)]


def gold_index(row: Row) -> int:
    """Return the index of the gold option, from the letter in ``answer``."""
    return LETTERS.index(row["answer"])


def render_user(row: Row, style: Style, prompt: Prompt | None = None) -> str:
    """Render the user's turn: the question, its options and the cue for the answer."""
    return (prompt or load_prompt(style.user)).render(**style.context(row))


def render_system(topic: str, style: Style, prompt: Prompt | None = None) -> str:
    """Render the system message (without a chat template: the first lines of the prompt)."""
    chosen = prompt or load_prompt(style.system)
    topic = topic.replace("_", " ")  # as in the names of MMLU's subjects
    return chosen.render(topic=topic, label_kind=style.label_kind, dont_know=style.dont_know)


def choice_labels(row: Row, style: Style) -> list[str]:
    """Return the continuations that lm-eval scores: all labels, the don't-know label last."""
    return [choice.label for choice in style.view(row).choices]


def trace_results(row: Row, results: list[str], style: Style) -> dict[str, float]:
    """Return lm-eval's metrics of a chain of thought: accuracy, and whether it was parsed."""
    labels = style.labels(len(row["options"]))
    answer = read_answer(results[0], labels, row["options"])
    right = answer is not None and answer.index == gold_index(row)
    return {"acc": float(right), "parsed": float(answer is not None)}


_FINAL_SENTENCE = re.compile(r"The answer is \(?([A-Z])\)?\.?$")
_FIRST_SENTENCE = re.compile(r"^A:\s*(Let's think step by step\.\s*)?")


def example_trace(row: Row, style: Style) -> str:
    """Return a few-shot example's chain of thought, ending in this project's answer marker."""
    text = _FIRST_SENTENCE.sub("", (row.get("cot_content") or "").strip())
    text = _FINAL_SENTENCE.sub("", text).strip()
    marker = f"[[{style.labels(len(row['options']))[gold_index(row)]}]]"
    return f"{text} {marker}" if text else marker


def load(data: str | None = None, fewshot_data: str | None = None, **_: object) -> DatasetDict:
    """Load the data for lm-eval's ``custom_dataset``: the hub's MMLU-Pro, or local files."""
    return load_dataset(data, fewshot_data)


@lru_cache(maxsize=64)
def _filtered(table: _Identity, topic: str) -> Dataset:
    return table.dataset.select(_places(table).get(topic, []))


@lru_cache(maxsize=4)
def _places(table: _Identity) -> dict[str, list[int]]:
    """Return topic → its rows."""
    places: dict[str, list[int]] = {}
    for row, topic in enumerate(table.dataset["category"]):
        places.setdefault(topic, []).append(row)
    return places


class _Identity:
    """A datasets.Dataset, hashable by its fingerprint, so that filtering is cached."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset

    def __hash__(self) -> int:
        return hash(self.dataset._fingerprint)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Identity) and self.dataset._fingerprint == other.dataset._fingerprint
        )


def only_topic(dataset: Dataset, topic: str) -> Dataset:
    """Select the rows of one topic. lm-eval applies it to test rows and few-shot examples."""
    return _filtered(_Identity(dataset), topic)


@lru_cache(maxsize=1)
def task_functions() -> dict[str, Callable[..., object]]:
    """Return all functions that task configurations refer to, by name."""
    functions: dict[str, Callable[..., object]] = {
        f"only_{topic_slug(topic)}": partial(only_topic, topic=topic) for topic in TOPICS
    }
    for group, style in STYLES.items():
        short = group.removeprefix("mmlu_pro_")
        functions[f"{short}_text"] = partial(render_user, style=style)
        functions[f"{short}_choices"] = partial(choice_labels, style=style)
        if style.chain_of_thought:
            functions[f"{short}_target"] = partial(example_trace, style=style)
            functions[f"{short}_results"] = partial(trace_results, style=style)
    return functions


def __getattr__(name: str) -> Callable[..., object]:
    """Return a function that configurations name; lm-eval looks them up in this module."""
    functions = task_functions()
    if name not in functions:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return functions[name]
