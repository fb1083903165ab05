"""Explain why an estimator has no score on a store: what its engine or its task cannot give."""

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
    """Return whether the store's engine or task leaves columns of the estimator's signals empty."""
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
    signals = {signal for need in estimator.requirements() for signal in need.signals}
    columns: dict[str, str] = {}
    for section in ("model.lacks", "task.lacks"):
        lacks = cast("dict[str, dict[str, str]]", lookup(store.manifest, section, {}))
        for s in sorted(signals):
            columns |= {f"{s}.{name}": why for name, why in lacks.get(s, {}).items()}
    return columns


def refusal(store: TaskStore, estimator: Estimator) -> str | None:
    """Return why the store's task cannot give a signal that the estimator needs; None if it can."""
    refused = cast("dict[str, str]", lookup(store.manifest, "task.refused", {}))
    for need in estimator.requirements():
        for signal in sorted(need.signals):
            for key in (signal.value, f"{signal.value} {need.variant}"):
                if len(need.signals) == 1 and key in refused:
                    return f"no {need}: {refused[key]} (--as_letters asks in a prompt of ours)"
    return None


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
