"""Choose the estimators that a store is scored with."""

from __future__ import annotations

from collections.abc import Sequence

from ...estimators.core.estimator import Estimator
from ...estimators.registry import builtin_estimators, load_estimators
from ...estimators.signals.batch import Signal, Signals
from ...estimators.signals.tables import FloatArray
from ..store.task_store import TaskStore
from .lacking import refusal
from .signal_loading import NothingToScore, unmet_need


class Recorded(Estimator):
    """An imported score."""

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
    """Replace ``all`` by every built-in estimator; None stays None."""
    if specs is None:
        return None
    expanded: dict[str, None] = {}
    for spec in specs:
        expanded |= dict.fromkeys(builtin_estimators() if spec == "all" else [spec])
    return list(expanded) if "all" in specs else list(specs)


def chosen_estimators(
    store: TaskStore, specs: Sequence[str] | None, committee: Sequence[str]
) -> tuple[list[Estimator], dict[str, str]]:
    """Return the estimators to score a store with, and name → reason of the skipped ones.

    Args:
        store: The store.
        specs: The estimators by name; None for all whose needs are met.
        committee: The models whose answers count as a committee; empty for all.

    Raises NothingToScore if none is left.
    """
    skipped: dict[str, str] = {}
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
            skipped[estimator.label] = refusal(store, estimator) or f"needs {unmet}"
    chosen += [Recorded(name) for name in recorded if specs is None or name in specs]
    if not chosen:
        reasons = ", ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise NothingToScore(f"{store.path}: nothing to score ({reasons})")
    return chosen, skipped
