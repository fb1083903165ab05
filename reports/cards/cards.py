"""Cards of model and task: accuracy, leading estimator, and what it buys at a target risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..analyses.together import Analyses
from ..frames.formatting import count, marked, percent, plain
from ..metrics.evaluation import ALL, Evaluation
from ..metrics.leaders import Leader, leader_of
from ..metrics.summary import unranked, unread

RISKS = (5, 10)
"""Target risks in percent whose coverages are metrics."""


@dataclass(frozen=True)
class Purchase:
    """What the leading estimator buys at a target risk.

    Attributes:
        risk: highest acceptable error rate of the answers kept, in percent.
        share: largest share of the answers that a threshold keeps within it, in [0, 1].
        text: that share in words.
    """

    risk: int
    share: float
    text: str


@dataclass(frozen=True)
class Card:
    """Card of one model on one task, in words.

    Attributes:
        title: model and task.
        accuracy, accuracy_note: share of right answers; its interval, n and unread answers.
        estimator: name of the leading estimator; empty without one.
        value, value_note: its ROC AUC; the interval and what it is the mean of. Without an
            estimator, empty and the reason.
        beside: the pooled value, or why there is no mean over topics.
        warning: sentence on a disagreement of both values; empty without.
        purchases: what it buys at the target risks.
        chance: what a random order buys.
    """

    title: str
    accuracy: str
    accuracy_note: str
    estimator: str
    value: str
    value_note: str
    beside: str
    warning: str
    purchases: Sequence[Purchase]
    chance: str


def card_of(analyses: Analyses, evaluation: Evaluation) -> Card:
    """Write the card of one model on one task.

    Args:
        analyses: All analyses of the report.
        evaluation: Answers of the model on the task.

    Returns:
        The card; without enough errors or right answers it has no estimator, with the reason.
    """
    metrics = analyses.of("metrics", evaluation)
    pooled = metrics[metrics["topic"] == ALL].set_index("estimator")
    most = int(pooled["n"].to_numpy(dtype=float).argmax())
    first = pooled.iloc[most]
    missing, _, cut = unread(metrics, analyses.flow, evaluation.model, evaluation.task)
    low, high = (percent(float(first[f"accuracy_{end}"])) for end in ("low", "high"))
    notes = [f"{count(float(first['n']))} questions"]
    if float(first["n"]):
        notes.insert(0, f"[{low}, {high}]")
    if missing:
        notes.append(
            f"{count(missing)} unread" + (f", {count(cut)} cut while thinking" * bool(cut))
        )
    title = f"{evaluation.model} on {evaluation.task}"
    known = (plain(title), percent(float(first["accuracy"])), ", ".join(notes))
    leader = leader_of(metrics, analyses.of("selection_by_mean", evaluation))
    if leader is None:
        return Card(*known, "", "", unranked(pooled, most), "", "", (), "")
    return Card(
        *known,
        plain(leader.estimator),
        marked(leader.value.area, not leader.value.interval),
        *_notes(leader),
        leader.warning,
        *_bought(pooled.loc[[leader.estimator]].iloc[0]),
    )


def _notes(leader: Leader) -> tuple[str, str]:
    """Give the interval of the leading value, say what it is, and what stands beside it."""
    if not leader.by_mean:
        shown = f"{leader.value.interval} over all questions".strip()
        return shown, f"No mean over topics to choose by: {leader.reason}."
    topics = count(leader.topics)
    if leader.topics < leader.topics_total:
        topics += f" of {count(leader.topics_total)}"
    few = f", {count(leader.topics_few)} of them small" if leader.topics_few else ""
    shown = f"{leader.value.interval} mean over {topics} topics{few}".strip()
    return shown, f"{leader.pooled.text} over all questions"


def _bought(row: pd.Series[Any]) -> tuple[list[Purchase], str]:
    """State the coverage at the target risks, and that of a random order."""
    n, error_rate = float(row["n"]), 1 - float(row["accuracy"])
    purchases, by_chance = [], []
    for risk in RISKS:
        share = float(row[f"coverage_at_risk_{risk}"])
        text = f"{percent(share)} ({count(round(share * n))})" if share else "none"
        purchases.append(Purchase(risk, share, text))
        by_chance.append("all" if error_rate <= risk / 100 else "none")
    alike = by_chance[0] == by_chance[-1]
    shown = by_chance[0] if alike else f"{by_chance[0]} and {by_chance[-1]}"
    return purchases, f"In random order: {shown}, at a risk of {percent(error_rate)}"
