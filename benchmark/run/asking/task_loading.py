"""Load lm-eval tasks by ``--tasks``: their questions, and how the adapter reads them."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ....estimators.signals.batch import Signal
from ....tasks import mmlu_pro
from ....tasks.data_errors import DataError
from ....tasks.files.identifiers import plain_number
from ....tasks.own_tasks import OwnTasks, own_tasks
from ....tasks.prompting import Prompt, load_prompt
from ....tasks.question_row import Row, question_id_of
from ....tasks.task_names import known_tasks
from ....tasks.topics import LETTERS, MAX_OPTIONS, TOPICS, topic_slug
from ...console.errors import ApprehendError, UsageError, did_you_mean, first_line
from ...store.failures import QuestionId
from .adapter import TaskFacts
from .own_loading import fewshot_file, own_task, say_left_out, set_examples

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.tasks import TaskManager

TASK_FOLDER = Path(mmlu_pro.__file__).parent


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
    own: bool = True
    """Whether it is a task of ours, in MMLU-Pro's schema."""
    among_examples: int = 0
    """Number of its questions that are among its few-shot examples, but not among their own."""

    def questions(self, limit: float | None = None) -> list[Question]:
        """Return the task's questions; ``limit`` as in lm-eval: a number, or a share below 1."""
        docs = self.task.eval_docs
        count = len(docs)
        if limit is not None:
            count = min(count, int(-(-count * limit // 1)) if limit < 1 else int(limit))
        rows = docs.select(range(count)) if hasattr(docs, "select") else list(docs)[:count]
        return [Question(self.facts.question_id(r, i), i, r) for i, r in enumerate(rows)]

    def try_out(self) -> None:
        """Render the first question, so that a broken task fails before a model is loaded."""
        for question in self.questions(1):
            self.task.doc_to_text(question.row)
            self.stored(question)

    def stored(self, question: Question) -> dict[str, object]:
        """Return the question as a row of the store's ``questions.parquet``."""
        row = question.row
        gold = self.facts.gold(row)
        return {
            "question_id": question.question_id,
            "topic": str(row.get("category") or self.name),
            "option_count": self.facts.option_count(row),
            "gold": LETTERS[gold] if 0 <= gold < len(LETTERS) else None,
            "question": str(row.get("question") or self.task.doc_to_text(row)),
            "options": [str(option) for option in row.get("options") or self.facts.labels(row)],
            "src": row.get("src"),
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


def expand_tasks(text: str, include_path: str | None, own: OwnTasks | None = None) -> list[str]:
    """Expand a comma-separated list into distinct leaf tasks; a group becomes its topics.

    Raises UsageError for a name that is neither built in nor (with ``include_path``) a file's.
    """
    known = known_tasks() if own is None else own.names()
    leaves: dict[str, None] = {}
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("--tasks: expected at least one task, e.g. mmlu_pro_direct")
    for name in names:
        if name in known:
            group, topic = known[name]
            topics = TOPICS if topic is None else (topic,)
            names_of = [f"{group}_{topic_slug(t)}" for t in topics]
            leaves |= dict.fromkeys(names_of if own is None else own.leaves(group, topic))
        elif include_path is None:
            shows = f"`apprehend {'list tasks' if own is None else f'data {own.data}'}` shows all"
            raise UsageError(f"--tasks: unknown task {name!r}; {shows}{did_you_mean(name, known)}")
        else:
            leaves[name] = None
    return list(leaves)


def load_tasks(names: Sequence[str], options: TaskOptions) -> list[LoadedTask]:
    """Load lm-eval task objects by name, with the user's data and prompts.

    Raises UsageError for unknown names, DataError for unusable data or templates.
    """
    from lm_eval.tasks import TaskManager

    include = [str(TASK_FOLDER)]
    if options.include_path is not None:
        if not Path(options.include_path).is_dir():
            raise UsageError(f"--include_path: no folder at {options.include_path}")
        include.append(options.include_path)
    with third_party_errors(
        f"--include_path: {options.include_path}", options.include_path is not None
    ):
        manager = TaskManager(
            include_path=include,
            include_defaults=False,
            metadata={"data": options.data, "fewshot_data": fewshot_file(options)},
        )
    prompts = {name: load_prompt(name, path) for name, path in options.prompts.items()}
    own = own_tasks(options.data, options.data_columns)
    tasks: list[LoadedTask] = []
    for name in names:
        if own is not None and name in own.names():
            tasks += _load(manager, name, options, prompts, own)
            continue
        if name not in manager.all_tasks:
            near = did_you_mean(name, manager.all_tasks)
            raise UsageError(
                f"--tasks: unknown task {name!r}{near}{_unreadable(options.include_path)}"
            )
        tasks += _load(manager, name, options, prompts)
    say_left_out(sum(t.among_examples for t in tasks), sum(len(t.task.eval_docs) for t in tasks))
    return tasks


def _unreadable(folder: str | None) -> str:
    """Describe the first task file that is not valid YAML, which lm-eval silently skips."""
    import yaml

    for file in sorted(Path(folder).rglob("*.yaml")) if folder is not None else ():
        try:
            yaml.compose(file.read_text(encoding="utf-8"))
        except RecursionError:
            return f"; {file} is nested too deeply to be read"
        except (OSError, ValueError, yaml.YAMLError) as error:
            return f"; {file} cannot be read: {first_line(error)}"
    return ""


def _load(
    manager: TaskManager,
    name: str,
    options: TaskOptions,
    prompts: Mapping[str, Prompt],
    own: OwnTasks | None = None,
) -> Iterator[LoadedTask]:
    known = known_tasks() if own is None else own.names()
    replaced: dict[str, object] = {}
    texts: dict[str, str] = {}
    if name in known:
        group, topic = known[name]
        assert topic is not None
        style = mmlu_pro.style_of(group)
        system = prompts.get(style.system) or load_prompt(style.system)
        user = prompts.get(style.user) or load_prompt(style.user)
        texts = {style.system: system.source, style.user: user.source}
        if style.system in prompts or style.user in prompts:
            replaced = {
                "description": mmlu_pro.render_system(topic, style, system) + "\n\n",
                "doc_to_text": partial(mmlu_pro.render_user, style=style, prompt=user),
            }
    try:
        with third_party_errors(f"--tasks: {name}", name not in known):
            if own is not None:
                loaded = {name: own_task(own, name, fewshot_file(options))}
            else:
                loaded = manager.load([name])["tasks"]
    except IndexError:
        # lm-eval inspects a task's first document: this topic has none.
        return
    except DataError:
        raise
    except (OSError, ConnectionError) as error:
        raise ApprehendError(
            f"cannot load the data of task {name}: {first_line(error)}; give a local file with "
            "--data"
        ) from error
    for leaf, task in loaded.items():
        for key, value in replaced.items():
            task.set_config(key, value)
        if options.gen_kwargs:
            given = task.get_config("generation_kwargs") or {}
            task.set_config("generation_kwargs", {**given, **options.gen_kwargs})
        family = known[leaf][0] if leaf in known else leaf
        ours = leaf in known
        among = set_examples(task, options.num_fewshot or 0, ours)
        facts, signal = _own_facts(family) if ours else (_other_facts(leaf, task), Signal.ANSWER)
        loaded_task = LoadedTask(leaf, family, task, facts, signal, texts, ours, among)
        if not ours:
            with third_party_errors(f"--tasks: {leaf}"):
                loaded_task.try_out()
        yield loaded_task


def _own_facts(family: str) -> tuple[TaskFacts, Signal]:
    style = mmlu_pro.style_of(family)
    facts = TaskFacts(
        gold=mmlu_pro.gold_index,
        labels=lambda row: style.labels(len(row["options"])),
        option_count=lambda row: len(row["options"]),
        question_id=question_id_of,
        options=lambda row: row["options"],
    )
    return facts, Signal.TRACE if style.chain_of_thought else Signal.ANSWER


def _other_facts(leaf: str, task: Task) -> TaskFacts:
    output = task.get_config("output_type")
    if output != "multiple_choice":
        raise UsageError(
            f"--tasks: {leaf} has output_type {output}; of third-party tasks, apprehend supports "
            "multiple_choice only"
        )

    def gold(row: Row) -> int:
        target = task.doc_to_target(row)
        return target if isinstance(target, int) else list(task.doc_to_choice(row)).index(target)

    def labels(row: Row) -> list[str]:
        choices = list(task.doc_to_choice(row))
        if len(choices) > MAX_OPTIONS or any(len(choice) > 8 for choice in choices):
            raise UsageError(
                f"--tasks: {leaf} scores whole texts; expected short labels such as A, B, C"
            )
        return choices

    return TaskFacts(
        gold=gold,
        labels=labels,
        option_count=lambda row: len(labels(row)),
        question_id=question_id_of,
    )


def fingerprint(tasks: Sequence[LoadedTask]) -> str:
    """Hash the whole data set of the tasks: ids, questions, options and answers."""
    digest = hashlib.sha256()
    dataset = tasks[0].task.dataset["test"]
    columns = ("question_id", "question", "options", "answer")
    names = [name for name in columns if name in dataset.column_names]
    for values in zip(*(dataset[name] for name in names), strict=True):
        known = map(plain_number, values[:1]) if names[0] == "question_id" else values[:1]
        digest.update(repr((*known, *values[1:])).encode())
    return digest.hexdigest()[:32]
