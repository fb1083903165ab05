"""Build reports, comparisons and analyses of stored results."""

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
from .answer_frames import with_answer_frames
from .option_sets import with_option_sets
from .report_inputs import input_of, report_input


def write_paper(results: Path, output_path: Path, replicates: int = 1000, seed: int = 0) -> None:
    """Write the reference paper's tables and figures, with a verdict per published value.

    Raises ApprehendError if the results lack what they need.
    """
    try:
        paper = build_paper(report_input(Results(results)), output_path, replicates, seed)
    except ValueError as error:
        raise ApprehendError(f"{results}: {error}") from error
    show(*paper.summary)
    say(f"paper: {output_path / 'index.html'}")


def stores_at(paths: Sequence[Path]) -> list[TaskStore]:
    """Return the distinct stores of results folders and of models' folders inside them.

    Raises UsageError for a path that is neither, or for two stores of the same model and task.
    """
    stores: dict[tuple[str, str], TaskStore] = {}
    for path in paths:
        inside = sorted(file.parent for file in path.glob("*/manifest.json"))
        contained = [TaskStore(folder) for folder in inside] if inside else Results(path).stores()
        for store in contained:
            before = stores.setdefault((store.model, store.task), store)
            if before.path.resolve() != store.path.resolve():
                raise UsageError(
                    f"{store.path} and {before.path} hold the same model and task; rename one "
                    "of the folders"
                )
    return list(stores.values())


def write_comparison(
    paths: Sequence[Path], output_path: Path, paper_filter: bool, replicates: int, seed: int
) -> None:
    """Write a paired comparison of models."""
    data = input_of(stores_at(paths))
    rows: Rows = "paper" if paper_filter else "all"
    result = build_comparison(data, output_path, rows, replicates, seed)
    show(*result.summary)
    say(f"comparison: {output_path / 'index.html'}")


def evaluated_with(
    results: Path, estimator: str, model: str | None, task: str | None
) -> list[Evaluation]:
    """Return the evaluations that have an estimator's scores, filtered by model and task.

    Raises UsageError, naming what is available, if none is left.
    """
    matches = evaluations(report_input(Results(results)))
    for option, wanted in (("model", model), ("task", task)):
        names = list(dict.fromkeys(getattr(evaluation, option) for evaluation in matches))
        if wanted is not None and wanted not in names:
            near = did_you_mean(wanted, names)
            raise UsageError(f"{results}: no {option} {wanted!r}, found: {', '.join(names)}{near}")
        matches = [e for e in matches if wanted in (None, getattr(e, option))]
    names = list(dict.fromkeys(name for e in matches for name in e.estimators))
    scored = [e for e in matches if estimator in e.estimators]
    if not scored:
        near = did_you_mean(estimator, names)
        raise UsageError(f"no scores by {estimator!r}, found: {', '.join(names)}{near}")
    return scored


def write_analyses(paths: Sequence[Path], output_path: Path) -> None:
    """Write the analyses of the benchmark by the stored models."""
    stores = stores_at(paths)
    data = with_option_sets(with_answer_frames(input_of(stores), stores))
    result = build_benchmark_analyses(data, output_path)
    show(*result.summary)
    say(f"analyses: {output_path / 'index.html'}")
