"""From stored signals to ``scores.parquet``: no model, no torch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ...estimators.core.estimator import Estimator, evaluate, reasons
from ...estimators.learning.cross_fitting import Folds, cross_fit
from ...estimators.registry import builtin_estimators, load_estimators
from ...estimators.signals.batch import (
    AnswerTable,
    CommitteeTable,
    Need,
    Panel,
    Signal,
    Signals,
    TraceTable,
)
from ...estimators.signals.estimator_errors import EstimatorError
from ...estimators.signals.tables import FloatArray
from ...tasks.questionnaires import QUESTIONNAIRES
from ...tasks.topics import LETTERS
from ..console.errors import ApprehendError, UsageError, did_you_mean
from ..store.files import write_parquet
from ..store.ownership import SCORES, check_owned, marked_scores
from ..store.task_store import OUTCOMES, VARIANT_SIGNALS, TaskStore
from .lacking import lacking, lacks_something
from .same_questions import differing, same_questions

logger = logging.getLogger(__name__)

BATCH = 2048


class NothingToScore(ApprehendError):
    """None of the estimators has a score on what a store holds."""


@dataclass
class Scored:
    """What scoring one store did."""

    estimators: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    """Estimator → why it has no score here."""
    questions: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Estimator → the error that it raised; the others are scored all the same."""


class _Recorded(Estimator):
    """A score that was imported."""

    family = "recorded"
    needs = frozenset({Signal.RECORDED_SCORE})

    def __init__(self, variant: str) -> None:
        self.variant = variant

    @property
    def label(self) -> str:
        return self.variant

    def score(self, signals: Signals) -> FloatArray:
        values: FloatArray = signals.recorded_score[self.variant].stack("score")[:, 0]
        return values

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return "no score in the imported table"


def expand_specs(specs: Sequence[str] | None) -> list[str] | None:
    """Names of estimators with ``all`` replaced by every built-in one; None stays None."""
    if specs is None:
        return None
    expanded: dict[str, None] = {}
    for spec in specs:
        expanded |= dict.fromkeys(builtin_estimators() if spec == "all" else [spec])
    return list(expanded) if "all" in specs else list(specs)


def siblings(store: TaskStore, committee: Sequence[str] = ()) -> list[TaskStore]:
    """Stores of other models' answers to the same questions of the task, in the same folder.

    ``committee`` names the models that count, all of them where it is empty. Raises UsageError for
    a name that is neither the store's own model nor another one with this task.
    """
    files = sorted(store.path.parent.parent.glob(f"*/{store.task}/manifest.json"))
    found = {s.model: s for s in map(TaskStore, (f.parent for f in files)) if s.path != store.path}
    for name in committee:
        if name not in found and name != store.model:
            known = ", ".join(found) or "none"
            raise UsageError(
                f"--committee: no answers of {name!r} to {store.task} in "
                f"{store.path.parent.parent}, known: {known}{did_you_mean(name, found)}"
            )
    chosen = [other for name, other in found.items() if not committee or name in committee]
    return [other for other in chosen if same_questions(store, other)]


def available(store: TaskStore, need: Need, committee: Sequence[str] = ()) -> bool:
    """Whether the store holds one of the signals that the need names, in its variant."""
    for signal in need.signals:
        if signal is Signal.COMMITTEE:
            if siblings(store, committee):
                return True
        elif signal in VARIANT_SIGNALS and need.variant:
            if need.variant in store.variants(signal):
                return True
        elif store.has(signal):
            return True
    return False


def load_signals(
    store: TaskStore,
    needs: Collection[Need],
    ids: Sequence[Any],
    committee: Sequence[str] = (),
) -> Signals:
    """What ``needs`` name of these questions, with the answers of other models where asked for."""
    signals = store.load(needs, ids)
    if not any(Signal.COMMITTEE in need.signals for need in needs):
        return signals
    members = {}
    for other in siblings(store, committee):
        outcome = next((s for s in (Signal.ANSWER, Signal.TRACE) if other.has(s)), None)
        if outcome is None:
            continue
        table = other.load_table(outcome, ids)
        votes = table.present & ~np.isin(list(map(str, ids)), list(differing(store, other)))
        members[other.model] = CommitteeTable(
            present=votes,
            answer=np.where(votes, table.answer, -1),
            option_logprobs=np.where(votes[:, None], table.option_logprobs, np.nan),
        )
    tables = {**signals.tables, Signal.COMMITTEE: Panel(members)}
    return replace(signals, tables=tables)


def unmet_need(store: TaskStore, estimator: Estimator, committee: Sequence[str] = ()) -> str | None:
    """What the estimator needs and the store lacks, None where all is there."""
    missing = [str(n) for n in estimator.requirements() if not available(store, n, committee)]
    return ", ".join(sorted(missing)) or None


def outcome_signal(store: TaskStore) -> Signal:
    """The signal that holds the model's answers. Raises NothingToScore where none is stored."""
    for signal in OUTCOMES:
        if store.has(signal):
            return signal
    raise NothingToScore(f"{store.path}: no answers stored yet; run it again to collect them")


def score_store(
    store: TaskStore,
    specs: Sequence[str] | None = None,
    folds: Folds | None = None,
    committee: Sequence[str] = (),
) -> Scored:
    """Write the store's ``scores.parquet`` and ``strata.parquet``.

    ``specs`` names the estimators; without it, every built-in and imported one that has a score
    for some question. Estimators that learn are fitted out of fold only, by ``folds``.
    ``committee`` names the other models that count as such, all stored ones where it is empty.
    Raises EstimatorError for unknown estimators, UsageError for unknown models, NothingToScore
    where none has a score.
    """
    if not store.manifest:
        raise ApprehendError(f"{store.path}: has no manifest.json; not a task's folder?")
    check_owned([store])
    store.forget()
    outcome = outcome_signal(store)
    answered = store.done(outcome)
    ids = [i for i in store.question_ids if i in answered]
    result = Scored(questions=len(ids))
    chosen = _chosen(store, specs, committee, result)
    columns = {e.label: _Column() for e in chosen}
    read = partial(load_signals, store, committee=committee)
    outcomes = _score_in_batches(read, ids, chosen, outcome, columns, result)
    _score_out_of_fold(read, ids, chosen, outcomes, columns, result, folds)
    tables = []
    by_label = {estimator.label: estimator for estimator in chosen}
    for label, column in columns.items():
        if label in result.failed:
            continue
        values, why = np.concatenate(column.scores), np.concatenate(column.reasons)
        if np.isnan(values).all():
            estimator = by_label[label]
            if specs is None or lacks_something(store, estimator):
                result.skipped[label] = lacking(store, estimator, read, ids) or str(why[0])
                continue
        result.estimators.append(label)
        tables.append(_rows(store, label, values, why, column.fold, outcomes))
    if not tables and result.failed:
        raise EstimatorError("; ".join(result.failed.values()))
    if not tables:
        raise NothingToScore(f"{store.path}: no estimator has a score on what is stored")
    write_parquet(store.path / SCORES, marked_scores(store, pa.concat_tables(tables)))
    _write_strata(store, ids)
    return result


@dataclass
class _Column:
    """Scores of one estimator as they come."""

    scores: list[FloatArray] = field(default_factory=list)
    reasons: list[Any] = field(default_factory=list)
    fold: Any = None


_Read = Callable[[Collection[Need], Sequence[Any]], Signals]
"""Gives the signals that are named of some questions."""


def _score_in_batches(
    read: _Read,
    ids: Sequence[Any],
    chosen: Sequence[Estimator],
    outcome: Signal,
    columns: dict[str, _Column],
    result: Scored,
) -> dict[str, Any]:
    """Scores of the estimators that do not learn; gives the outcomes of all questions."""
    estimators = [estimator for estimator in chosen if not estimator.learns]
    needs = {need for estimator in estimators for need in estimator.requirements()}
    needs.add(Need.of(outcome))
    batches = []
    for start in range(0, len(ids), BATCH):
        signals = read(needs, ids[start : start + BATCH])
        batches.append(_outcome_columns(signals, outcome))
        for estimator in list(estimators):
            try:
                values = evaluate(estimator, signals)
            except EstimatorError as error:
                result.failed[estimator.label] = str(error)
                estimators.remove(estimator)
                continue
            columns[estimator.label].scores.append(values)
            columns[estimator.label].reasons.append(reasons(estimator, signals, values))
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


def _score_out_of_fold(
    read: _Read,
    ids: Sequence[Any],
    chosen: Sequence[Estimator],
    outcomes: dict[str, Any],
    columns: dict[str, _Column],
    result: Scored,
    folds: Folds | None,
) -> None:
    """Scores of the estimators that learn: each question by an instance that never saw it."""
    estimators = [estimator for estimator in chosen if estimator.learns]
    if not estimators:
        return
    needs = {need for estimator in estimators for need in estimator.requirements()}
    signals = read(needs, ids)
    for estimator in estimators:
        try:
            fitted = cross_fit(estimator, signals, outcomes["correct"], folds)
        except EstimatorError as error:
            result.failed[estimator.label] = str(error)
            continue
        columns[estimator.label].scores.append(fitted.scores)
        columns[estimator.label].reasons.append(fitted.reasons)
        columns[estimator.label].fold = fitted.fold


def _chosen(
    store: TaskStore, specs: Sequence[str] | None, committee: Sequence[str], result: Scored
) -> list[Estimator]:
    recorded = list(store.variants(Signal.RECORDED_SCORE))
    if specs is None:
        candidates = [cls() for cls in builtin_estimators().values() if cls.name not in recorded]
    else:
        candidates = load_estimators([spec for spec in specs if spec not in recorded])
    chosen: list[Estimator] = []
    for estimator in candidates:
        unmet = unmet_need(store, estimator, committee)
        if unmet is None:
            chosen.append(estimator)
        else:
            result.skipped[estimator.label] = f"needs {unmet}, which is not stored"
    chosen += [_Recorded(name) for name in recorded if specs is None or name in specs]
    if not chosen:
        asked = ", ".join(f"{name}: {reason}" for name, reason in result.skipped.items())
        raise NothingToScore(f"{store.path}: nothing to score ({asked})")
    return chosen


def _outcome_columns(signals: Signals, outcome: Signal) -> dict[str, Any]:
    table: AnswerTable | TraceTable
    table = signals.answer if outcome is Signal.ANSWER else signals.trace
    letter = np.array([*LETTERS, None], dtype=object)
    known = table.answer < len(LETTERS)
    return {
        "question_id": signals.question_id,
        "topic": signals.topic,
        "answer": letter[np.where(known, table.answer, -1)],
        "correct": table.correct == 1,
        "status": table.status,
    }


def _rows(
    store: TaskStore,
    label: str,
    values: FloatArray,
    why: Any,
    fold: Any,
    outcomes: dict[str, Any],
) -> pa.Table:
    count = len(values)
    return pa.table(
        {
            "model": pa.array([store.model] * count),
            "task": pa.array([store.task] * count),
            "question_id": pa.array(outcomes["question_id"]),
            "topic": pa.array(outcomes["topic"], pa.string()),
            "estimator": pa.array([label] * count),
            "score": pa.array(values, pa.float64(), from_pandas=True),
            "answer": pa.array(outcomes["answer"], pa.string()),
            "correct": pa.array(outcomes["correct"], pa.bool_()),
            "status": pa.array(outcomes["status"], pa.string()),
            "reason": pa.array(why, pa.string()),
            "fold": pa.nulls(count, pa.int64()) if fold is None else pa.array(fold, pa.int64()),
        }
    )


def _write_strata(store: TaskStore, ids: Sequence[Any]) -> None:
    """Strata from the judges' labels (majority of a panel, ties to the first) and from ``src``."""
    rows: dict[str, list[Any]] = {"question_id": [], "stratum": [], "value": []}
    if store.has(Signal.JUDGEMENT):
        signals = store.load([Need.of(Signal.JUDGEMENT)], ids)
        for name, questionnaire in QUESTIONNAIRES.items():
            if name not in signals.judgement:
                continue
            panel = signals.judgement[name]
            for position, stratum in enumerate(questionnaire.strata):
                votes = [
                    table.labels[:, position]
                    for table in panel.tables.values()
                    if table.labels.shape[1] > position
                ]
                for question, *labels in zip(signals.question_id.tolist(), *votes, strict=True):
                    named = [label for label in labels if label is not None]
                    if named:
                        rows["question_id"].append(question)
                        rows["stratum"].append(stratum)
                        rows["value"].append(max(named, key=named.count))
    columns = store.questions.column_names
    if "src" in columns:
        sources = dict(
            zip(store.question_ids, store.questions.column("src").to_pylist(), strict=True)
        )
        if len({s for s in sources.values() if s}) <= 12:
            for question in ids:
                if sources.get(question):
                    rows["question_id"].append(question)
                    rows["stratum"].append("src")
                    rows["value"].append(sources[question])
    id_type = store.questions.schema.field("question_id").type
    table = pa.table(
        {
            "question_id": pa.array(rows["question_id"], id_type),
            "stratum": pa.array(rows["stratum"], pa.string()),
            "value": pa.array(rows["value"], pa.string()),
        }
    )
    write_parquet(store.path / "strata.parquet", table)
