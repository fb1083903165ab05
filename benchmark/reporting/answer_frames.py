"""Frames of stored answers to other prompts, and of sampled answers, for analyses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...estimators.signals.batch import Need, Signal
from ...reports import ReportInput
from ..store.task_store import TaskStore

AS_ASKED = "as asked"


def with_answer_frames(data: ReportInput, stores: Sequence[TaskStore]) -> ReportInput:
    """Return the input with ``prompted`` and ``samples`` of these stores."""
    prompted = [frame for store in stores for frame in _prompted(store)]
    samples = [frame for store in stores for frame in _samples(store)]
    return replace(
        data,
        prompted=pd.concat(prompted, ignore_index=True) if prompted else data.prompted,
        samples=pd.concat(samples, ignore_index=True) if samples else data.samples,
    )


def _prompted(store: TaskStore) -> list[pd.DataFrame]:
    if not store.has(Signal.PROMPTED_ANSWERS):
        return []
    ids = store.question_ids
    needs = [Need.of(Signal.PROMPTED_ANSWERS)]
    needs += [Need.of(Signal.ANSWER)] if store.has(Signal.ANSWER) else []
    signals = store.load(needs, ids)
    gold = signals.gold
    if gold is None:
        return []
    variants = signals.prompted_answers
    tables: dict[str, Any] = {name: variants[name].only for name in variants}
    if store.has(Signal.ANSWER):
        tables = {AS_ASKED: signals.answer, **tables}
    return [
        _frame(store, ids, gold, table.present, variant=name).assign(
            answer=table.answer[table.present]
        )
        for name, table in tables.items()
    ]


def _samples(store: TaskStore) -> list[pd.DataFrame]:
    if not store.has(Signal.SAMPLES):
        return []
    ids = store.question_ids
    signals = store.load([Need.of(Signal.SAMPLES)], ids)
    gold = signals.gold
    if gold is None:
        return []
    variants = signals.samples
    frames = []
    for name in variants:
        table = variants[name].only
        drawn = table.drawn
        frame = _frame(store, ids, gold, table.present, variant=name)
        rows = np.flatnonzero(table.present)
        frame["answers"] = [table.answers[row][drawn[row]].tolist() for row in rows]
        frame["temperature"] = table.temperature[rows]
        frames.append(frame)
    return frames


def _frame(
    store: TaskStore,
    ids: Sequence[Any],
    gold: np.typing.NDArray[np.int64],
    present: np.typing.NDArray[np.bool_],
    variant: str,
) -> pd.DataFrame:
    rows = np.flatnonzero(present)
    return pd.DataFrame(
        {
            **{"model": store.model, "task": store.task, "variant": variant},
            **{"question_id": [ids[row] for row in rows], "gold": gold[rows]},
        }
    )
