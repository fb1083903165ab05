"""Compute ``scores.parquet`` from stored signals: no model, no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ...estimators.core.estimator import Estimator, evaluate, reasons
from ...estimators.learning.cross_fitting import Folds, cross_fit
from ...estimators.signals.batch import Need, Signals
from ...estimators.signals.estimator_errors import EstimatorError
from ...estimators.signals.tables import FloatArray, IntArray, ObjectArray
from ...reports import EstimatorTraits
from ...tasks.topics import LETTERS
from ..console.errors import ApprehendError
from ..console.options import say
from ..store.checks.ownership import SCORES, check_owned, marked_scores
from ..store.files import write_parquet
from ..store.task_store import TaskStore
from .estimator_choice import Recorded, chosen_estimators
from .estimator_traits import namesake, traits_of
from .lacking import lacking, lacks_something
from .question_strata import write_strata
from .score_rows import Outcomes, known_columns, score_rows
from .signal_loading import NothingToScore, outcome_signal, with_committee

BATCH = 2048
"""Fewest questions that are read at a time."""
BATCH_BYTES = 32_000_000
"""Bytes of stored signals that are read at a time, where more questions fit in."""


@dataclass
class _Column:
    """The scores of one estimator, batch by batch."""

    scores: list[FloatArray] = field(default_factory=list)
    reasons: list[ObjectArray] = field(default_factory=list)
    fold: IntArray | None = None


@dataclass
class Scored:
    """The outcome of scoring one store."""

    estimators: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Estimator → why it has no score."""
    empty: dict[str, str] = field(default_factory=dict)
    """Of the estimators, those without a score on any question, and the reason on the first."""
    questions: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Estimator → the error that it raised; others are scored nevertheless."""


def score_stores(
    stores: Sequence[TaskStore], specs: Sequence[str] | None = None, committee: Sequence[str] = ()
) -> Iterator[tuple[TaskStore, Scored]]:
    """Score each store, as `score_store`; stores that no estimator can score are reported.

    Raises NothingToScore at the end if that is every store.
    """
    unscored: list[tuple[TaskStore, NothingToScore]] = []
    for store in stores:
        try:
            scored = score_store(store, specs, committee=committee)
        except NothingToScore as error:
            unscored.append((store, error))
        else:
            yield store, scored
    if unscored and len(unscored) == len(stores):
        raise NothingToScore("; ".join(str(reason) for _, reason in unscored))
    for store, reason in unscored:
        kept = "; its scores stay as they were" if (store.path / SCORES).is_file() else ""
        say(f"{reason}{kept}")


def say_skipped(skipped: Mapping[str, str], what: str = "skipped") -> None:
    """Print one line per reason, with the estimators skipped for it, or ``what`` is of them."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        say(f"  {reason}: {', '.join(names)} {what}")


def score_store(
    store: TaskStore,
    specs: Sequence[str] | None = None,
    folds: Folds | None = None,
    committee: Sequence[str] = (),
) -> Scored:
    """Write the store's ``scores.parquet`` and ``strata.parquet``.

    Args:
        store: The store.
        specs: The estimators by name; None for every built-in and imported one that has a score
            for some question.
        folds: The folds of estimators that learn, which are fitted out of fold only.
        committee: The other models whose answers count as a committee; empty for all.

    Raises EstimatorError for unknown estimators, UsageError for unknown models, NothingToScore
    if no estimator has a score.
    """
    if not store.manifest:
        raise ApprehendError(f"{store.path}: has no manifest.json; not a task's folder?")
    check_owned([store])
    if not store.manifest.get("store"):  # of schema 1 or 2: adds the store's identity
        with store.writing():
            pass
    store.forget()
    ids = answered_questions(store)
    chosen, skipped = chosen_estimators(store, specs, committee)
    result = Scored(skipped=skipped, questions=len(ids))
    computed, result.failed = compute_scores(store, ids, chosen, committee, folds)
    tables = []
    by_label = {estimator.label: estimator for estimator in chosen}
    for label, table in computed.items():
        if table.column("score").null_count == len(table):
            estimator, first = by_label[label], str(table.column("reason")[0].as_py())
            if specs is None or lacks_something(store, estimator):
                why = lacking(store, estimator, _reader(store, committee), ids)
                result.skipped[label] = why or first
                continue
            result.empty[label] = first
        result.estimators.append(label)
        tables.append(table)
    if not tables and result.failed:
        raise EstimatorError("; ".join(result.failed.values()))
    if not tables:
        raise NothingToScore(f"{store.path}: no estimator has a score on what is stored")
    about = {label: asdict(_traits(by_label[label])) for label in result.estimators}
    write_parquet(store.path / SCORES, marked_scores(store, pa.concat_tables(tables), about))
    write_strata(store, ids)
    return result


def answered_questions(store: TaskStore) -> list[Any]:
    """Return the ids of a store's answered questions. Raises NothingToScore if there are none."""
    answered = store.done(outcome_signal(store))
    return [i for i in store.question_ids if i in answered]


def compute_scores(
    store: TaskStore,
    ids: Sequence[Any],
    chosen: Sequence[Estimator],
    committee: Sequence[str] = (),
    folds: Folds | None = None,
) -> tuple[dict[str, pa.Table], dict[str, str]]:
    """Compute scores on a store's signals; nothing is written.

    Args:
        store: The store.
        ids: The n questions, all of them answered.
        chosen: The estimators; those that learn are fitted out of fold.
        committee: The other models whose answers count as a committee; empty for all.
        folds: The folds; None for the default.

    Returns:
        Label of each estimator → its n rows in the columns of ``scores.parquet``; and, for those
        that raised an error, label → the error.
    """
    read = _reader(store, committee)
    columns = {estimator.label: _Column() for estimator in chosen}
    failed: dict[str, str] = {}
    needs = {need for one in chosen if not one.learns for need in one.requirements()}
    needs.add(Need.of(outcome_signal(store)))
    at_once = _batch_size(store, needs, len(ids))
    outcomes = _score_in_batches(read, ids, chosen, needs, at_once, columns, failed)
    _score_out_of_fold(read, ids, chosen, outcomes, columns, failed, folds)
    tables = {}
    known = known_columns(store, outcomes)
    for label, column in columns.items():
        if label not in failed:
            values, why = np.concatenate(column.scores), np.concatenate(column.reasons)
            tables[label] = score_rows(known, label, values, why, column.fold)
    return tables, failed


def _batch_size(store: TaskStore, needs: Collection[Need], count: int) -> int:
    """Return how many questions to read at a time: each time, all parts are searched for them."""
    signals = {signal for need in needs for signal in need.signals}
    files = [file for signal in signals for file in store.part_files(signal)]
    size = sum(file.stat().st_size for file in files)
    return max(BATCH, count * BATCH_BYTES // max(size, 1))


def _reader(store: TaskStore, committee: Sequence[str]) -> Read:
    def read(needs: Collection[Need], ids: Sequence[Any]) -> Signals:
        return with_committee(store, store.load(needs, ids), needs, committee)

    return read


def _traits(estimator: Estimator) -> EstimatorTraits:
    """Return an estimator's traits; for a recorded score, those of its built-in namesake."""
    recorded = isinstance(estimator, Recorded)
    return traits_of((namesake(estimator.label) if recorded else None) or estimator)


Read = Callable[[Collection[Need], Sequence[Any]], Signals]
"""Loads the needed signals of questions by id."""


def _score_in_batches(
    read: Read,
    ids: Sequence[Any],
    chosen: Sequence[Estimator],
    needs: Collection[Need],
    at_once: int,
    columns: dict[str, _Column],
    failed: dict[str, str],
) -> Outcomes:
    """Score with the estimators that do not learn, adding to ``columns`` and ``failed``.

    Returns the outcomes of all questions.
    """
    estimators = [estimator for estimator in chosen if not estimator.learns]
    batches = []
    for start in range(0, len(ids), at_once):
        signals = read(needs, ids[start : start + at_once])
        batches.append(_outcome_columns(signals))
        for estimator in list(estimators):
            try:
                values = evaluate(estimator, signals)
            except EstimatorError as error:
                failed[estimator.label] = str(error)
                estimators.remove(estimator)
                continue
            columns[estimator.label].scores.append(values)
            columns[estimator.label].reasons.append(reasons(estimator, signals, values))
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


def _score_out_of_fold(
    read: Read,
    ids: Sequence[Any],
    chosen: Sequence[Estimator],
    outcomes: Outcomes,
    columns: dict[str, _Column],
    failed: dict[str, str],
    folds: Folds | None,
) -> None:
    """Score with the estimators that learn, adding to ``columns`` and ``failed``.

    Each question is scored by an instance that was not fitted on it.
    """
    estimators = [estimator for estimator in chosen if estimator.learns]
    if not estimators:
        return
    needs = {need for estimator in estimators for need in estimator.requirements()}
    signals = read(needs, ids)
    for estimator in estimators:
        try:
            fitted = cross_fit(estimator, signals, outcomes["correct"], folds)
        except EstimatorError as error:
            failed[estimator.label] = str(error)
            continue
        columns[estimator.label].scores.append(fitted.scores)
        columns[estimator.label].reasons.append(fitted.reasons)
        columns[estimator.label].fold = fitted.fold


def _outcome_columns(signals: Signals) -> Outcomes:
    table = signals.outcome
    letter = np.array([*LETTERS, None], dtype=object)
    known = table.answer < len(LETTERS)
    return {
        "question_id": signals.question_id,
        "topic": signals.topic,
        "answer": letter[np.where(known, table.answer, -1)],
        "correct": table.correct == 1,
        "status": table.status,
    }
