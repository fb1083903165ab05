"""Group the tasks of a run by the stores of their answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ..console.errors import UsageError
from ..console.masking import mask_arguments
from ..engines.shared.known import known_identity, settings_of
from ..store import manifest as manifests
from ..store.contract import complete
from ..store.failures import QuestionId
from ..store.task_store import Results, TaskStore
from .asking.loaded_task import LoadedTask, Question
from .asking.own_loading import described
from .option_values import Overwrite
from .questions.fingerprints import fingerprint, source_of, topics_hash
from .row_settings import task_settings
from .run_options import RunOptions


@dataclass
class Family:
    """The tasks of one group, and the store of their answers."""

    store: TaskStore
    tasks: list[LoadedTask]
    questions: dict[str, list[Question]]
    manifest: dict[str, Any]
    known: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the model before it is loaded."""

    @property
    def signal(self) -> Signal:
        """Return the signal of its answers."""
        return self.tasks[0].signal

    @property
    def ids(self) -> list[QuestionId]:
        """Return the ids of its questions."""
        return [q.question_id for task in self.tasks for q in self.questions[task.name]]

    def missing(self) -> list[tuple[LoadedTask, Question]]:
        """Return the questions without a stored answer."""
        done = self.store.done(self.signal)
        return [
            (task, question)
            for task in self.tasks
            for question in self.questions[task.name]
            if question.question_id not in done
        ]

    def resume(self) -> None:
        """Continue with the stored manifest, if there is one.

        Raises UsageError if the stored signals were collected under other settings.
        """
        stored = self.store.manifest
        if stored:
            manifests.check_agreement(self.store, self.manifest)
            wanted = self.manifest
            self.manifest = {**stored, "updated": manifests.now()}
            complete(self.manifest, wanted)


def model_name(options: RunOptions) -> str:
    """Return the model's name: the given one, or that of its weights or at its endpoint."""
    if options.model_name:
        return options.model_name
    args = options.model_args
    name = str(args.get("pretrained") or args.get("model") or options.model)
    return Path(name).expanduser().resolve().name if Path(name).expanduser().is_dir() else name


def group_by_store(options: RunOptions, tasks: Sequence[LoadedTask]) -> list[Family]:
    """Group the tasks by family, each with its questions, store and manifest.

    Raises UsageError if there is no question, or if the stored signals were collected under
    other settings.
    """
    grouped: dict[str, list[LoadedTask]] = {}
    for task in tasks:
        grouped.setdefault(task.family, []).append(task)
    results = Results(options.output_path)
    families = []
    known = _known(options)
    for name, members in grouped.items():
        questions = {task.name: task.questions(options.limit) for task in members}
        store = results.open(model_name(options), name)
        wanted = _wanted_manifest(options, name, members, known)
        family = Family(store, members, questions, wanted, known)
        if options.overwrite is not Overwrite.ALWAYS:
            family.resume()
        families.append(family)
    if not families:
        raise UsageError(
            f"--tasks {options.tasks}: no question of these topics in "
            f"{options.data or 'the data set'}"
        )
    return families


def _known(options: RunOptions) -> dict[str, Any]:
    """Return what is known of the model in advance; with ``only-cache`` it may be absent."""
    try:
        return known_identity(options.model, options.model_args)
    except UsageError:
        if options.overwrite is not Overwrite.ONLY_CACHE:
            raise
        return {"engine": options.model, "settings": settings_of(options.model_args)}


def _wanted_manifest(
    options: RunOptions, family: str, tasks: Sequence[LoadedTask], known: Mapping[str, Any]
) -> dict[str, Any]:
    texts = {name: text for task in tasks for name, text in task.prompts.items()}
    return manifests.new_manifest(
        model={
            "name": model_name(options),
            **known,
            "arguments": mask_arguments(options.model_args),
        },
        task={
            "name": family,
            "version": str(tasks[0].task.VERSION),
            "num_fewshot": tasks[0].num_fewshot,
            "apply_chat_template": options.apply_chat_template,
            "system_instruction": options.system_instruction,
            "prompts": {name: manifests.text_hash(text) for name, text in texts.items()},
            "prompt_texts": texts,
            **task_settings(options, family, tasks),
        },
        data={
            "source": options.data or source_of(tasks[0]),
            "fewshot_source": options.fewshot_data,
            "fingerprint": fingerprint(tasks),
            "topics": topics_hash(tasks),
            "limit": options.limit,
            **(described(options.data, options.data_columns) if tasks[0].own else {}),
        },
        seed=options.seed,
    )
