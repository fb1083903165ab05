"""Which estimator leads: by the mean over topics, or pooled where there is no such mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..frames.formatting import interval, marked, number, plain
from ..statistics.intervals import FEW_MARK, FEW_MEANING, enough
from .evaluation import ALL, MACRO

_ENDS = ("roc_auc", "roc_auc_low", "roc_auc_high")


@dataclass(frozen=True)
class Value:
    """ROC AUC with the ends of its 95 % interval; NaN where undefined."""

    area: float
    low: float
    high: float

    @property
    def text(self) -> str:
        """Format value and interval: `0.709 [0.700, 0.718]`, or `0.709†` without an interval."""
        return f"{marked(self.area, not self.interval)} {self.interval}".rstrip()

    @property
    def interval(self) -> str:
        """Format the interval; empty without one."""
        return interval(self.low, self.high)

    def apart(self, other: Value) -> bool:
        """Tell whether both intervals are known and do not overlap."""
        return self.high < other.low or other.high < self.low

    def side(self) -> int:
        """Tell on which side of chance the interval lies: 1, -1, or 0 if it contains 0.5."""
        return int(self.low > 0.5) - int(self.high < 0.5)


@dataclass(frozen=True)
class Leader:
    """Estimator that leads on one task of one model.

    Attributes:
        estimator: its name.
        by_mean: whether it is chosen by the mean over topics, not by the pooled value.
        mean: ROC AUC as the mean over topics.
        pooled: ROC AUC over all questions.
        topics, topics_total, topics_few: number of topics in the mean, of all topics, and of those
            in the mean that are too small for an interval of their own.
        reason: why there is no mean over topics to choose by; empty if there is.
        warning: sentence on a disagreement of mean and pooled value; empty if they agree.
    """

    estimator: str
    by_mean: bool
    mean: Value
    pooled: Value
    topics: int
    topics_total: int
    topics_few: int
    reason: str = ""
    warning: str = ""

    @property
    def value(self) -> Value:
        """The value that it is chosen by."""
        return self.mean if self.by_mean else self.pooled


MATERIAL = 0.05
"""Smallest difference of mean and pooled value that is worth a warning."""
LEADER_TERM = (
    "leading estimator",
    "The estimator with the highest ROC AUC as the unweighted mean over topics, of those with as "
    "many topics in their mean as the most complete one. The value over all questions (pooled) is "
    "beside it: it also rewards telling topics with many errors from topics with few. It leads "
    "only where there is no mean: fewer than two topics with right and wrong answers, or fewer "
    "than ten of either in all of them. Corrected for the choice: the choice of the best is "
    "repeated in every resample of the questions, within topics. Where topics are too small for an "
    "interval of their own, the interval of the mean is the wider one of the bootstrap and of the "
    "combination of the topics' intervals (square-and-add), however wide these are. "
    "Both disagree, and a warning says so, where another estimator leads over all questions that "
    "by the mean over topics can be told from the leader; where the two values of the leader "
    f"differ by {MATERIAL} or more and their intervals do not overlap; or where they lie on "
    "opposite sides of 0.5 and an interval excludes 0.5.",
)
"""Term of the glossary: who leads, and by which rule a disagreement is stated."""


def pooled_rank(metrics: pd.DataFrame) -> pd.DataFrame:
    """Sort the pooled rows of one model on one task by descending ROC AUC.

    Rows with too few errors or correct answers for an interval have no rank and follow in their
    stored order.
    """
    pooled = metrics[metrics["topic"] == ALL]
    key = pooled["roc_auc"].where(pooled["roc_auc_low"].notna())
    return pooled.loc[key.sort_values(ascending=False, kind="stable").index]


def mean_rank(metrics: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows of the mean over topics of one model on one task by descending ROC AUC.

    Only estimators with as many topics in their mean as the most complete one, at least two, and
    enough errors and right answers in all of them together; no rows where there are none.
    """
    macro = metrics[metrics["topic"] == MACRO]
    topics = macro["n_topics"].astype(float)
    able = (topics >= 2) & topics.eq(topics.max()) & macro["roc_auc"].notna()
    sizes = zip(macro["n_errors"].astype(float), macro["n"].astype(float), strict=True)
    able &= np.array([enough(wrong, n) for wrong, n in sizes], dtype=np.bool_)
    return macro[able].sort_values("roc_auc", ascending=False, kind="stable")


def leading_rank(metrics: pd.DataFrame) -> pd.DataFrame:
    """Sort the pooled rows of one model on one task by the value that leads.

    By the mean over topics where there is one, with the estimators that it does not rank after
    the others; else as `pooled_rank`.
    """
    pooled = pooled_rank(metrics)
    order = {str(name): place for place, name in enumerate(mean_rank(metrics)["estimator"])}
    places = np.array([order.get(str(name), len(order)) for name in pooled["estimator"]], np.int64)
    return pooled.iloc[np.argsort(places, kind="stable")]


def best_estimator(metrics: pd.DataFrame) -> str | None:
    """Return the estimator with the highest ROC AUC of one model on one task.

    By the mean over topics where there is one (`mean_rank`), else over all questions. None where no
    estimator has enough errors and correct answers for a rank.
    """
    means = mean_rank(metrics)
    ranked = means if len(means) else pooled_rank(metrics).dropna(subset=["roc_auc_low"])
    return None if ranked.empty else str(ranked["estimator"].iloc[0])


def leader_of(metrics: pd.DataFrame, by_mean: pd.DataFrame | None = None) -> Leader | None:
    """Find the estimator that leads one task of one model, with both of its values.

    Args:
        metrics: Rows of `compute_metrics` of one model on one task.
        by_mean: Its rows of `compute_selection_by_mean`, for the interval of a mean over topics of
            which some are too small for an interval of their own.

    Returns:
        The leader; None where no estimator is ranked.
    """
    name = best_estimator(metrics)
    if name is None:
        return None
    own = metrics[metrics["estimator"] == name].set_index("topic")
    macro = own.loc[[MACRO]].iloc[0]
    chosen = bool(len(mean_rank(metrics)))
    mean = mean_value(metrics, name, by_mean)
    pooled = Value(*(float(own.loc[[ALL], column].iloc[0]) for column in _ENDS))
    counts = [int(macro[column]) for column in ("n_topics", "n_topics_total", "n_topics_few")]
    reason = "" if chosen else _no_mean(counts[0], counts[1])
    warning = _warning(metrics, name, mean, pooled, by_mean) if chosen else ""
    return Leader(name, chosen, mean, pooled, counts[0], counts[1], counts[2], reason, warning)


def mean_value(metrics: pd.DataFrame, name: str, by_mean: pd.DataFrame | None = None) -> Value:
    """Return an estimator's mean over topics, with the interval of `by_mean` if metrics has none.

    That interval belongs to the questions that all estimators scored, so that it is left out where
    the value differs on these.
    """
    own = metrics[(metrics["topic"] == MACRO) & (metrics["estimator"] == name)].iloc[0]
    value = Value(*(float(own[column]) for column in _ENDS))
    if by_mean is None or by_mean.empty or not np.isnan(value.low):
        return value
    row = by_mean[by_mean["estimator"].astype(str) == name]
    if row.empty or abs(float(row["roc_auc"].iloc[0]) - value.area) > 1e-9:
        return value
    return Value(*(float(row[column].iloc[0]) for column in _ENDS))


def _no_mean(topics: int, total: int) -> str:
    if total == 0:
        return "the questions have no topics"
    if total == 1:
        return "there is one topic only"
    if topics < 2:
        return f"{topics or 'none'} of {total} topics has both right and wrong answers"
    return "the topics with both right and wrong answers have too few of either"


def _warning(
    metrics: pd.DataFrame, name: str, mean: Value, pooled: Value, by_mean: pd.DataFrame | None
) -> str:
    """State a disagreement of the mean over topics and the pooled value (`LEADER_TERM`)."""
    first = pooled_rank(metrics).dropna(subset=["roc_auc_low"])
    other = None if first.empty else str(first["estimator"].iloc[0])
    also = "a pooled value also rewards telling topics with many errors from those with few"
    if other is not None and other != name and _told_apart(other, by_mean):
        row = first.iloc[0]
        there = Value(*(float(row[column]) for column in _ENDS))
        own = mean_value(metrics, other, by_mean)
        return (
            f"Pooled and mean over topics disagree: over all questions {plain(other)} leads with "
            f"{there.text}, but its mean over topics is {own.text}; {also}."
        )
    opposite = (mean.area - 0.5) * (pooled.area - 0.5) < 0
    material = mean.apart(pooled) and abs(mean.area - pooled.area) >= MATERIAL
    if material or (opposite and (mean.side() or pooled.side())):
        return (
            f"Pooled and mean over topics disagree: {plain(name)} has {number(mean.area)} on "
            f"average over topics and {number(pooled.area)} over all questions; {also}."
        )
    return ""


def _told_apart(name: str, by_mean: pd.DataFrame | None) -> bool:
    """Tell whether an estimator can be told from the leader by the mean, or this is unknown."""
    if by_mean is None or by_mean.empty:
        return True
    row = by_mean[by_mean["estimator"].astype(str) == name]
    return row.empty or not bool(row["indistinguishable"].iloc[0])


def few_note(metrics: pd.DataFrame) -> str:
    """Explain the mark of values from too few answers; empty if no value has it."""
    few = metrics["roc_auc"].notna() & metrics["roc_auc_low"].isna()
    if not few.any():
        return ""
    note = f"Gray and {FEW_MARK}: {FEW_MEANING}."
    macro = metrics.loc[few & metrics["topic"].eq(MACRO), "interval_note"]
    return f"{note} Of the mean: {macro.iloc[0]}." if len(macro) else note


def chosen_row(selection: pd.DataFrame | None, model: str, task: str) -> pd.Series[Any] | None:
    """Select the row of the best estimator in a frame from `compute_selection`; None without."""
    own = own_rows(selection, model, task)
    if own is None:
        return None
    best = own[own["best"].astype(bool)]
    return None if best.empty else best.iloc[0]


def own_rows(frame: pd.DataFrame | None, model: str, task: str) -> pd.DataFrame | None:
    """Select the rows of one model on one task; None without any."""
    if frame is None or frame.empty:
        return None
    own = frame["model"].astype(str).eq(model) & frame["task"].astype(str).eq(task)
    return frame[own] if own.any() else None


def told_apart(selection: pd.DataFrame, model: str, task: str) -> int:
    """Count the estimators that cannot be told from the best one, without itself."""
    part = own_rows(selection, model, task)
    if part is None:
        return 0
    return int((part["indistinguishable"].astype(bool) & ~part["best"].astype(bool)).sum())
