"""A loaded lm-eval task: its questions, and what is stored of each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ....estimators.signals.batch import Signal
from ....tasks.data_errors import DataError
from ....tasks.question_row import Row
from ....tasks.question_view import QuestionView
from ....tasks.topics import LETTERS
from ...console.errors import ApprehendError, UsageError, first_line
from ...store.failures import QuestionId
from ..questions.task_facts import TaskFacts

if TYPE_CHECKING:
    from lm_eval.api.task import Task


@dataclass(frozen=True)
class TaskOptions:
    """The options that determine how tasks are loaded."""

    data: str | None = None
    fewshot_data: str | None = None
    include_path: str | None = None
    num_fewshot: int | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Prompt name → file that replaces it."""
    gen_kwargs: Mapping[str, object] = field(default_factory=dict)
    """Generation settings that replace those of the task."""
    as_letters: bool = False
    topic_field: str | None = None
    normalization: str = "none"
    seed: int = 0
    data_columns: str | None = None


@dataclass(frozen=True)
class Question:
    """A question of a task: its row, and its index among the task's documents."""

    question_id: QuestionId
    index: int
    row: Row


@dataclass
class LoadedTask:
    """One lm-eval task (a topic), with what is needed to ask it and to store its answers."""

    name: str
    family: str
    """The group whose store its answers go to: ``mmlu_pro_direct`` for all its topics."""
    task: Task
    facts: TaskFacts
    signal: Signal
    """The signal of its answers: ``answer`` or ``trace``."""
    prompts: dict[str, str]
    """Prompt name → text, for the manifest."""
    num_fewshot: int = 0
    """Few-shot examples per prompt: the run's number, else the task's own."""
    own: bool = True
    """Whether it is a task of ours, in MMLU-Pro's schema."""
    as_letters: bool = False
    among_examples: int = 0
    """Number of its questions that are among its few-shot examples, but not among their own."""

    def questions(self, limit: float | None = None) -> list[Question]:
        """Return the task's questions; ``limit`` as in lm-eval: a number, or a share below 1."""
        docs = self.task.eval_docs
        count = len(docs)
        if limit is not None:
            count = min(count, int(-(-count * limit // 1)) if limit < 1 else int(limit))
        rows = docs.select(range(count)) if hasattr(docs, "select") else list(docs)[:count]
        return [Question(self.facts.own_id(row, i), i, row) for i, row in enumerate(rows)]

    def view(self, question: Question) -> QuestionView:
        """Return the view of a question."""
        return replace(self.facts.view(question.row), question_id=question.question_id)

    def try_out(self) -> None:
        """Render the first question, so that a broken task fails before a model is loaded."""
        for question in self.questions(1):
            self.task.doc_to_text(question.row)
            self.stored(question)

    def stored(self, question: Question) -> dict[str, object]:
        """Return the question as a row of the store's ``questions.parquet``."""
        view = self.view(question)
        return {
            "question_id": question.question_id,
            "topic": view.topic or self.name,
            "option_count": len(view.options),
            "gold": LETTERS[view.only_gold] if view.only_gold >= 0 else None,
            "question": view.stem,
            "options": list(view.options),
            "src": view.src,
        }


@contextlib.contextmanager
def third_party_errors(where: str, third_party: bool = True) -> Iterator[None]:
    """Turn any exception of a third-party task file into a one-line UsageError."""
    try:
        yield
    except (ApprehendError, DataError, OSError, IndexError):
        raise
    except Exception as error:
        if not third_party:
            raise
        kind = "nested too deeply" if isinstance(error, RecursionError) else type(error).__name__
        raise UsageError(
            f"{where}: cannot be used as a task of lm-eval: {kind}: {first_line(error)}"
        ) from error
