"""Chains of thought: answers read and answers forced, by topic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..frames.blocks import PageTable, Shown, table_from_frame
from ..frames.inputs import ReportInput
from ..metrics.evaluation import Evaluation, keys

FORCED_COLUMNS = (
    *("model", "task", "topic", "n", "read", "agreeing", "agreement"),
    *("accuracy_read", "accuracy_forced", "unread", "unread_right", "cut", "looped"),
)


def compute_forced(data: ReportInput, evaluation: Evaluation) -> pd.DataFrame:
    """Compare the answers read in chains of thought with those forced at their ends.

    Columns: model, task, topic (with "all"), n (texts with a forced answer), read (an answer was
    found in the text), agreeing (it is the forced one too) and agreement (their share of those
    read), accuracy_read (share of all n; without an answer is wrong), accuracy_forced, unread (no
    answer found) and unread_right (of these, forced right), cut (by the token limit), looped (ends
    in a loop). Shares are in [0, 1], NaN where there is nothing to share.

    Args:
        data: Facts of a results folder.
        evaluation: One model on one task.
    """
    chains = data.chains
    own = chains[chains["model"].astype(str).eq(evaluation.model)]
    own = own[own["task"].astype(str).eq(evaluation.task) & own["forced"].ge(0)]
    own = own.set_index(pd.Index(keys(own["question_id"])))
    if own.empty:
        return pd.DataFrame(columns=list(FORCED_COLUMNS))
    ids = np.asarray(evaluation.question_ids)
    records = []
    for topic, members in evaluation.groups.items():
        if "=" in topic and not topic.startswith("topic="):
            continue
        part = own[own.index.isin(ids[members])]
        if len(part):
            about = {"model": evaluation.model, "task": evaluation.task, "topic": topic}
            records.append(about | _counts(part))
    return pd.DataFrame.from_records(records, columns=list(FORCED_COLUMNS))


def _counts(part: pd.DataFrame) -> dict[str, Any]:
    answer, forced, gold = (part[name].to_numpy() for name in ("answer", "forced", "gold"))
    known = gold >= 0
    read = answer >= 0
    agreeing = read & (answer == forced)
    right = (forced == gold) & known
    count = int(known.sum())
    return {
        **{"n": len(part), "read": int(read.sum()), "agreeing": int(agreeing.sum())},
        "agreement": agreeing.sum() / read.sum() if read.any() else np.nan,
        "accuracy_read": ((answer == gold) & known).sum() / count if count else np.nan,
        "accuracy_forced": right.sum() / count if count else np.nan,
        **{"unread": int((~read).sum()), "unread_right": int((right & ~read).sum())},
        "cut": int((part["finished"] == 0).sum()),
        "looped": int((part["looped"] == 1).sum()),
    }


def forced_table(forced: pd.DataFrame) -> PageTable:
    """Tabulate `compute_forced`."""
    columns = (
        Shown("topic", "topic", "text"),
        Shown("n", "n", "count"),
        Shown("answer read", "read", "count"),
        Shown("read = forced", "agreement", "percent"),
        Shown("accuracy, read", "accuracy_read", "percent"),
        Shown("accuracy, forced", "accuracy_forced", "percent"),
        Shown("no answer read", "unread", "count"),
        Shown("of these forced right", "unread_right", "count"),
        Shown("cut by the limit", "cut", "count"),
        Shown("in a loop", "looped", "count"),
    )
    return table_from_frame(forced, "Answers read and forced", columns, file="forced_answers.csv")
