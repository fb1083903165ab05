"""Recommendations and subsets of questions from stored results, as text and files."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from pathlib import Path

import pandas as pd

from ...estimators.registry import split_specs
from ...reports import (
    ReportInput,
    Study,
    advice,
    choose_subset,
    choose_threshold,
    combine,
    csv_text,
    evaluations,
    recommend,
)
from ..console.errors import ApprehendError, UsageError, did_you_mean
from ..console.options import say, show
from ..score.estimator_traits import namesake
from ..store.files import write_text
from ..store.task_store import Results
from .report_building import stores_at
from .report_inputs import input_of, report_input

BUDGETS = ("c", "m", "x")
MOST_TOGETHER = 6


def cost_classes(data: ReportInput) -> dict[str, str]:
    """Return estimator → cost class; recorded scores of unknown origin cost "c": they are there."""
    found: dict[str, str] = {}
    for name in data.scores["estimator"].drop_duplicates().astype(str):
        known = namesake(name)
        found[name] = "c" if known is None else known.cost
    return found


def write_recommendation(
    results: Path,
    budget: str,
    topics: Sequence[str] | None,
    wanted: tuple[float, float],
    only: tuple[str | None, str | None],
    seed: int,
    output_path: Path | None,
    together: str = "0",
) -> None:
    """Print, and write if asked, one recommendation per model and task.

    Args:
        results: Results folder.
        budget: Dearest cost class.
        topics: Names of the topics, or None.
        wanted: Target risk of the threshold, and half-width of a topic's interval.
        only: Model and task, or None.
        seed: Seed.
        output_path: Text file.
        together: How many scores to stack within the budget, or the names of some.

    Raises UsageError for an unknown budget, topic, model or task.
    """
    if budget not in BUDGETS:
        raise UsageError(f"--budget: expected {', '.join(BUDGETS)}, got {budget!r}")
    data = report_input(Results(results))
    matches = evaluations(data)
    for option, name in zip(("model", "task"), only, strict=True):
        known = list(dict.fromkeys(getattr(one, option) for one in matches))
        if name is not None and name not in known:
            near = did_you_mean(name, known)
            raise UsageError(f"{results}: no {option} {name!r}, found: {', '.join(known)}{near}")
        matches = [one for one in matches if name in (None, getattr(one, option))]
    costs, controls = cost_classes(data), data.with_trait("is_control")
    target, half_width = wanted
    most, named = _together(together)
    pages = []
    for evaluation in matches:
        for name in named:
            if name not in evaluation.estimators:
                near = did_you_mean(name, evaluation.estimators)
                raise UsageError(
                    f"--together: no scores by {name!r} of {evaluation.model} on "
                    f"{evaluation.task}, found: {', '.join(evaluation.estimators)}{near}"
                )
        for name in topics or ():
            if name not in evaluation.topics:
                near = did_you_mean(name, list(evaluation.topics))
                raise UsageError(
                    f"--topics: no topic {name!r} in {evaluation.task}, found: "
                    f"{', '.join(evaluation.topics)}{near}"
                )
        found = recommend(evaluation, costs, budget, topics or (), half_width, controls, seed=seed)
        if found is None:
            pages.append(
                f"{evaluation.model} on {evaluation.task}: no recommendation, since no estimator "
                "within the budget has scores for right and wrong answers of a topic."
            )
            continue
        best = found.estimators[found.choice.best]
        chosen = choose_threshold(evaluation, best, target, seed=seed)
        both = None
        if most:
            given = (costs, budget, most, named, controls, topics or (), seed)
            both = combine(evaluation, *given)
        pages.append("\n".join(advice(found, chosen, both)))
    show(*(f"{page}\n" for page in pages))
    if output_path is not None:
        write_text(output_path, "\n\n".join(pages) + "\n")
        say(f"recommendation: {output_path}")


def _together(text: str) -> tuple[int, list[str]]:
    """Read how many scores to stack, or which. Raises UsageError for anything else."""
    if text.strip().isdigit():
        most = int(text)
        if most > MOST_TOGETHER or most == 1:
            raise UsageError(
                f"--together: expected 0, 2 to {MOST_TOGETHER}, or names of estimators, got {text}"
            )
        return most, []
    names = split_specs(text)
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError(
            f"--together: expected two or more different names, or a number, got {text!r}"
        )
    return len(names), names


def write_subset(
    paths: Sequence[Path], size: int, task: str | None, seed: int, output_path: Path
) -> None:
    """Choose a subset of the questions of one task, and say how well it ranks models.

    Raises UsageError for an unknown task or several without a choice, ApprehendError where the
    stored models do not allow it.
    """
    data = input_of(stores_at(paths))
    study = Study(data, evaluations(data), seed)
    tasks = [task] if task is not None else study.tasks
    if task is not None and task not in study.tasks:
        near = did_you_mean(task, study.tasks)
        raise UsageError(f"no task {task!r}, found: {', '.join(study.tasks)}{near}")
    able = [name for name in tasks if len(study.on(name)) >= 3]
    if len(able) != 1:
        raise UsageError(
            "expected one task with at least three models; choose one with --task: "
            f"{', '.join(f'{name} ({len(study.on(name))} models)' for name in tasks)}"
        )
    try:
        found = choose_subset(study.matrix(able[0]), study.on(able[0]), size, seed)
    except ValueError as error:
        raise ApprehendError(f"{able[0]}: {error}") from error
    frame = pd.DataFrame({"task": able[0], "question_id": found.question_ids})
    frame["topic"] = found.topics
    write_text(output_path, csv_text(frame))
    if found.repetitions:
        say(
            f"{able[0]}: {size} questions rank models left out of the choice with a Kendall τ of "
            f"{found.held_out_tau:.3f} to all questions (mean of {found.repetitions} halves of the "
            f"models, lowest {found.held_out_low:.3f}; pairs whose order all questions establish; "
            f"{found.held_out_tau_all:.3f} over all pairs); their accuracy is off by "
            f"{found.held_out_gap:.3f}; as many at random: τ {found.random_tau:.3f}, off by "
            f"{found.random_gap:.3f}"
        )
    else:
        say(f"{able[0]}: too few models to leave some out; how well others are ranked is unknown")
    known = [value for value in found.estimator_tau.values() if not isnan(value)]
    if known:
        mean = sum(known) / len(known)
        say(f"ranking of estimators by ROC AUC: mean τ {mean:.3f} over {len(known)} models")
    say(
        f"effective number of questions {found.diversity:.2f} (all: {found.diversity_all:.2f}); "
        f"subset: {output_path}"
    )
