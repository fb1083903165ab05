"""The rows of ``scores.parquet``: one per estimator and question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import pyarrow as pa

from ...estimators.signals.tables import FloatArray, IntArray, ObjectArray
from ..store.arrow import ID_TYPE
from ..store.task_store import TaskStore

Outcomes = dict[str, npt.NDArray[Any]]
"""The columns of questions: id, topic, answer, correct and status, each (n,)."""
_COLUMNS = ("model", "task", "question_id", "topic", "estimator", "score", "answer", "correct",
            "status", "reason", "fold")  # fmt: skip


def known_columns(store: TaskStore, outcomes: Outcomes) -> dict[str, pa.Array]:
    """Return the columns that are the same for all estimators."""
    count = len(outcomes["question_id"])
    return {
        "model": _repeated(store.model, count),
        "task": _repeated(store.task, count),
        "question_id": pa.array(outcomes["question_id"], ID_TYPE),
        "topic": pa.array(outcomes["topic"], pa.string()),
        "answer": pa.array(outcomes["answer"], pa.string()),
        "correct": pa.array(outcomes["correct"], pa.bool_()),
        "status": pa.array(outcomes["status"], pa.string()),
    }


def score_rows(
    known: Mapping[str, pa.Array],
    label: str,
    values: FloatArray,
    why: ObjectArray,
    fold: IntArray | None,
) -> pa.Table:
    """Return the rows of one estimator.

    Args:
        known: The columns that `known_columns` returns.
        label: The estimator's label.
        values: (n,) scores, NaN where there is none.
        why: (n,) why there is none.
        fold: (n,) the fold of each question; None for an estimator that does not learn.
    """
    count = len(values)
    columns = {
        **known,
        "estimator": _repeated(label, count),
        "score": pa.array(values, pa.float64(), from_pandas=True),
        "reason": pa.array(why, pa.string()),
        "fold": pa.nulls(count, pa.int64()) if fold is None else pa.array(fold, pa.int64()),
    }
    return pa.table({name: columns[name] for name in _COLUMNS})


def _repeated(text: str, count: int) -> pa.Array:
    repeated: pa.Array = pa.repeat(text, count)  # type: ignore[attr-defined]
    return repeated
