"""Facts of stored answers for reports: what was found in them, and forced answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ...estimators.signals.batch import ForcedAnswersTable, Need, Signal, TraceTable
from ...estimators.signals.probabilities import pick
from ..store.task_store import TaskStore

LABEL = "greedy token is a label"
READ = "answer read"
PARSED = "parsed"


def meaning_of_parsed(manifest: Mapping[str, Any], signal: Signal) -> str:
    """Return what it means that a store's answers were parsed.

    A direct answer is scored whatever the model would say: it is parsed where the model would say
    it. In a chain of thought an answer is read, or none. Of imported records the importer knows.
    """
    if not (manifest.get("model") or {}).get("engine"):
        return PARSED
    return READ if signal is Signal.TRACE else LABEL


def forced_answers(store: TaskStore) -> pd.DataFrame:
    """Return the answers read in and forced after each chain of thought; see `ReportInput`."""
    if not store.has(Signal.FORCED_ANSWERS) or not store.has(Signal.TRACE):
        return pd.DataFrame()
    ids = store.question_ids
    signals = store.load([Need.of(Signal.FORCED_ANSWERS), Need.of(Signal.TRACE)], ids)
    trace, forced = signals.table(TraceTable), signals.table(ForcedAnswersTable)
    last = (~np.isnan(forced.points)).sum(axis=1) - 1
    answers = np.nan_to_num(pick(forced.answers.astype(np.float64), last), nan=-1).astype(np.int64)
    gold = np.full(len(ids), -1) if signals.gold is None else signals.gold
    frame = pd.DataFrame(
        {
            **{"model": store.model, "task": store.task, "question_id": signals.question_id},
            **{"answer": trace.answer, "forced": answers},
            "gold": gold,
            **{"finished": trace.finished, "looped": trace.looped},
        }
    )
    return frame[trace.present & forced.present]
