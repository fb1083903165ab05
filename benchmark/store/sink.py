"""Storing model output: a row that cannot be stored does not affect the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...estimators.signals.batch import Signal
from .failures import note_failures
from .task_store import TaskStore


def store_rows(
    store: TaskStore, signal: Signal, records: Sequence[Mapping[str, Any]]
) -> dict[Any, str]:
    """Append records to the store.

    Returns:
        Question id → reason, for records that cannot be stored.
    """
    try:
        store.append(signal, records)
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError):
        failed = {
            record["question_id"]: f"the reply cannot be stored: {why}"
            for record in records
            if (why := unstorable(record)) is not None
        }
        if not failed:
            raise
        store.append(signal, [r for r in records if r["question_id"] not in failed])
        return failed
    return {}


def store_part(
    store: TaskStore,
    signal: Signal,
    variant: str,
    records: Sequence[Mapping[str, Any]],
    failed: Mapping[Any, str],
) -> dict[Any, str]:
    """Store some rows of a variant, and the reasons why others of its questions ``failed``.

    Returns:
        Question id → reason, for all that failed, records that cannot be stored included.
    """
    lost = {**failed, **store_rows(store, signal, records)}
    asked = [*(record["question_id"] for record in records), *failed]
    note_failures(store.path, signal, variant, "", asked, lost)
    return lost


def unstorable(value: Any) -> str | None:
    """Return why a value, or one nested in it, cannot be stored; None if it can."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            return f"its text contains half of a character (lone surrogate {value[error.start]!r})"
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        return f"a number of {len(str(abs(value)))} digits"
    elif isinstance(value, Mapping):
        return next(filter(None, map(unstorable, value.values())), None)
    elif isinstance(value, list | tuple):
        return next(filter(None, map(unstorable, value)), None)
    return None
