"""Why an estimator has no score on a store: what its engine cannot show, if that is it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ...estimators.core.estimator import Estimator
from ...estimators.signals.batch import Need, Signals
from ...estimators.signals.tables import SignalTable
from ..store.contract import lookup
from ..store.task_store import TaskStore


def lacks_something(store: TaskStore, estimator: Estimator) -> bool:
    """Whether the store's engine leaves columns of the estimator's signals empty."""
    return bool(_columns(store, estimator))


def lacking(
    store: TaskStore,
    estimator: Estimator,
    read: Callable[[Collection[Need], Sequence[Any]], Signals],
    ids: Sequence[Any],
) -> str | None:
    """The columns that the estimator reads and the store's engine cannot show, and why; None where
    it reads none of these, so that its missing scores have another reason."""
    columns = _columns(store, estimator)
    if not columns:
        return None
    used = _read_columns(estimator, read(estimator.requirements(), ids[:1]))
    found = {name: why for name, why in columns.items() if used is None or name in used}
    if not found:
        return None
    return f"no {', '.join(found)}: {next(iter(found.values()))}"


def _columns(store: TaskStore, estimator: Estimator) -> dict[str, str]:
    lacks = cast("dict[str, dict[str, str]]", lookup(store.manifest, "model.lacks", {}))
    signals = {signal for need in estimator.requirements() for signal in need.signals}
    return {f"{s}.{name}": why for s in sorted(signals) for name, why in lacks.get(s, {}).items()}


def _read_columns(estimator: Estimator, signals: Signals) -> set[str] | None:
    """The columns that ``score`` looks at, found by letting it look; None for one that cannot
    score before it has learnt."""
    if estimator.learns:
        return None
    seen: set[str] = set()
    blind = signals.blind()
    tables = {
        signal: _watched(table, f"{signal}.", seen) if isinstance(table, SignalTable) else table
        for signal, table in blind.tables.items()
    }
    try:
        with np.errstate(all="ignore"):
            estimator.score(replace(blind, tables=tables))
    except Exception:  # it has scored these very rows before, so this is not about them
        return None
    return seen


def _watched(table: SignalTable, prefix: str, seen: set[str]) -> SignalTable:
    """The same table, which notes in ``seen`` the columns that are read from it."""
    cls = type(table)
    names = frozenset(cls.kinds())

    def noting(self: SignalTable, name: str) -> Any:
        if name in names:
            seen.add(prefix + name)
        return object.__getattribute__(self, name)

    watching: Any = type(cls.__name__, (cls,), {"__getattribute__": noting})
    copy: SignalTable = object.__new__(watching)
    vars(copy).update(vars(table))
    return copy
