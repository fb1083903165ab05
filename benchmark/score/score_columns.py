"""Scores of estimators on a store's questions: in batches, or out of fold for those that learn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...estimators.core.estimator import Estimator, evaluate, reasons
from ...estimators.learning.cross_fitting import Folds, cross_fit
from ...estimators.signals.batch import Need, Signal, Signals
from ...estimators.signals.estimator_errors import EstimatorError
from ...estimators.signals.tables import FloatArray
from ...tasks.topics import LETTERS

BATCH = 2048


@dataclass
class ScoreColumn:
    """Scores of one estimator as they come."""

    scores: list[FloatArray] = field(default_factory=list)
    reasons: list[Any] = field(default_factory=list)
    fold: Any = None


Read = Callable[[Collection[Need], Sequence[Any]], Signals]
"""Gives the signals that are named of some questions."""


def score_in_batches(
    read: Read,
    ids: Sequence[Any],
    chosen: Sequence[Estimator],
    outcome: Signal,
    columns: dict[str, ScoreColumn],
    failed: dict[str, str],
) -> dict[str, Any]:
    """Add the scores of the estimators that do not learn to ``columns``, and the errors of those
    that raise to ``failed``. Returns the outcomes of all questions by name."""
    estimators = [estimator for estimator in chosen if not estimator.learns]
    needs = {need for estimator in estimators for need in estimator.requirements()}
    needs.add(Need.of(outcome))
    batches = []
    for start in range(0, len(ids), BATCH):
        signals = read(needs, ids[start : start + BATCH])
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


def score_out_of_fold(
    read: Read,
    ids: Sequence[Any],
    chosen: Sequence[Estimator],
    outcomes: dict[str, Any],
    columns: dict[str, ScoreColumn],
    failed: dict[str, str],
    folds: Folds | None,
) -> None:
    """As ``score_in_batches`` for the estimators that learn: each question is scored by an instance
    that was not fitted on it."""
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


def _outcome_columns(signals: Signals) -> dict[str, Any]:
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
