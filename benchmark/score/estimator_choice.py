"""Which estimators a store is scored with."""

from __future__ import annotations

from collections.abc import Sequence

from ...estimators.core.estimator import Estimator
from ...estimators.registry import builtin_estimators, load_estimators
from ...estimators.signals.batch import Signal, Signals
from ...estimators.signals.tables import FloatArray
from ..store.task_store import TaskStore
from .signal_loading import NothingToScore, unmet_need


class Recorded(Estimator):
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


def chosen_estimators(
    store: TaskStore, specs: Sequence[str] | None, committee: Sequence[str]
) -> tuple[list[Estimator], dict[str, str]]:
    """The estimators that ``specs`` name, without it all whose needs are met, and name → reason of
    those that are skipped. Raises NothingToScore where none is left."""
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
            skipped[estimator.label] = f"needs {unmet}, which is not stored"
    chosen += [Recorded(name) for name in recorded if specs is None or name in specs]
    if not chosen:
        asked = ", ".join(f"{name}: {reason}" for name, reason in skipped.items())
        raise NothingToScore(f"{store.path}: nothing to score ({asked})")
    return chosen, skipped
