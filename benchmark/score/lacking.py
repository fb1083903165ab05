"""Explain why an estimator has no score on a store: columns that its engine cannot show."""

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
    """Return whether the store's engine leaves columns of the estimator's signals empty."""
    return bool(_columns(store, estimator))


def lacking(
    store: TaskStore,
    estimator: Estimator,
    read: Callable[[Collection[Need], Sequence[Any]], Signals],
    ids: Sequence[Any],
) -> str | None:
    """Return the columns that the estimator reads and the store's engine cannot show, and why.

    None if it reads no such column, so that its missing scores have another reason.
    """
    columns = _columns(store, estimator)
    if not columns:
        return None
    used = _read_columns(estimator, read(estimator.requirements(), ids[:1]))
    withheld = {name: why for name, why in columns.items() if used is None or name in used}
    if not withheld:
        return None
    return f"no {', '.join(withheld)}: {next(iter(withheld.values()))}"


def _columns(store: TaskStore, estimator: Estimator) -> dict[str, str]:
    lacks = cast("dict[str, dict[str, str]]", lookup(store.manifest, "model.lacks", {}))
    signals = {signal for need in estimator.requirements() for signal in need.signals}
    return {f"{s}.{name}": why for s in sorted(signals) for name, why in lacks.get(s, {}).items()}


def _read_columns(estimator: Estimator, signals: Signals) -> set[str] | None:
    """Return the columns that ``score`` accesses, observed by calling it on one question.

    None for an estimator that must be fitted first.
    """
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
    except Exception:  # it has scored these rows before, so the rows are not the cause
        return None
    return seen


def _watched(table: SignalTable, prefix: str, seen: set[str]) -> SignalTable:
    """Return a copy of the table that records in ``seen`` which columns are accessed."""
    cls = type(table)
    names = frozenset(cls.kinds())

    def recording(self: SignalTable, name: str) -> Any:
        if name in names:
            seen.add(prefix + name)
        return object.__getattribute__(self, name)

    watching: Any = type(cls.__name__, (cls,), {"__getattribute__": recording})
    copy: SignalTable = object.__new__(watching)
    vars(copy).update(vars(table))
    return copy
