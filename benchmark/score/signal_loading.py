"""Load the signals that estimators need, including other models' answers to the same questions."""

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
from ..store.failures import read_failures
from ..store.task_store import OUTCOMES, VARIANT_SIGNALS, TaskStore
from .same_questions import differing, same_questions


class NothingToScore(ApprehendError):
    """No estimator has a score on what a store holds."""


def siblings(store: TaskStore, committee: Sequence[str] = ()) -> list[TaskStore]:
    """Return the stores of other models' answers to the same questions, in the same folder.

    ``committee`` names the models that count; empty for all. Raises UsageError for a name that
    is neither the store's own model nor another one with this task.
    """
    names = tuple(committee)
    if names in store.others:
        return store.others[names]
    files = sorted(store.path.parent.parent.glob(f"*/{store.task}/manifest.json"))
    stores = map(TaskStore, (file.parent for file in files))
    others = {other.model: other for other in stores if other.path != store.path}
    for name in committee:
        if name not in others and name != store.model:
            known = ", ".join(others) or "none"
            raise UsageError(
                f"--committee: no answers of {name!r} to {store.task} in "
                f"{store.path.parent.parent}, known: {known}{did_you_mean(name, others)}"
            )
    chosen = [other for name, other in others.items() if not committee or name in committee]
    store.others[names] = [other for other in chosen if same_questions(store, other)]
    return store.others[names]


def available(store: TaskStore, need: Need, committee: Sequence[str] = ()) -> bool:
    """Return whether the store holds one of the need's signals, in its variant."""
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
    """Add other models' answers to the same questions, if ``needs`` name them."""
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
    """Return what the estimator needs and the store lacks, and why; None if it lacks nothing."""
    missing = [n for n in estimator.requirements() if not available(store, n, committee)]
    if not missing:
        return None
    names = ", ".join(sorted(map(str, missing)))
    reasons = dict.fromkeys(why for need in missing if (why := _why_missing(store, need)))
    return f"{names}, {'; '.join(reasons) or 'which is not stored'}"


def _why_missing(store: TaskStore, need: Need) -> str | None:
    """Return why nothing of a need is stored, where the store tells."""
    outcome = next((signal for signal in OUTCOMES if store.has(signal)), None)
    if outcome is not None and need.signals & set(OUTCOMES):
        return f"which this task does not give: its answers are of the kind {outcome}"
    for row in read_failures(store.path):
        named = row["signal"] in {signal.value for signal in need.signals}
        if named and need.variant in ("", row["variant"]):
            return f"which could not be collected: {row['reason']}"
    if need.signals == {Signal.JUDGEMENT}:
        return "of which no judge has been asked (--judge)"
    if need.signals == {Signal.COMMITTEE}:
        return "for which no other model is stored here"
    return None


def outcome_signal(store: TaskStore) -> Signal:
    """Return the signal of the model's answers. Raises NothingToScore if none is stored."""
    for signal in OUTCOMES:
        if store.has(signal):
            return signal
    raise NothingToScore(f"{store.path}: no answers stored yet; run it again to collect them")


def load_outcome(store: TaskStore, ids: Sequence[Any]) -> AnswerTable | TraceTable:
    """Load the model's answers to these questions. Raises NothingToScore if none is stored."""
    return store.load([Need.of(outcome_signal(store))], ids).outcome
