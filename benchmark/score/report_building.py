"""Builds reports, comparisons and analyses of stored results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...reports import (
    Evaluation,
    Rows,
    build_benchmark_analyses,
    build_comparison,
    build_paper,
    evaluations,
)
from ..console.errors import ApprehendError, UsageError, did_you_mean
from ..console.options import say, show
from ..store.task_store import Results, TaskStore
from .report_inputs import input_of, report_input


def write_paper(results: Path, output_path: Path, replicates: int = 1000, seed: int = 0) -> None:
    """The reference paper's tables and figures, with a verdict per published value."""
    try:
        paper = build_paper(report_input(Results(results)), output_path, replicates, seed)
    except ValueError as error:
        raise ApprehendError(f"{results}: {error}") from error
    show(*paper.summary)
    say(f"paper: {output_path / 'index.html'}")


def stores_at(paths: Sequence[Path]) -> list[TaskStore]:
    """Stores of results folders and of models' folders inside them, each once.

    Raises UsageError for a path that is neither, or for two stores of the same model and task.
    """
    found: dict[tuple[str, str], TaskStore] = {}
    for path in paths:
        inside = sorted(file.parent for file in path.glob("*/manifest.json"))
        own = [TaskStore(folder) for folder in inside] if inside else Results(path).stores()
        for store in own:
            before = found.setdefault((store.model, store.task), store)
            if before.path.resolve() != store.path.resolve():
                raise UsageError(
                    f"{store.path} and {before.path} hold the same model and task; rename one "
                    "of the folders"
                )
    return list(found.values())


def write_comparison(
    paths: Sequence[Path], output_path: Path, paper_filter: bool, replicates: int, seed: int
) -> None:
    """Models beside each other, paired."""
    data = input_of(stores_at(paths))
    rows: Rows = "paper" if paper_filter else "all"
    result = build_comparison(data, output_path, rows, replicates, seed)
    show(*result.summary)
    say(f"comparison: {output_path / 'index.html'}")


def evaluated_with(
    results: Path, estimator: str, model: str | None, task: str | None
) -> list[Evaluation]:
    """Rows of the models and tasks that an estimator scored, narrowed by their names.

    Raises UsageError, with what is there, where nothing is left.
    """
    found = evaluations(report_input(Results(results)))
    for option, wanted in (("model", model), ("task", task)):
        names = list(dict.fromkeys(getattr(one, option) for one in found))
        if wanted is not None and wanted not in names:
            near = did_you_mean(wanted, names)
            raise UsageError(f"{results}: no {option} {wanted!r}, found: {', '.join(names)}{near}")
        found = [one for one in found if wanted in (None, getattr(one, option))]
    names = list(dict.fromkeys(name for one in found for name in one.estimators))
    left = [one for one in found if estimator in one.estimators]
    if not left:
        near = did_you_mean(estimator, names)
        raise UsageError(f"no scores by {estimator!r}, found: {', '.join(names)}{near}")
    return left


def write_analyses(paths: Sequence[Path], output_path: Path) -> None:
    """What the stored models say about the benchmark."""
    result = build_benchmark_analyses(input_of(stores_at(paths)), output_path)
    show(*result.summary)
    say(f"analyses: {output_path / 'index.html'}")
