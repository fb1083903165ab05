"""Load the tasks of a data set of one's own, and few-shot examples that leave the question out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ....tasks.data_errors import DataError
from ....tasks.data_sets.data_set import read_data_set
from ....tasks.dataset import EMBEDDED
from ....tasks.mmlu_pro import STYLES
from ....tasks.own_tasks import SHORT, OwnTasks, own_tasks
from ....tasks.question_row import same_questions
from ....tasks.task_names import known_tasks
from ...console.errors import UsageError
from ...console.options import say
from ..questions.task_files import shipped_names

if TYPE_CHECKING:
    from lm_eval.api.task import Task

Document = Mapping[str, Any]


class DataOptions(Protocol):
    """The options that say where questions and examples come from."""

    @property
    def data(self) -> str | None: ...
    @property
    def data_columns(self) -> str | None: ...
    @property
    def fewshot_data(self) -> str | None: ...
    @property
    def include_path(self) -> str | None: ...
    @property
    def num_fewshot(self) -> int | None: ...


class TasksOptions(DataOptions, Protocol):
    """Those, and the names of the tasks."""

    @property
    def tasks(self) -> str: ...


def own_questions(options: TasksOptions) -> OwnTasks | None:
    """Return the tasks of a file of one's own, if any of them is asked for.

    None for what is asked as MMLU-Pro, and for tasks of lm-eval, which read files in their way.

    Raises:
        UsageError: ``data_columns`` without a file.
        DataError: the file or a row of it is invalid.
    """
    return own_questions_of([name.strip() for name in options.tasks.split(",")], options)


def own_questions_of(names: Sequence[str], options: DataOptions) -> OwnTasks | None:
    """Return the same for names of tasks."""
    data, columns = options.data, options.data_columns
    if columns and data in (None, EMBEDDED):
        raise UsageError("--data_columns: describes the columns of a file; give one with --data")
    if data is None or data == EMBEDDED:
        return None
    own, problem = None, None
    try:
        own = own_tasks(data, columns)
    except DataError as error:
        problem = error
    if own is None and problem is None:
        return None
    if own is not None and set(names) & own.names().keys():
        return own
    ours = known_tasks()
    if all(n not in ours and (options.include_path or n in shipped_names()) for n in names):
        return None  # lm-eval's tasks have schemas of their own
    if problem is not None and any(_is_of_a_file(n) or n in ours for n in names):
        raise problem
    return own


def _is_of_a_file(name: str) -> bool:
    """Return whether a task's name may be that of a file's task."""
    short = [style.removeprefix(SHORT) for style in STYLES]
    return any(name == s or name.startswith(f"{s}_") or f"_{s}" in name for s in short)


def say_understood(data: str | None, data_columns: str | None, own: OwnTasks | None) -> None:
    """Say how a file was understood, and what was noticed in it."""
    if data is None or data == EMBEDDED:
        return
    data_set = read_data_set(Path(data), data_columns)
    if own is not None:
        count = f"{len(data_set.questions):,} questions, {len(data_set.topics):,} topics"
        say(f"{data}: {data_set.title}; {count}; stored as {data_set.name}_…")
    for line in data_set.lines:
        say(f"{data}: {line}")


def described(data: str | None, data_columns: str | None) -> dict[str, object]:
    """Return what a manifest says of how a file was read: schema, columns, questions left out."""
    if data is None or data == EMBEDDED:
        return {}
    data_set = read_data_set(Path(data), data_columns)
    return {
        "schema": data_set.title,
        "columns": dict(data_set.columns),
        "left_out": {why: len(places) for why, places in data_set.left_out.items()},
        "notes": list(data_set.notes),
    }


def fewshot_file(options: DataOptions) -> str | None:
    """Return the file of few-shot examples: by default a file's own questions."""
    if options.fewshot_data is None and options.num_fewshot and options.data != EMBEDDED:
        return options.data
    return options.fewshot_data


def own_task(own: OwnTasks, name: str, fewshot_data: str | None) -> Task:
    """Return the lm-eval task of one topic of a data set."""
    from lm_eval.api.task import ConfigurableTask

    return ConfigurableTask(config=own.config(name, fewshot_data))


def set_examples(task: Task, shots: int) -> int:
    """Let a task of ours show the first examples that are not the question itself.

    A probe that changes the question shows the same examples.

    Args:
        task: The task.
        shots: Examples per prompt.

    Returns:
        The number of questions that are among the examples.

    Raises:
        UsageError: a question has fewer examples than ``shots``.
    """
    if not shots:
        return 0
    pool = list(task.fewshot_docs() or ())
    same = same_questions(task.eval_docs, pool)
    available = len(pool) - max(map(len, same.values()), default=0)
    if available < shots:
        raise UsageError(
            f"--num_fewshot {shots}: task {task.config.task} has {available} examples; give some "
            "with --fewshot_data"
        )
    if same:
        _leave_out(task, pool, same)
    return len(same)


def _leave_out(task: Task, pool: Sequence[Document], same: Mapping[str, frozenset[int]]) -> None:
    inner = cast(Any, task)
    build, asked = inner.fewshot_context, [""]

    def context(doc: Document, *arguments: object, **more: object) -> object:
        asked[0] = str(doc["question_id"])
        return build(doc, *arguments, **more)

    def sample(n: int, *_: object, **__: object) -> Sequence[Document]:
        out = same.get(asked[0], frozenset())
        return [doc for place, doc in enumerate(pool) if place not in out][:n]

    inner.fewshot_context = context
    inner.sampler.sample = sample


def say_left_out(among: int, count: int) -> None:
    """Say how many questions are left out of their own few-shot examples, if any are."""
    if among:
        say(
            f"few-shot: {among} of {count} questions are among the examples; each is left out of "
            "its own"
        )
