"""Bar charts of the ROC AUC by topic or stratum with intervals, one panel per estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.formatting import count, interval, marked, plain
from ..frames.limits import drawn_topics
from ..frames.style import BY_NAME, GRAY, Styles
from ..frames.tooltips import add_tip
from ..metrics.evaluation import ALL, MACRO
from ..metrics.leaders import leading_rank
from ..metrics.topic_tables import macro_label
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from .layout import COLUMNS, pages, panels
from .task_figure import TaskContext, strata_note, task_figure, topics_note

CHANCE = 0.5
_HOLLOW: dict[str, Any] = {"facecolor": "none", "edgecolor": GRAY, "linewidth": 0.8}
"""Style of bars from too few answers for an interval."""


@short_repr
@dataclass(frozen=True)
class AucBars:
    """ROC AUC of one estimator by group.

    Attributes:
        estimator: name of the estimator.
        labels: names of the g groups with their n.
        values: (g,) ROC AUC, NaN where undefined.
        low, high: (g,) ends of the 95 % interval.
        averages: number of leading groups that are averages ("all", "macro").
    """

    estimator: str
    labels: list[str]
    values: FloatArray
    low: FloatArray
    high: FloatArray
    averages: int

    def tip(self, place: int) -> str:
        """Describe the bar of a group in words."""
        ends = interval(float(self.low[place]), float(self.high[place]))
        value = marked(float(self.values[place]), not ends)
        return f"{plain(self.estimator)}, {self.labels[place]}: {value} {ends}".rstrip()


def group_labels(metrics: pd.DataFrame) -> dict[str, str]:
    """Label groups with their n, the macro average with its number of topics."""
    largest = metrics.groupby("topic", sort=False)["n"].max()
    labels = {str(name): f"{plain(name)} ({count(float(n))})" for name, n in largest.items()}
    if MACRO in labels:
        own = metrics[metrics["topic"] == MACRO]
        labels[MACRO] = macro_label(
            own["n_topics"].astype(float), own["n_topics_total"].astype(float)
        )
    return labels


def compute_auc_bars(metrics: pd.DataFrame, strata: bool = False) -> list[AucBars]:
    """Compute the bars of each estimator from the metrics of one model on one task.

    Groups are all, macro and topics, or, with `strata`, all and the strata; of very many, those
    with the most questions. Estimators are in descending order of the AUC that leads
    (`leading_rank`), followed by those with too few answers or no AUC.
    """
    stratum = metrics["topic"].str.contains("=") & ~metrics["topic"].str.startswith("topic=")
    chosen = metrics[(stratum | metrics["topic"].eq("all")) if strata else ~stratum]
    averages = (ALL,) if strata else (ALL, MACRO)
    largest = chosen.groupby("topic", sort=False)["n"].max()
    labels = group_labels(chosen[chosen["topic"].isin(drawn_topics(largest, averages))])
    result = []
    for estimator, part in chosen.groupby("estimator", sort=False):
        rows = part.set_index("topic").reindex(list(labels))
        low, high, values = (
            rows[name].to_numpy(dtype=np.float64)
            for name in ("roc_auc_low", "roc_auc_high", "roc_auc")
        )
        result.append(
            AucBars(str(estimator), list(labels.values()), values, low, high, len(averages))
        )
    order = leading_rank(metrics)["estimator"].tolist()
    return sorted(result, key=lambda bars: order.index(bars.estimator))


def draw_auc_bars(ax: Axes, bars: AucBars, labeled: bool = True, styles: Styles = BY_NAME) -> Axes:
    """Draw horizontal bars from chance (0.5) to the AUC with intervals, first group on top.

    With `labeled` false, groups are not named, for axes that share those of their neighbor.
    """
    at = np.arange(len(bars.labels), dtype=np.float64)
    at[bars.averages :] += 0.5
    color, _ = styles.of(bars.estimator)
    known = ~np.isnan(bars.values)
    few = known & np.isnan(bars.low)
    for rows, look in ((known & ~few, {"color": color}), (few, _HOLLOW)):
        drawn = ax.barh(at[rows], bars.values[rows] - CHANCE, left=CHANCE, height=0.72, **look)
        for bar, place in zip(drawn, np.flatnonzero(rows), strict=True):
            add_tip(bar, bars.tip(int(place)))
    ax.hlines(at[known], bars.low[known], bars.high[known], color="#222222", linewidth=1.0)
    for y in at[~known]:
        ax.text(CHANCE, float(y), " one class only", va="center", fontsize=7)
    ax.axvline(CHANCE, color="#222222", linewidth=0.8)
    if labeled:
        ax.set_yticks(at, bars.labels)
        ax.set_ylim(at[-1] + 0.6, -0.6)
    area = marked(float(bars.values[0]), bool(few[0]))
    ax.set_title(f"{plain(bars.estimator)}  {area}", loc="left")
    return ax


def auc_figures(bars: Sequence[AucBars], title: str, styles: Styles = BY_NAME) -> list[Figure]:
    """Draw figures of at most twelve panels each on a common horizontal scale."""
    ends = np.concatenate([np.concatenate((b.low, b.high, b.values)) for b in bars])
    ends = ends[~np.isnan(ends)] if not np.isnan(ends).all() else np.array([0.4, 0.6])
    limits = (min(0.45, ends.min() - 0.02), max(0.55, ends.max() + 0.02))
    left = 0.2 + 0.078 * max(len(label) for label in bars[0].labels)
    figures = []
    for part in pages(bars):
        height = 0.45 + 0.185 * len(part[0].labels)
        figure, axes = panels(len(part), (2.1, height), title, share_y=True, left=left)
        for index, (ax, panel) in enumerate(zip(axes, part, strict=True)):
            draw_auc_bars(ax, panel, labeled=index % COLUMNS == 0, styles=styles)
            ax.set_xlim(*limits)
        for ax in axes[-COLUMNS:]:
            ax.set_xlabel("ROC AUC (0.5 = chance)")
        figures.append(figure)
    return figures


@task_figure(
    key="roc_auc_by_topic",
    block="topics",
    title="ROC AUC by topic",
    reading="Bars start at chance (0.5); bars to its left indicate an inverted ranking. Lines are "
    "95 % intervals; hollow bars have too few answers for an interval. In parentheses, the number "
    "of questions.",
    rank=20,
    note=topics_note,
    data="metrics.csv",
)
def roc_auc_by_topic(of: TaskContext, title: str) -> list[Figure]:
    """Draw panels, one per estimator, on one or more pages."""
    return auc_figures(compute_auc_bars(of.own("metrics")), title, of.styles)


@task_figure(
    key="roc_auc_by_stratum",
    block="strata",
    title="ROC AUC by stratum",
    reading="As above, by stratum of the questions, e.g. the number of reasoning steps as rated by "
    "the judge.",
    rank=10,
    note=strata_note,
    data="metrics.csv",
)
def roc_auc_by_stratum(of: TaskContext, title: str) -> list[Figure]:
    """Draw panels, one per estimator, on one or more pages."""
    return auc_figures(compute_auc_bars(of.own("metrics"), strata=True), title, of.styles)
