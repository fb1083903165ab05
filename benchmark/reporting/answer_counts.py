"""How many answers a store holds, and how they were read."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...estimators.signals.batch import AnswerTable, Status, TraceTable
from ..score.signal_loading import load_outcome, outcome_signal
from ..store.task_store import TaskStore
from .stored_chains import meaning_of_parsed


def flow_of(store: TaskStore) -> dict[str, Any]:
    """Return how many questions were asked, answered, parsed, and cut while thinking."""
    ids = store.question_ids
    table = load_outcome(store, ids)
    return {
        "model": store.model,
        "task": store.task,
        "asked": len(ids),
        "answered": int(table.present.sum()),
        "parsed": int((table.status == Status.PARSED.value).sum()),
        "dont_know": int((table.status == Status.DONT_KNOW.value).sum()),
        "cut_while_thinking": _cut(table),
        "found": meaning_of_parsed(store.manifest, outcome_signal(store)),
    }


def _cut(table: AnswerTable | TraceTable) -> int | None:
    """Count the texts that end within their reasoning; None for a model that does not think."""
    cut = int((table.status == Status.CUT_WHILE_THINKING.value).sum())
    if not cut and not (isinstance(table, TraceTable) and (table.answer_start > 0).any()):
        return None
    return cut


def readings_of(store: TaskStore) -> pd.DataFrame:
    """Return the rule that read each answer of a chain of thought."""
    table = load_outcome(store, store.question_ids)
    if not isinstance(table, TraceTable):
        return pd.DataFrame()
    frame = {
        **{"model": store.model, "task": store.task, "question_id": store.question_ids},
        **{"rule": table.rule, "closed": table.thought_closed == 1},
    }
    return pd.DataFrame(frame)[table.present]
