"""Leaderboard of estimators as a forest plot, and heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure

from ..analyses.complementarity import correlation_matrix
from ..frames.formatting import interval, marked, percent, plain
from ..frames.limits import drawn_topics
from ..frames.style import BLUE, BY_NAME, GRAY, VERMILION, Styles
from ..metrics.evaluation import ALL, MACRO
from ..metrics.summary import pooled_rank
from ..statistics.ranking import BoolArray, FloatArray
from ..statistics.short_repr import short_repr
from .auc import group_labels
from .layout import single
from .task_figure import TaskContext, task_figure, topics_note

CHANCE = 0.5
_MOST_COLUMNS = 24
"""More topics than this stand in rows."""
# Cells keep their own ink, dark or light, in dark mode too.
_DARK_INK, _LIGHT_INK = "#111111", "#fdfdfd"
_DIVERGING = LinearSegmentedColormap.from_list("apprehend", [VERMILION, "#f6f6f6", BLUE])


@dataclass(frozen=True)
class Leader:
    """One row of the leaderboard: pooled ROC AUC with interval, macro average, coverage.

    `macro_few`: a topic in the macro average has too few answers for an interval.
    """

    estimator: str
    value: float
    low: float
    high: float
    macro: float
    coverage: float
    macro_few: bool = False


def compute_leaders(metrics: pd.DataFrame) -> list[Leader]:
    """Estimators with a defined AUC from the metrics of one model on one task, best first.

    Those with too few errors or right answers for an interval come last, in no order.
    """
    pooled = pooled_rank(metrics).dropna(subset=["roc_auc"])
    macro = metrics[metrics["topic"] == MACRO].set_index("estimator")[["roc_auc", "roc_auc_low"]]
    names = ("estimator", "roc_auc", "roc_auc_low", "roc_auc_high", "coverage")
    leaders = []
    for name, value, low, high, share in zip(*(pooled[n] for n in names), strict=True):
        mean, end = map(float, macro.loc[name])
        few = bool(np.isnan(end))
        leaders.append(
            Leader(str(name), float(value), float(low), float(high), mean, float(share), few)
        )
    return leaders


def draw_leaderboard(ax: Axes, leaders: Sequence[Leader], styles: Styles = BY_NAME) -> Axes:
    """Points with 95 % intervals, best on top; open diamonds are the macro average."""
    for y, leader in enumerate(leaders):
        few = np.isnan(leader.low)
        color = GRAY if few else styles.of(leader.estimator)[0]
        fill = "none" if few else "full"
        ax.hlines(y, leader.low, leader.high, color=color, linewidth=1.8)
        ax.plot(leader.value, y, "o", color=color, markersize=4.5, fillstyle=fill)
        ink = GRAY if leader.macro_few else "#222222"
        ax.plot(leader.macro, y, "D", color=ink, markersize=3.5, fillstyle="none")
        ends = interval(leader.low, leader.high)
        note = f"{marked(leader.value, bool(few))} {ends}".rstrip()
        if leader.coverage < 1:
            note += f" · {percent(leader.coverage)} scored"
        ax.text(
            1.02,
            y,
            note,
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=7.5,
            color=GRAY if few else "#222222",
        )
    ax.axvline(CHANCE, color="#222222", linewidth=0.8)
    ax.set_yticks(range(len(leaders)), [plain(leader.estimator)[:44] for leader in leaders])
    ax.set_ylim(len(leaders) - 0.4, -0.6)
    ends_ = [
        end
        for leader in leaders
        for end in (leader.low, leader.high, leader.value, leader.macro, CHANCE)
    ]
    known = [end for end in ends_ if not np.isnan(end)]
    ax.set_xlim(min(known) - 0.015, max(known) + 0.015)
    ax.set_xlabel("ROC AUC of errors (0.5 = chance);  ◇ mean over topics")
    return ax


def leaderboard_figure(leaders: Sequence[Leader], title: str, styles: Styles = BY_NAME) -> Figure:
    """One plot, its height fitted to the number of estimators."""
    left = 0.25 + 0.072 * max(len(plain(leader.estimator)[:44]) for leader in leaders)
    figure, ax = single((4.2, 0.21 * len(leaders) + 0.15), (left, 2.3, 0.5, 0.55), title)
    draw_leaderboard(ax, leaders, styles)
    return figure


@short_repr
@dataclass(frozen=True)
class Heatmap:
    """A labeled matrix.

    Attributes:
        rows, columns: r and c labels.
        values: (r, c), NaN = undefined, shown as a dash.
        center: the value without color.
        legend: what the values are.
        limits: lowest and highest color, or None to fit the values.
        few: (r, c) true where a value comes from too few answers and is gray; None for nowhere.
    """

    rows: list[str]
    columns: list[str]
    values: FloatArray
    center: float
    legend: str
    limits: tuple[float, float] | None = None
    few: BoolArray | None = None


def compute_topic_heatmap(metrics: pd.DataFrame) -> Heatmap | None:
    """ROC AUC, estimators (best first) by all, macro and topics; None where nothing is defined.

    Many topics are rows, so that the figure is not wider than a page; of very many, those with most
    questions are drawn.
    """
    stratum = metrics["topic"].str.contains("=") & ~metrics["topic"].str.startswith("topic=")
    chosen = metrics[~stratum]
    table = chosen.pivot(index="estimator", columns="topic", values="roc_auc").astype(float)
    order = [leader.estimator for leader in compute_leaders(metrics)]
    if not order:
        return None
    largest = chosen.groupby("topic", sort=False)["n"].max()
    topics = drawn_topics(largest, (ALL, MACRO))
    named = group_labels(chosen[chosen["topic"].isin(topics)])
    labels = [named[topic] for topic in topics]
    values = table.reindex(index=order, columns=topics).to_numpy(dtype=np.float64)
    low = chosen.pivot(index="estimator", columns="topic", values="roc_auc_low").astype(float)
    few = low.reindex(index=order, columns=topics).isna().to_numpy() & ~np.isnan(values)
    names = [plain(name)[:44] for name in order]
    if len(topics) > _MOST_COLUMNS:
        return Heatmap(labels, names, values.T, CHANCE, "ROC AUC", few=few.T)
    return Heatmap(names, labels, values, CHANCE, "ROC AUC", few=few)


def draw_heatmap(ax: Axes, heatmap: Heatmap) -> Axes:
    """Cells with their values, colored by distance from the center."""
    values = heatmap.values
    few = np.zeros(values.shape, dtype=np.bool_) if heatmap.few is None else heatmap.few
    colored = np.where(few, np.nan, values)
    reach = float(np.nanmax(np.abs(colored - heatmap.center), initial=0.1))
    low, high = heatmap.limits or (heatmap.center - reach, heatmap.center + reach)
    norm = TwoSlopeNorm(heatmap.center, low, high)
    rows, columns = values.shape
    ax.pcolormesh(colored, cmap=_DIVERGING, norm=norm, edgecolors="none")
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            text, ink = "–", "#222222"
        else:
            strong = abs(float(norm(value)) - 0.5) > 0.32
            ink = _LIGHT_INK if strong else _DARK_INK
            ink = GRAY if few[row, column] else ink
            text = f"{round(value, 2) + 0.0:.2f}".replace("0.", ".").replace("1.00", "1")
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=6.5, color=ink)
    ax.set_yticks(np.arange(rows) + 0.5, heatmap.rows)
    ax.set_xticks(np.arange(columns) + 0.5, heatmap.columns, rotation=50, ha="right")
    ax.tick_params(axis="x", pad=1, length=2)
    for label in ax.get_xticklabels():
        label.set_rotation_mode("anchor")
    ax.set_ylim(rows, 0)
    ax.grid(False)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def heatmap_figure(heatmap: Heatmap, title: str) -> Figure:
    """One plot sized by its cells."""
    longest_row = max(map(len, heatmap.rows))
    longest_column = max(map(len, heatmap.columns))
    size = (0.36 * len(heatmap.columns), 0.2 * len(heatmap.rows))
    left = max(0.3 + 0.072 * longest_row, 0.045 * longest_column + 0.3)
    bottom = 0.25 + 0.05 * longest_column
    right = max(0.3, 5.0 - left - size[0])
    figure, ax = single(size, (left, right, 0.5, bottom), title)
    draw_heatmap(ax, heatmap)
    return figure


@task_figure(
    key="leaderboard",
    block="ranking",
    title="Leaderboard of estimators",
    reading="ROC AUC over all questions with its 95 % interval; the open diamond is the unweighted"
    " mean over topics. To the left of the line at 0.5 a score points the wrong way. "
    "Hollow, gray and †: too few answers for an interval or a rank.",
    rank=10,
)
def leaderboard(of: TaskContext, title: str) -> list[Figure]:
    """One plot."""
    leaders = compute_leaders(of.own("metrics"))
    return [leaderboard_figure(leaders, title, of.styles)] if leaders else []


@task_figure(
    key="roc_auc_heatmap",
    block="topics",
    title="ROC AUC by estimator and topic",
    reading="Best estimator on top. Blue: above chance, vermilion: below. In parentheses the "
    "number of questions; a dash: one class only; gray without color: too few answers for"
    " an interval.",
    rank=10,
    note=topics_note,
)
def roc_auc_heatmap(of: TaskContext, title: str) -> list[Figure]:
    """One plot."""
    heatmap = compute_topic_heatmap(of.own("metrics"))
    return [] if heatmap is None else [heatmap_figure(heatmap, title)]


@task_figure(
    key="correlation",
    block="together",
    title="Rank correlation of the estimators",
    reading="Spearman's, on the questions that both scored. Near 1: two names for one thing.",
    rank=10,
)
def correlation(of: TaskContext, title: str) -> list[Figure]:
    """One plot, best estimator first."""
    pairs = of.own("complementarity")
    known = {*pairs["estimator_a"], *pairs["estimator_b"]} if len(pairs) else set()
    order = [leader.estimator for leader in compute_leaders(of.own("metrics"))]
    names = [name for name in order if name in known]
    labels = [plain(name)[:44] for name in names]
    matrix = correlation_matrix(pairs, names)
    heatmap = Heatmap(labels, labels, matrix, 0.0, "rank correlation", (-1.0, 1.0))
    return [heatmap_figure(heatmap, title)] if names else []
