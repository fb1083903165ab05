"""ROC AUC over ordered strata, and tasks of one model side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.figure_kind import FigureKind
from ..frames.formatting import count, number, plain
from ..frames.limits import drawn_topics
from ..frames.style import BLUE, BY_NAME, VERMILION, Styles, draw_few
from ..frames.tooltips import add_tip
from ..metrics.evaluation import ALL, MACRO
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from .layout import single
from .task_figure import TaskContext, task_figure

TASKS_SIDE_BY_SIDE = FigureKind(
    "tasks_side_by_side",
    "Two prompts, side by side",
    "Accuracy, and ROC AUC of the best estimator of each task, by topic; numbers in the legend are "
    "over all questions.",
    data="metrics.csv",
)

LINES = 8


@short_repr
@dataclass(frozen=True)
class TrendLine:
    """ROC AUC (g,) of one estimator over the values of a stratum, with intervals."""

    estimator: str
    values: FloatArray
    low: FloatArray
    high: FloatArray
    p: float


@dataclass(frozen=True)
class TrendLines:
    """Best estimators over the values of one ordered stratum; labels are its values with n."""

    stratum: str
    labels: list[str]
    lines: list[TrendLine]


def compute_trend_lines(metrics: pd.DataFrame, trends: pd.DataFrame) -> list[TrendLines]:
    """Compute the lines of each ordered stratum from metrics and trends of one model and task."""
    pooled = metrics[metrics["topic"] == ALL].set_index("estimator")["roc_auc"].astype(float)
    result = []
    for stratum, own in trends.groupby("stratum", sort=False):
        groups = [f"{stratum}={value}" for value in str(own["values"].iloc[0]).split(", ")]
        part = metrics[metrics["topic"].isin(groups)]
        n = part.groupby("topic")["n"].max()
        labels = [f"{plain(g.split('=', 1)[1])}\n{count(float(n[g]))}" for g in groups]
        p = own.set_index("estimator")["p_holm"].astype(float)
        best = pooled.reindex(p.index).sort_values(ascending=False, kind="stable").index[:LINES]
        lines = []
        for name in best:
            rows = part[part["estimator"] == name].set_index("topic").reindex(groups)
            values, low, high = (
                rows[column].to_numpy(dtype=np.float64)
                for column in ("roc_auc", "roc_auc_low", "roc_auc_high")
            )
            lines.append(TrendLine(str(name), values, low, high, float(p[name])))
        result.append(TrendLines(str(stratum), labels, lines))
    return result


def draw_trend_lines(ax: Axes, trend: TrendLines, styles: Styles = BY_NAME) -> Axes:
    """Draw lines with intervals, slightly offset, and p-values of the trends in the legend."""
    at = np.arange(len(trend.labels), dtype=np.float64)
    looks = styles.lines(line.estimator for line in trend.lines)
    for index, line in enumerate(trend.lines):
        color, dashes = looks[line.estimator]
        x = at + 0.05 * (index - (len(trend.lines) - 1) / 2)
        p = "p < 0.001" if line.p < 0.001 else f"p = {line.p:.3f}"
        label = f"{plain(line.estimator)[:32]}  {p}"
        (drawn,) = ax.plot(
            x, line.values, "o", color=color, linestyle=dashes, markersize=3, label=label
        )
        add_tip(drawn, label)
        ax.vlines(x, line.low, line.high, color=color, linewidth=1)
        draw_few(ax, x, line.values, line.low)
    ax.axhline(0.5, color="#222222", linewidth=0.8)
    ax.set_xticks(at, trend.labels)
    ax.set_xlim(-0.4, at[-1] + 0.4)
    ax.set_ylabel("ROC AUC (0.5 = chance)")
    ax.grid(True, axis="y")
    ax.grid(False, axis="x")
    title = "trend, Holm-adjusted"
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title=title, alignment="left")
    return ax


def trend_figure(trend: TrendLines, title: str, styles: Styles = BY_NAME) -> Figure:
    """Draw one plot with its legend on the right."""
    width = max(2.6, 1.1 * len(trend.labels))
    figure, ax = single((width, 3.0), (0.7, 3.4, 0.5, 0.75), title)
    draw_trend_lines(ax, trend, styles)
    ax.set_xlabel(plain(trend.stratum).replace("_", " ") + " (number of questions)")
    return figure


@short_repr
@dataclass(frozen=True)
class SideBySide:
    """One quantity of two tasks by group, e.g. direct answers and chains of thought.

    Attributes:
        groups: labels of the g groups, "all" first.
        names: labels of the first and the second task.
        values, low, high: (2, g) values with their intervals, NaN where undefined.
        label: name of the quantity.
    """

    groups: list[str]
    names: tuple[str, str]
    values: FloatArray
    low: FloatArray
    high: FloatArray
    label: str


def compute_side_by_side(
    first: pd.DataFrame, second: pd.DataFrame, best: tuple[str, str]
) -> list[SideBySide]:
    """Compare accuracy and ROC AUC of two tasks of one model by topic.

    `first` and `second` are the metrics of the two tasks, `best` the estimator of either. Of very
    many topics, those with the most questions are drawn.
    """
    parts = [
        frame[frame["estimator"] == name].set_index("topic")
        for frame, name in zip((first, second), best, strict=True)
    ]
    common = [
        topic
        for topic in parts[0].index
        if topic in parts[1].index and topic != MACRO and ("=" not in topic or "topic=" in topic)
    ]
    common = drawn_topics(parts[0]["n"].reindex(common).astype(float), (ALL,))
    names = tuple(str(frame["task"].iloc[0]) for frame in (first, second))
    result = []
    for column, label in (("accuracy", "accuracy"), ("roc_auc", "ROC AUC of errors")):
        values = _column(parts, column, common)
        known = column == "roc_auc"
        low = _column(parts, f"{column}_low", common) if known else np.full_like(values, np.nan)
        high = _column(parts, f"{column}_high", common) if known else np.full_like(values, np.nan)
        shown = (names[0], names[1])
        if known:
            shown = (f"{names[0]}: {best[0]}", f"{names[1]}: {best[1]}")
        result.append(
            SideBySide([plain(topic) for topic in common], shown, values, low, high, label)
        )
    return result


def _column(parts: Sequence[pd.DataFrame], name: str, topics: list[str]) -> FloatArray:
    return np.stack([part[name].reindex(topics).to_numpy(dtype=np.float64) for part in parts])


def draw_side_by_side(ax: Axes, pair: SideBySide) -> Axes:
    """Draw two points per group, joined by a line, first group on top."""
    at = np.arange(len(pair.groups), dtype=np.float64)
    at[1:] += 0.5
    ax.hlines(at, pair.values.min(axis=0), pair.values.max(axis=0), color="#999999", linewidth=1)
    for index, (color, marker) in enumerate(((BLUE, "o"), (VERMILION, "s"))):
        offset = (index - 0.5) * 0.24 if not np.isnan(pair.low).all() else 0.0
        mean = number(float(pair.values[index, 0]))
        label = f"{plain(pair.names[index])[:48]}  {mean}"
        ax.hlines(at + offset, pair.low[index], pair.high[index], color=color, linewidth=1.2)
        values = pair.values[index]
        (points,) = ax.plot(values, at + offset, marker, color=color, markersize=4, label=label)
        named = [
            f"{group}, {plain(pair.names[index])}: {number(float(value))}"
            for group, value in zip(pair.groups, values, strict=True)
            if not np.isnan(value)
        ]
        add_tip(points, *named)
        if pair.label.startswith("ROC"):
            draw_few(ax, pair.values[index], at + offset, pair.low[index], marker)
    if pair.label.startswith("ROC"):
        ax.axvline(0.5, color="#222222", linewidth=0.8)
    ax.set_yticks(at, pair.groups)
    ax.set_ylim(at[-1] + 0.6, -0.6)
    ax.set_xlabel(pair.label)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.2)
    return ax


def side_by_side_figure(pairs: Sequence[SideBySide], title: str) -> Figure:
    """Draw one panel per quantity, accuracy on the left, ROC AUC on the right."""
    left = 0.3 + 0.075 * max(map(len, pairs[0].groups))
    height, width, gap = 0.24 * len(pairs[0].groups) + 0.2, 3.0, 0.75
    wide = left + len(pairs) * (width + gap) + 0.15
    figure, first = single((width, height), (left, wide - left - width, 1.05, 0.55), title)
    draw_side_by_side(first, pairs[0])
    for index, pair in enumerate(pairs[1:], start=1):
        x = (left + index * (width + gap)) / wide
        box = (x, 0.55 / (height + 1.6), width / wide, height / (height + 1.6))
        ax = figure.add_axes(box, sharey=first)
        draw_side_by_side(ax, pair)
        ax.tick_params(labelleft=False)
    return figure


@task_figure(
    key="roc_auc_trend",
    block="strata",
    title="Trend of the ROC AUC",
    reading="The best eight estimators; vertical lines are 95 % intervals. p: test of no linear "
    "trend, inverse-variance weighted, Holm-adjusted over all estimators.",
    rank=20,
    data="metrics.csv",
)
def roc_auc_trend(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot per ordered stratum."""
    trends = of.own("trends")
    panels = compute_trend_lines(of.own("metrics"), trends) if len(trends) else []
    return [trend_figure(lines, title, of.styles) for lines in panels]
