"""From stored signals to ``scores.parquet``: no model, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from ...estimators.core.estimator import Estimator
from ...estimators.learning.cross_fitting import Folds
from ...estimators.registry import builtin_estimators, load_estimators
from ...estimators.signals.batch import Signal, Signals
from ...estimators.signals.estimator_errors import EstimatorError
from ...estimators.signals.tables import FloatArray
from ...reports import EstimatorTraits
from ..console.errors import ApprehendError
from ..store.checks.ownership import SCORES, check_owned, marked_scores
from ..store.files import write_parquet
from ..store.task_store import TaskStore
from .estimator_traits import namesake, traits_of
from .lacking import lacking, lacks_something
from .question_strata import write_strata
from .score_columns import ScoreColumn, score_in_batches, score_out_of_fold
from .signal_loading import NothingToScore, load_signals, outcome_signal, unmet_need


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
    if not store.manifest.get("store"):  # of schema 1 or 2: from now on it says whose it is
        with store.writing():
            pass
    store.forget()
    outcome = outcome_signal(store)
    answered = store.done(outcome)
    ids = [i for i in store.question_ids if i in answered]
    result = Scored(questions=len(ids))
    chosen = _chosen(store, specs, committee, result)
    columns = {e.label: ScoreColumn() for e in chosen}
    read = partial(load_signals, store, committee=committee)
    outcomes = score_in_batches(read, ids, chosen, outcome, columns, result.failed)
    score_out_of_fold(read, ids, chosen, outcomes, columns, result.failed, folds)
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
    about = {label: asdict(_traits(by_label[label])) for label in result.estimators}
    write_parquet(store.path / SCORES, marked_scores(store, pa.concat_tables(tables), about))
    write_strata(store, ids)
    return result


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


def _traits(estimator: Estimator) -> EstimatorTraits:
    """What an estimator says of itself; of a recorded score, what its built-in namesake says."""
    recorded = isinstance(estimator, _Recorded)
    return traits_of((namesake(estimator.label) if recorded else None) or estimator)


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
