"""Where what models wrote goes into a store: a row that cannot be stored costs no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ...estimators.signals.batch import Signal
from .failures import Failed, QuestionId, note_failures
from .task_store import TaskStore

Record = dict[str, Any]
"""The columns of a signal for one question; absent ones are missing."""
Row = tuple[QuestionId, Record | Failed]
"""Id of a question, and its record or why there is none."""


def store_part(
    store: TaskStore, signal: Signal, rows: Sequence[Row], variant: str = "", source: str = ""
) -> dict[QuestionId, str]:
    """Store a part of a variant, and note why rows of it failed or cannot be stored; gives the
    reasons by question id."""
    keys = {"variant": variant, "source": source}
    records = [
        {**record, "question_id": question, **keys}
        for question, record in rows
        if not isinstance(record, Failed)
    ]
    failed = {question: row.reason for question, row in rows if isinstance(row, Failed)}
    failed |= _append(store, signal, records)
    note_failures(store.path, signal, variant, source, [question for question, _ in rows], failed)
    return failed


def _append(store: TaskStore, signal: Signal, records: Sequence[Record]) -> dict[QuestionId, str]:
    """Append the records to the store; gives question id → why its record cannot be stored."""
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


def unstorable(value: object) -> str | None:
    """Why a value, or one inside it, cannot be stored; None for nothing."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            return f"its text holds half of a character (lone surrogate {value[error.start]!r})"
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        return f"a number of {len(str(abs(value)))} digits"
    elif isinstance(value, Mapping):
        return next(filter(None, map(unstorable, value.values())), None)
    elif isinstance(value, list | tuple):
        return next(filter(None, map(unstorable, value)), None)
    return None
