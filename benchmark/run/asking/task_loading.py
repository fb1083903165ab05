"""Load lm-eval tasks by ``--tasks``: their questions, and how the adapter reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ....estimators.signals.batch import Signal
from ....tasks import mmlu_pro
from ....tasks.data_errors import DataError
from ....tasks.own_tasks import OwnTasks
from ....tasks.prompting import Prompt, load_prompt
from ....tasks.task_names import known_tasks
from ....tasks.topics import TOPICS, topic_slug
from ...console.errors import ApprehendError, UsageError, did_you_mean, first_line
from ..questions.lettering import configure
from ..questions.own_facts import own_facts
from ..questions.task_files import shipped_names, task_manager
from .lm_eval_loading import load_lm_eval
from .loaded_task import LoadedTask, TaskOptions, third_party_errors
from .own_loading import fewshot_file, own_questions_of, own_task, say_left_out, set_examples

if TYPE_CHECKING:
    from lm_eval.tasks import TaskManager


def expand_tasks(text: str, include_path: str | None, own: OwnTasks | None = None) -> list[str]:
    """Expand a comma-separated list into distinct names; a group of ours becomes its topics.

    Raises UsageError for a name that is neither ours nor lm-eval's nor (with ``include_path``) a
    file's.
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
        elif include_path is None and name not in shipped_names():
            near = did_you_mean(name, known) or did_you_mean(name, shipped_names())
            shows = f"apprehend {'list tasks' if own is None else f'data {own.data}'}"
            raise UsageError(f"--tasks: unknown task {name!r}; `{shows}` shows all{near}")
        else:
            leaves[name] = None
    return list(leaves)


def load_tasks(names: Sequence[str], options: TaskOptions) -> list[LoadedTask]:
    """Load lm-eval task objects by name, with the user's data and prompts.

    Raises UsageError for unknown names, DataError for unusable data or templates.
    """
    if options.include_path is not None and not Path(options.include_path).is_dir():
        raise UsageError(f"--include_path: no folder at {options.include_path}")
    own = own_questions_of(names, options)
    known = known_tasks() if own is None else own.names()
    others = [name for name in names if name not in known]
    _check_own_options(options, others, len(names) - len(others))
    metadata = {"data": options.data, "fewshot_data": fewshot_file(options)}
    with third_party_errors(
        f"--include_path: {options.include_path}", options.include_path is not None
    ):
        manager = task_manager(others, options.include_path, metadata)
    prompts = {name: load_prompt(name, path) for name, path in options.prompts.items()}
    tasks: list[LoadedTask] = []
    for name in names:
        if own is not None and name in known:
            tasks += _load(manager, name, options, prompts, own)
            continue
        if name not in manager.task_index:
            near = did_you_mean(name, [*manager.task_index, *known])
            raise UsageError(
                f"--tasks: unknown task {name!r}{near}{_unreadable(options.include_path)}"
            )
        if name in known:
            tasks += _load(manager, name, options, prompts)
        else:
            tasks += load_lm_eval(manager, name, options, prompts)
    say_left_out(sum(t.among_examples for t in tasks), sum(len(t.task.eval_docs) for t in tasks))
    return tasks


def _check_own_options(options: TaskOptions, others: Sequence[str], own: int) -> None:
    """Raise UsageError for options that tasks of ours, or only those, have no use for."""
    for name, given in (
        ("as_letters", options.as_letters),
        ("topic_field", options.topic_field is not None),
        ("normalization", options.normalization != "none"),
    ):
        if given and own:
            raise UsageError(f"--{name}: our own tasks have letters and topics; leave it out")
    if others and own and options.data is not None:
        raise UsageError(
            "--data: it is for our own tasks or for others; run them one after another"
        )


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
    replaced: dict[str, object] = {}
    group, topic = (known_tasks() if own is None else own.names())[name]
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
        configure(task, replaced)
        shots = options.num_fewshot or 0
        among = set_examples(task, shots)
        if options.gen_kwargs:
            given = task.get_config("generation_kwargs") or {}
            task.set_config("generation_kwargs", {**given, **options.gen_kwargs})
        signal = Signal.TRACE if style.chain_of_thought else Signal.ANSWER
        facts = own_facts(group, user)
        yield LoadedTask(leaf, group, task, facts, signal, texts, shots, among_examples=among)
