"""The input of a report: data frames of stored results."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...estimators.signals.batch import Need, Signal
from ...reports import FORMATS, EstimatorTraits, MetricFailure, ReportInput, Rows, build_report
from ...tasks.questionnaires import QUESTIONNAIRES
from ...tasks.topics import LETTERS
from ..console.options import say, show
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
from .estimator_traits import read_traits
from .metric_loading import load_metrics
from .option_sets import with_option_sets
from .same_questions import warn_of_differences
from .scoring import score_store

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
) -> list[str]:
    """Write a report, print its tables, and say where it is.

    ``metrics`` names those of a user's own files. Returns their failures, a line each.
    """
    more = load_metrics(metrics)
    rows: Rows = "paper" if paper_filter else "all"
    report = build_report(
        with_option_sets(report_input(Results(results)), rows, seed),
        output_path,
        rows=rows,
        replicates=replicates,
        seed=seed,
        formats=formats,
        metrics=more,
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
    options, judgements, costs, orders, readings = [], [], [], [], []
    traits: dict[str, EstimatorTraits] = {}
    seen: set[tuple[str, Any]] = set()
    check_owned(stores)
    warn_of_differences(stores)
    for store in stores:
        scores.append(_scores(store, traits))
        stratum = pq.read_table(store.path / "strata.parquet").to_pandas()
        strata.append(stratum.assign(task=store.task))
        if (new_questions := _questions(store, seen)) is not None:
            questions.append(new_questions)
        ratings.append(_ratings(store))
        flow.append(flow_of(store))
        options.append(_options(store))
        judgements.append(_judgements(store))
        orders.append(_orders(store))
        readings.append(readings_of(store))
        costs.append(costs_of(store, scores[-1]))
        folders = {"model_folder": store.model, "task_folder": store.task}
        manifests.append({**folders, **store.manifest})
    unique = ["task", "question_id"]
    return ReportInput(
        scores=_joined(scores),
        strata=_joined(strata).drop_duplicates([*unique, "stratum"]),
        questions=_joined(questions).drop_duplicates(unique),
        ratings=_joined(ratings).drop_duplicates(unique),
        flow=pd.DataFrame(flow),
        options=_joined(options),
        judgements=_joined(judgements).drop_duplicates([*unique, "questionnaire", "judge"]),
        costs=_joined(costs),
        orders=_joined(orders),
        readings=_joined(readings),
        traits=traits,
        manifests=manifests,
    )


def _scores(store: TaskStore, traits: dict[str, EstimatorTraits]) -> pd.DataFrame:
    """Return a store's scores, computed if missing, and add their estimators' traits to ``traits``.

    Warns of scores that are older than their signals. Columns that repeat few texts are
    categories, of a byte or two per row instead of twenty.
    """
    if not (store.path / SCORES).is_file():
        score_store(store)
    file = store.path / SCORES
    repeated = [name for name in REPEATED if name in parts.read_schema(file).names]
    table = parts.read_parquet(file, dictionary=repeated).unify_dictionaries()
    check_scores(store, table)
    if is_outdated(store, table):
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


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
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


def _ratings(store: TaskStore) -> pd.DataFrame:
    """Return the lowest rating per question over all stored judgements of it."""
    if not store.has(Signal.JUDGEMENT):
        return pd.DataFrame({"task": [], "question_id": [], "rating": []})
    signals = store.load([Need.of(Signal.JUDGEMENT)], store.question_ids)
    columns = [signals.judgement[name].stack("rating") for name in signals.judgement]
    lowest: npt.NDArray[np.float64] = np.concatenate(columns, axis=1)
    missing = np.isnan(lowest).all(axis=1)
    lowest = np.where(np.isnan(lowest), np.inf, lowest).min(axis=1)
    return pd.DataFrame(
        {
            "task": store.task,
            "question_id": signals.question_id,
            "rating": np.where(missing, np.nan, lowest),
        }
    )


def _options(store: TaskStore) -> pd.DataFrame:
    """Return the option probabilities of direct answers, with the index of the right option."""
    if not store.has(Signal.ANSWER):
        return pd.DataFrame()
    ids = store.question_ids
    answer = store.load([Need.of(Signal.ANSWER)], ids).answer
    probabilities = answer.option_probs
    present = ~np.isnan(probabilities)
    known = np.flatnonzero(present.any(axis=1))
    letters = store.questions.column("gold").to_pylist() if "gold" in _columns(store) else []
    gold = [_index(letters[row]) for row in known] if letters else [-1] * len(known)
    return pd.DataFrame(
        {
            "model": store.model,
            "task": store.task,
            "question_id": [ids[row] for row in known],
            "probabilities": [probabilities[row][present[row]] for row in known],
            "gold": gold,
        }
    )


def _orders(store: TaskStore) -> pd.DataFrame:
    """Return the answers under every stored order of the options, as original option indices."""
    if not store.has(Signal.PERMUTED_ANSWERS) or "gold" not in _columns(store):
        return pd.DataFrame()
    ids = store.question_ids
    table = store.load([Need.of(Signal.PERMUTED_ANSWERS)], ids).permuted_answers
    gold = np.array([_index(letter) for letter in store.questions.column("gold").to_pylist()])
    rows, columns = np.nonzero((table.shifts >= 0) & table.present[:, None])
    return pd.DataFrame(
        {
            **{"model": store.model, "task": store.task},
            "question_id": [ids[row] for row in rows],
            **{"shift": table.shifts[rows, columns], "answer": table.answers[rows, columns]},
            "gold": gold[rows],
        }
    )


def _columns(store: TaskStore) -> list[str]:
    return list(store.questions.column_names)


def _index(letter: object) -> int:
    return LETTERS.index(letter) if isinstance(letter, str) and letter in LETTERS else -1


def _judgements(store: TaskStore) -> pd.DataFrame:
    """Return every judge's reply to every questionnaire on the questions themselves."""
    if not store.has(Signal.JUDGEMENT):
        return pd.DataFrame()
    signals = store.load([Need.of(Signal.JUDGEMENT)], store.question_ids)
    frames = []
    for name in signals.judgement:
        if name not in QUESTIONNAIRES:
            continue  # about one model's answer, not about the question
        for judge, table in signals.judgement[name].tables.items():
            labels = [
                ", ".join(str(label) for label in row if label is not None) or None
                for row in table.labels.tolist()
            ]
            frame = {
                **{"task": store.task, "question_id": signals.question_id},
                **{"questionnaire": name, "judge": judge},
                **{"value": table.value, "label": labels, "rating": table.rating},
            }
            frames.append(pd.DataFrame(frame)[table.present])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
