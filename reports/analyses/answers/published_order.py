"""Questions right in the published order alone: rate against chance, and the AUC without them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ...frames.blocks import Shown
from ...metrics.evaluation import keys
from ...statistics.ranking import BoolArray, FloatArray, roc_auc
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study, rows_of

PUBLISHED_COLUMNS = (
    *("model", "task", "topic", "estimator", "n", "flagged", "rate", "chance", "p"),
    *("roc_auc", "roc_auc_unflagged"),
)


def flag_chance(right: BoolArray, asked: BoolArray) -> tuple[BoolArray, FloatArray]:
    """Flag questions right in the first order and wrong in most others, with the chance of it.

    If no order is special, each of a question's R orders is equally likely to be the published one:
    with r right ones, the flag has probability r/R where (r - 1)/(R - 1) < 1/2, else 0.

    Args:
        right: (n, R) whether the answer was right; column 0 is the published order.
        asked: (n, R) whether it was asked.

    Returns:
        Flags (n,) and chances (n,); NaN for questions with fewer than two orders.
    """
    orders = asked.sum(axis=1)
    usable = (orders > 1) & asked[:, 0]
    r = (right & asked).sum(axis=1)
    others = (r - 1) / np.maximum(orders - 1, 1)
    possible = (r > 0) & (others < 0.5)
    chance = np.where(usable, np.where(possible, r / np.maximum(orders, 1), 0.0), np.nan)
    flags: BoolArray = usable & possible & right[:, 0]
    return flags, chance


@benchmark_analysis(
    file="published_order",
    title="Right in the published order alone",
    meaning="Share of the questions that a model answers right in the published order of the "
    "options and wrong in most others, against what chance gives if no order is special; a higher "
    "share is a sign of test questions in the training data. Beside it the ROC AUC with and "
    "without these questions.",
    limits="A preference for a position looks alike where right options are not spread evenly; "
    "with two orders the flag is hardly more than a coin.",
    requires="answers under other option orders (signal permuted_answers)",
    source="arXiv 2409.01790",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "topic", "estimator")),
        *(Shown("n", "n", "count"), Shown("flagged", "flagged", "count")),
        *(Shown("rate", "rate", "percent"), Shown("by chance", "chance", "percent")),
        Shown("p", "p", "p"),
        Shown("ROC AUC", "roc_auc"),
        Shown("without flagged", "roc_auc_unflagged"),
    ),
)
def compute_published_order(study: Study) -> pd.DataFrame:
    """Compare the flag rate with chance, and the ROC AUC with that without flagged questions.

    One-sided p of the normal approximation to the sum of independent flags.
    """
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        own = study.facts("orders", evaluation)
        own = own[own["gold"].astype(float) >= 0] if len(own) else own
        if own.empty:
            continue
        frame = pd.DataFrame({"key": keys(own["question_id"]), "shift": own["shift"].astype(int)})
        frame["right"] = (own["answer"].to_numpy() == own["gold"].to_numpy()).astype(float)
        table = frame.pivot_table(index="key", columns="shift", values="right", aggfunc="first")
        if 0 not in table.columns:
            continue
        asked = table.notna().to_numpy(dtype=np.bool_)
        right = table.fillna(0.0).to_numpy(dtype=np.float64) > 0.5
        flags, chance = flag_chance(right, asked)
        rows = rows_of(evaluation, table.index.to_numpy(dtype=np.str_))
        flagged = np.zeros(evaluation.errors.size, dtype=np.bool_)
        expected = np.full(evaluation.errors.size, np.nan)
        flagged[rows], expected[rows] = flags, chance
        for topic, members in {"all": np.arange(flagged.size), **evaluation.topics}.items():
            known = members[~np.isnan(expected[members])]
            if not known.size:
                continue
            count, mean = int(flagged[known].sum()), float(expected[known].sum())
            spread = float(np.sqrt((expected[known] * (1 - expected[known])).sum()))
            base: dict[str, Any] = {
                "model": evaluation.model,
                "task": evaluation.task,
                "topic": topic,
            }
            base |= {"n": known.size, "flagged": count, "rate": count / known.size}
            base |= {"chance": mean / known.size}
            base |= {"p": float(norm.sf((count - mean) / spread)) if spread else float("nan")}
            for k in study.columns(evaluation, without="is_control"):
                scored = known[~np.isnan(evaluation.scores[known, k])]
                rest = scored[~flagged[scored]]
                areas = [
                    roc_auc(evaluation.errors[at], evaluation.scores[at, k])
                    for at in (scored, rest)
                ]
                named = {"estimator": evaluation.estimators[k], "roc_auc": areas[0]}
                records.append({**base, **named, "roc_auc_unflagged": areas[1]})
    return pd.DataFrame.from_records(records, columns=list(PUBLISHED_COLUMNS))
