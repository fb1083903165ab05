"""Load what estimators need of a store: its signals, and other models' answers to its questions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...estimators.core.estimator import Estimator
from ...estimators.signals.batch import (
    AnswerTable,
    CommitteeTable,
    Need,
    Panel,
    Signal,
    Signals,
    TraceTable,
)
from ..console.errors import ApprehendError, UsageError, did_you_mean
from ..store.task_store import OUTCOMES, VARIANT_SIGNALS, TaskStore
from .same_questions import differing, same_questions


class NothingToScore(ApprehendError):
    """None of the estimators has a score on what a store holds."""


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


def with_committee(
    store: TaskStore,
    signals: Signals,
    needs: Collection[Need],
    committee: Sequence[str] = (),
) -> Signals:
    """The signals with the answers of other models to the same questions, where ``needs`` name
    them."""
    ids = signals.question_id.tolist()
    if not any(Signal.COMMITTEE in need.signals for need in needs):
        return signals
    members = {}
    for other in siblings(store, committee):
        if not any(other.has(signal) for signal in OUTCOMES):
            continue
        table = load_outcome(other, ids)
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


def load_outcome(store: TaskStore, ids: Sequence[Any]) -> AnswerTable | TraceTable:
    """The model's answers to these questions. Raises NothingToScore where none is stored."""
    return store.load([Need.of(outcome_signal(store))], ids).outcome
