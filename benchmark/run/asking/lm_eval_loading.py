"""Load multiple-choice tasks of lm-eval and of users: a group is one task, its members topics."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ....estimators.signals.batch import Signal
from ....tasks.files.identifiers import id_text
from ....tasks.prompting import Prompt, load_prompt
from ....tasks.question_row import Row
from ....tasks.question_view import LETTERED_SYSTEM, LETTERED_USER
from ...console.errors import ApprehendError, UsageError, first_line
from ...console.options import say
from ..questions.examples import steady_examples
from ..questions.generative_facts import generative_facts
from ..questions.lettering import ask_for_letters
from ..questions.lm_eval_facts import Topic, choice_facts
from ..questions.local_data import local_data
from ..questions.question_ids import id_field, unique_ids
from ..questions.task_facts import TaskFacts
from ..questions.task_files import members
from .loaded_task import LoadedTask, TaskOptions, third_party_errors

if TYPE_CHECKING:
    from lm_eval.api.task import Task
    from lm_eval.tasks import TaskManager

LETTERED = "_as_letters"
"""Ending of the store's name where a task is asked for letters."""


def load_lm_eval(
    manager: TaskManager, name: str, options: TaskOptions, prompts: Mapping[str, Prompt]
) -> list[LoadedTask]:
    """Load a task, group or tag that is not one of ours.

    A group is one task with a topic per member, if all members are asked in the same way; else,
    and for a tag, each member is a task of its own.

    Raises UsageError for tasks that are not multiple choice, ApprehendError for missing data.
    """
    if options.data is None:
        _check_code(manager, name)
    with third_party_errors(f"--tasks: {name}"), _reproducible(options.seed):
        with local_data(options.data, options.fewshot_data):
            try:
                tasks = manager.load([name])["tasks"]
            except IndexError:
                raise UsageError(f"--tasks: {name} has no questions") from None
            except (OSError, ConnectionError) as error:
                raise ApprehendError(
                    f"cannot load the data of task {name}: {first_line(error)}; give local files "
                    "with --data"
                ) from error
        for task in tasks.values():
            _pin(task, options.seed)
    loaded = []
    for family, leaves in _families(manager, name, tasks).items():
        group = [_loaded(leaf, family, tasks[leaf], len(leaves) > 1, options, prompts)
                 for leaf in leaves]  # fmt: skip
        if len({task.facts.normalization for task in group}) > 1:
            raise UsageError(
                f"--tasks: some members of {family} score labels and some whole texts; name them "
                "one by one"
            )
        unique_ids(group)
        loaded += group
    return loaded


def _check_code(manager: TaskManager, name: str) -> None:
    """Raise UsageError for a task whose data set runs code of its own, unasked.

    From version 4 on, ``datasets`` runs none.
    """
    import datasets

    if int(datasets.__version__.split(".")[0]) >= 4:
        return
    for leaf in _leaves(manager, name):
        entry = manager.task_index.get(leaf)
        settings = ((entry.cfg if entry is not None else None) or {}).get("dataset_kwargs")
        if isinstance(settings, Mapping) and settings.get("trust_remote_code"):
            raise UsageError(
                f"--tasks: {leaf} runs code of its data set (trust_remote_code) under datasets "
                f"{datasets.__version__}; install datasets 4 or newer, or give --data"
            )


@contextmanager
def _reproducible(seed: int) -> Iterator[None]:
    """Seed the generators that tasks shuffle with when they load, as lm-eval does.

    Results of ``datasets``' cache are not used: whoever filled it may have shuffled otherwise.
    """
    import datasets

    cached = datasets.is_caching_enabled()
    datasets.disable_caching()
    _seed(seed)
    try:
        yield
    finally:
        if cached:
            datasets.enable_caching()


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed or 1234)  # lm-eval's defaults are 0 and 1234


def _pin(task: Task, seed: int) -> None:
    """Fix a task's documents: lm-eval processes, and so shuffles, them anew on each access."""
    if task.get_config("process_docs") is None:
        return
    _seed(seed)
    documents = task.eval_docs
    inner = cast(Any, task)
    method = "test_docs" if inner.has_test_docs() else "validation_docs"
    setattr(inner, method, lambda: documents)


def _families(manager: TaskManager, name: str, tasks: Mapping[str, Task]) -> dict[str, list[str]]:
    """Return store's name → its tasks."""
    entry = manager.task_index.get(name)
    kind = "" if entry is None else entry.kind.name
    leaves = [leaf for leaf in _leaves(manager, name) if leaf in tasks] or list(tasks)
    if kind == "GROUP" and len({_manner(tasks[leaf]) for leaf in leaves}) == 1:
        return {name: leaves}
    if kind in ("GROUP", "TAG"):
        families: dict[str, list[str]] = {}
        for member in members(manager, name):
            families |= _families(manager, member, tasks)
        return families
    return {leaf: [leaf] for leaf in leaves}


def _leaves(manager: TaskManager, name: str) -> Iterator[str]:
    inner = members(manager, name)
    if not inner:
        yield name
    for member in inner:
        yield from _leaves(manager, member)


def _manner(task: Task) -> str:
    """Return what members of a group must share to be one task."""
    choice = task.get_config("doc_to_choice")
    if callable(choice):
        choice = getattr(choice, "__qualname__", "")
    return repr((task.get_config("output_type"), "listed" if isinstance(choice, list) else choice))


def _loaded(
    leaf: str,
    family: str,
    task: Task,
    is_topic: bool,
    options: TaskOptions,
    prompts: Mapping[str, Prompt],
) -> LoadedTask:
    from lm_eval.api.task import ConfigurableTask

    if not isinstance(task, ConfigurableTask):
        raise UsageError(f"--tasks: {leaf} is a Python class, which says not how it asks")
    if getattr(task, "MULTIMODAL", False):
        raise UsageError(f"--tasks: {leaf} shows images or sounds; apprehend asks in text alone")
    with third_party_errors(f"--tasks: {leaf}"), _index_errors(leaf):
        facts, signal = _facts(leaf, task, _topic(leaf, family, task, is_topic, options), options)
        texts: dict[str, str] = {}
        if options.as_letters:
            if signal is not Signal.ANSWER:
                raise UsageError(f"--as_letters: {leaf} is answered in a generated text")
            user, system = (
                prompts.get(n) or load_prompt(n) for n in (LETTERED_USER, LETTERED_SYSTEM)
            )
            facts = ask_for_letters(task, facts, user, system)
            texts = {LETTERED_USER: user.source, LETTERED_SYSTEM: system.source}
        if options.gen_kwargs:
            given = task.get_config("generation_kwargs") or {}
            task.set_config("generation_kwargs", {**given, **options.gen_kwargs})
        loaded = LoadedTask(
            leaf,
            family + (LETTERED if options.as_letters else ""),
            task,
            facts,
            signal,
            texts,
            _shots(leaf, task, options),
            own=False,
            as_letters=options.as_letters,
        )
        loaded.try_out()
    return loaded


@contextmanager
def _index_errors(leaf: str) -> Iterator[None]:
    try:
        yield
    except IndexError as error:
        raise UsageError(f"--tasks: {leaf}: {first_line(error)} in a document") from error


def _facts(leaf: str, task: Task, topic: Topic, options: TaskOptions) -> tuple[TaskFacts, Signal]:
    output = task.get_config("output_type")
    field = id_field(task.eval_docs)

    def own_id(row: Row, index: int) -> str:
        own = None if field is None else id_text(cast("Mapping[str, Any]", row)[field])
        return str(index) if own is None else own

    if output == "multiple_choice":
        return choice_facts(task, leaf, topic, own_id, options.normalization), Signal.ANSWER
    if output == "generate_until":
        return generative_facts(task, leaf, topic, own_id), Signal.TRACE
    raise UsageError(
        f"--tasks: {leaf} has output_type {output}; apprehend supports multiple-choice tasks, of "
        "output_type multiple_choice or generate_until"
    )


def _topic(leaf: str, family: str, task: Task, is_topic: bool, options: TaskOptions) -> Topic:
    """Return how a question's topic is found: its field, its task in a group, its category."""
    field = options.topic_field
    if field is not None:
        if field not in task.eval_docs[0]:
            known = ", ".join(task.eval_docs[0])
            raise UsageError(f"--topic_field: {leaf} has no field {field!r}, known: {known}")
        return lambda document: str(document[field])
    if is_topic:
        alias = str(task.get_config("task_alias") or leaf.removeprefix(f"{family}_"))
        return lambda document: alias
    return lambda document: str(document.get("category") or leaf)


def _shots(leaf: str, task: Task, options: TaskOptions) -> int:
    """Return the number of few-shot examples, as lm-eval determines it."""
    own = task.get_config("num_fewshot")
    given = options.num_fewshot
    if own == 0 and given:
        say(f"{leaf} sets num_fewshot to 0, which lm-eval keeps: --num_fewshot {given} is ignored")
        return 0
    shots = int(own or 0) if given is None else given
    if shots:
        steady_examples(task)
        task.set_fewshot_seed(options.seed)
        pool = task.fewshot_docs()
        available = 0 if pool is None else len(pool)
        if available < shots:
            raise UsageError(
                f"--num_fewshot {shots}: task {leaf} has {available} examples; give some with "
                "--fewshot_data, or --num_fewshot 0"
            )
    return shots
