"""The input of a report: data frames of stored results."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ...reports import FORMATS, EstimatorTraits, MetricFailure, ReportInput, Rows, build_report
from ..console.options import say, show
from ..score.estimator_traits import read_traits
from ..score.same_questions import warn_of_differences
from ..score.scoring import score_store
from ..store import parts
from ..store.checks.ownership import (
    SCORES,
    about_estimators,
    check_owned,
    check_scores,
    is_outdated,
)
from ..store.task_store import Results, TaskStore
from .answer_counts import flow_of, readings_of
from .costs import costs_of
from .exploring.explorer_part import Explorer, explorer_part
from .metric_loading import load_metrics
from .option_sets import with_option_sets
from .question_frames import (
    answers_by_order,
    judge_replies,
    lowest_ratings,
    option_probabilities,
)
from .stored_chains import forced_answers

logger = logging.getLogger(__name__)

REPEATED = ("model", "task", "topic", "estimator", "answer", "status", "reason")
"""Columns of the scores that repeat few texts in many rows; read as categories."""


def write_report(
    results: Path,
    output_path: Path,
    paper_filter: bool = False,
    replicates: int = 1000,
    seed: int = 0,
    formats: Sequence[str] = FORMATS,
    metrics: Sequence[str] = (),
    explorer: Explorer = "by size",
) -> list[str]:
    """Write a report, print its tables, and say where it is.

    ``metrics`` names those of a user's own files. Returns their failures, a line each.
    """
    more = load_metrics(metrics)
    rows: Rows = "paper" if paper_filter else "all"
    stores = Results(results).stores()
    data = input_of(stores)
    report = build_report(
        with_option_sets(data, rows, seed),
        output_path,
        rows=rows,
        replicates=replicates,
        seed=seed,
        formats=formats,
        metrics=more,
        additions=explorer_part(stores, data.scores, output_path, rows, explorer),
    )
    show(*report.terminal())
    say(f"report: {output_path / 'index.html'}")
    return _by_metric(report.failures)


def _by_metric(failures: Sequence[MetricFailure]) -> list[str]:
    """Return one line per failed metric: its first failure, and the number of others."""
    lines = []
    for name in dict.fromkeys(failure.metric for failure in failures):
        first, *others = [failure for failure in failures if failure.metric == name]
        more = f" (and {len(others)} more of its values)" if others else ""
        lines.append(f"{first}{more}; everything else is in the report")
    return lines


def report_input(results: Results) -> ReportInput:
    """Return the frames of all stores of a folder; missing scores are computed."""
    return input_of(results.stores())


def input_of(stores: Sequence[TaskStore]) -> ReportInput:
    """Return the frames of these stores; missing scores are computed."""
    scores, strata, questions, ratings, flow, manifests = [], [], [], [], [], []
    options, judgements, costs, orders = [], [], [], []
    chains, readings = [], []
    traits: dict[str, EstimatorTraits] = {}
    seen: set[tuple[str, Any]] = set()
    check_owned(stores)
    warn_of_differences(stores)
    for store in stores:
        scores.append(scores_of(store, traits))
        stratum = parts.read_parquet(store.path / "strata.parquet").to_pandas()
        strata.append(stratum.assign(task=store.task))
        if (new_questions := _questions(store, seen)) is not None:
            questions.append(new_questions)
        ratings.append(lowest_ratings(store))
        flow.append(flow_of(store))
        options.append(option_probabilities(store))
        judgements.append(judge_replies(store))
        orders.append(answers_by_order(store))
        chains.append(forced_answers(store))
        readings.append(readings_of(store))
        costs.append(costs_of(store, scores[-1]))
        folders = {"model_folder": store.model, "task_folder": store.task}
        manifests.append({**folders, **store.manifest})
    unique = ["task", "question_id"]
    return ReportInput(
        scores=joined_frames(scores),
        strata=joined_frames(strata).drop_duplicates([*unique, "stratum"]),
        questions=joined_frames(questions).drop_duplicates(unique),
        ratings=joined_frames(ratings).drop_duplicates(unique),
        flow=pd.DataFrame(flow),
        options=joined_frames(options),
        judgements=joined_frames(judgements).drop_duplicates([*unique, "questionnaire", "judge"]),
        costs=joined_frames(costs),
        orders=joined_frames(orders),
        chains=joined_frames(chains),
        readings=joined_frames(readings),
        traits=traits,
        manifests=manifests,
    )


def scores_of(
    store: TaskStore, traits: dict[str, EstimatorTraits], signals: bool = True
) -> pd.DataFrame:
    """Return a store's scores, computed if missing, and add their estimators' traits to ``traits``.

    Warns of scores that are older than their signals. Columns that repeat few texts are
    categories, of a byte or two per row instead of twenty. Without ``signals``, as in a bundle,
    nothing is computed.
    """
    if signals and not (store.path / SCORES).is_file():
        score_store(store)
    file = store.path / SCORES
    repeated = [name for name in REPEATED if name in parts.read_schema(file).names]
    table = parts.read_parquet(file, dictionary=repeated).unify_dictionaries()
    check_scores(store, table)
    if signals and is_outdated(store, table):
        logger.warning(
            "%s: its scores are older than its signals; `apprehend score` recomputes them",
            store.path,
        )
    file = store.path / SCORES
    names = pc.unique(table.column("estimator")).to_pylist()
    for name, declared in read_traits(file, about_estimators(table), names).items():
        if traits.setdefault(name, declared) != declared:
            logger.warning("%s: the traits of %s differ from those in another store", file, name)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _questions(store: TaskStore, seen: set[tuple[str, Any]]) -> pd.DataFrame | None:
    """Return the questions that no earlier store of the task had; None if all are in `seen`."""
    ids = store.question_ids
    new = [(store.task, identity) not in seen for identity in ids]
    seen.update((store.task, identity) for identity in ids)
    if not any(new):
        return None
    table = store.questions if all(new) else store.questions.filter(pa.array(new))
    frame: pd.DataFrame = table.to_pandas().assign(task=store.task)
    return frame


def joined_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate the frames.

    Those without rows are left out: their untyped columns would turn the integers of others into
    floats.
    """
    known = [frame for frame in frames if len(frame)] or list(frames)
    shared = [name for name in REPEATED if all(name in frame for frame in known)]
    for name in shared:
        columns = [frame[name] for frame in known]
        if len(known) > 1 and all(isinstance(c.dtype, pd.CategoricalDtype) for c in columns):
            names = pd.Index([]).append([c.cat.categories for c in columns]).unique()
            known = [
                frame.assign(**{name: frame[name].cat.set_categories(names)}) for frame in known
            ]
    return pd.concat(known, ignore_index=True)
