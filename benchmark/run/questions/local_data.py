"""Read the data of lm-eval's tasks from local files instead of the hub (``--data``).

A file holds the questions of one task in the task's own schema. A folder holds the data sets of
any number of tasks as ``<dataset_path>/<dataset_name>/<split>.parquet`` (or ``.jsonl``, ``.json``,
``.csv``), e.g. ``cais/mmlu/anatomy/test.parquet``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...console.errors import UsageError

if TYPE_CHECKING:
    from datasets import DatasetDict
    from lm_eval.api.task import Task, TaskConfig

BUILDERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv"}
"""Suffix of a file → the builder of ``datasets`` that reads it."""


@contextmanager
def local_data(data: str | None, fewshot_data: str | None) -> Iterator[None]:
    """Let lm-eval's tasks read local files inside this block, by their documented ``download``."""
    if data is None:
        yield
        return
    from lm_eval.api.task import ConfigurableTask

    place = Path(data)
    before = ConfigurableTask.download

    def download(task: Task, dataset_kwargs: object = None, **more: object) -> None:
        if callable(task.get_config("custom_dataset")):
            before(task, dataset_kwargs, **more)  # which gets --data as metadata
        elif not place.exists():
            raise UsageError(f"--data: no file or folder at {data}")
        elif place.is_dir():
            task.dataset = _of_folder(place, task)
        else:
            task.dataset = _of_files(place, fewshot_data, task)

    ConfigurableTask.download = download
    try:
        yield
    finally:
        ConfigurableTask.download = before


def _of_folder(place: Path, task: Task) -> DatasetDict:
    config = task.config
    folder = place / str(config.dataset_path)
    if config.dataset_name is not None and (folder / str(config.dataset_name)).is_dir():
        folder /= str(config.dataset_name)
    files = {
        file.stem.split("-")[0]: file
        for file in (sorted(folder.iterdir()) if folder.is_dir() else ())
        if file.suffix in BUILDERS
    }
    if not files:
        raise UsageError(
            f"--data: task {config.task} reads {config.dataset_path} {config.dataset_name or ''}: "
            f"expected files such as {folder}/test.parquet or .jsonl"
        )
    lacking = [split for split in _splits(config) if split not in files]
    if lacking:
        raise UsageError(
            f"--data: task {config.task} reads split {lacking[0]!r}: expected "
            f"{folder}/{lacking[0]}.parquet or .jsonl"
        )
    return _loaded(files)


def _of_files(questions: Path, examples: str | None, task: Task) -> DatasetDict:
    """Return the questions under every split that the task asks, and the examples under others."""
    config = task.config
    asked = config.test_split or config.validation_split
    files = {str(asked): questions}
    if examples is not None:
        files["examples"] = Path(examples)
    loaded = _loaded(files)
    others = loaded.pop("examples", None)
    for split in _splits(config):
        if split not in loaded:
            loaded[split] = loaded[str(asked)].select([]) if others is None else others
    return loaded


def _splits(config: TaskConfig) -> list[str]:
    named = (config.test_split, config.validation_split, config.training_split)
    return [str(split) for split in (*named, config.fewshot_split) if split is not None]


def _loaded(files: dict[str, Path]) -> DatasetDict:
    import datasets

    result = datasets.DatasetDict()
    for split, file in files.items():
        builder = BUILDERS.get(file.suffix.lower())
        if builder is None:
            raise UsageError(f"--data: expected a {', '.join(BUILDERS)} file, got {file}")
        if not file.is_file():
            raise UsageError(f"--data: no file at {file}")
        result[split] = datasets.load_dataset(builder, data_files={split: str(file)}, split=split)
    return result
