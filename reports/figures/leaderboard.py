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
from ..frames.formatting import percent, plain
from ..frames.limits import drawn_topics
from ..frames.style import BLUE, BY_NAME, GRAY, VERMILION, Styles
from ..frames.tooltips import add_tip
from ..metrics.evaluation import ALL, MACRO
from ..metrics.leaders import Value, leading_rank, mean_rank, mean_value
from ..statistics.ranking import BoolArray, FloatArray
from ..statistics.short_repr import short_repr
from .auc import group_labels
from .layout import single
from .task_figure import TaskContext, task_figure, topics_note

CHANCE = 0.5
_MOST_COLUMNS = 24
"""Largest number of topics in columns; more are in rows."""
# Text in cells keeps its color in dark mode.
_DARK_INK, _LIGHT_INK = "#111111", "#fdfdfd"
_DIVERGING = LinearSegmentedColormap.from_list("apprehend", [VERMILION, "#f6f6f6", BLUE])


@dataclass(frozen=True)
class LeaderboardRow:
    """Row of the leaderboard: the ROC AUC that leads, the other one, and the coverage.

    `by_mean` tells that the mean over topics leads and the pooled value is the other one; else it
    is the other way round.
    """

    estimator: str
    leading: Value
    other: Value
    by_mean: bool
    coverage: float


def compute_leaderboard(
    metrics: pd.DataFrame, by_mean: pd.DataFrame | None = None
) -> list[LeaderboardRow]:
    """Rank the estimators with a defined AUC from the metrics of one model on one task.

    By the mean over topics where there is one; `by_mean` has its intervals where topics are too
    small for their own (`compute_selection_by_mean`). Values without interval are unranked.
    """
    ranked = leading_rank(metrics).dropna(subset=["roc_auc"])
    means = {str(name) for name in mean_rank(metrics)["estimator"]}
    columns = ("estimator", "roc_auc", "roc_auc_low", "roc_auc_high", "coverage")
    rows = []
    for name, *ends, share in zip(*(ranked[column] for column in columns), strict=True):
        pooled, mean = Value(*map(float, ends)), mean_value(metrics, str(name), by_mean)
        leads = str(name) in means
        first, second = (mean, pooled) if leads else (pooled, mean)
        rows.append(LeaderboardRow(str(name), first, second, leads, float(share)))
    return rows


def draw_leaderboard(ax: Axes, rows: Sequence[LeaderboardRow], styles: Styles = BY_NAME) -> Axes:
    """Draw the leading values with their 95 % intervals, best on top, and the others hollow."""
    for y, row in enumerate(rows):
        few = bool(np.isnan(row.leading.low))
        color = GRAY if few else styles.of(row.estimator)[0]
        filled, hollow = ("D", "o") if row.by_mean else ("o", "D")
        names = ("mean over topics", "all questions")
        leading, other = names if row.by_mean else names[::-1]
        ax.hlines(y, row.leading.low, row.leading.high, color=color, linewidth=1.8)
        (point,) = ax.plot(
            row.leading.area,
            y,
            filled,
            color=color,
            markersize=4.5,
            fillstyle="none" if few and not row.by_mean else "full",
        )
        ink = GRAY if np.isnan(row.other.low) else "#222222"
        (beside,) = ax.plot(row.other.area, y, hollow, color=ink, markersize=4, fillstyle="none")
        named = plain(row.estimator)
        add_tip(point, f"{named}, {leading}: {row.leading.text}")
        add_tip(beside, f"{named}, {other}: {row.other.text}")
        note = row.leading.text
        if row.coverage < 1:
            note += f" · {percent(row.coverage)} scored"
        ink = GRAY if few else "#222222"
        across = ax.get_yaxis_transform()
        ax.text(1.02, y, note, transform=across, va="center", fontsize=7.5, color=ink)
    ax.axvline(CHANCE, color="#222222", linewidth=0.8)
    ax.set_yticks(range(len(rows)), [plain(row.estimator)[:44] for row in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ends = [end for row in rows for end in (*_ends(row.leading), row.other.area, CHANCE)]
    known = [end for end in ends if not np.isnan(end)]
    ax.set_xlim(min(known) - 0.015, max(known) + 0.015)
    signs = (
        "◆ mean over topics   ○ all questions" if rows[0].by_mean else "● all   ◇ mean over topics"
    )
    ax.set_xlabel(f"ROC AUC of errors (0.5 = chance)   {signs}")
    return ax


def _ends(value: Value) -> tuple[float, float, float]:
    return value.low, value.area, value.high


def leaderboard_figure(
    rows: Sequence[LeaderboardRow], title: str, styles: Styles = BY_NAME
) -> Figure:
    """Draw one plot whose height fits the number of estimators."""
    left = 0.25 + 0.072 * max(len(plain(row.estimator)[:44]) for row in rows)
    figure, ax = single((4.2, 0.21 * len(rows) + 0.15), (left, 2.3, 0.5, 0.55), title)
    draw_leaderboard(ax, rows, styles)
    return figure


@short_repr
@dataclass(frozen=True)
class Heatmap:
    """Labeled matrix.

    Attributes:
        rows, columns: labels of the r rows and c columns.
        values: (r, c) values; NaN = undefined, shown as a dash.
        center: neutral value of the color scale.
        legend: quantity of the values.
        limits: ends of the color scale; fitted to the values if None.
        few: (r, c) true where a value is from too few answers and gray; None for nowhere.
    """

    rows: list[str]
    columns: list[str]
    values: FloatArray
    center: float
    legend: str
    limits: tuple[float, float] | None = None
    few: BoolArray | None = None


def compute_topic_heatmap(metrics: pd.DataFrame) -> Heatmap | None:
    """Arrange ROC AUCs of estimators, best first, by all, macro and topics; None if all undefined.

    Many topics are put in rows, so that the figure fits the width of a page; of very many, those
    with the most questions are drawn.
    """
    stratum = metrics["topic"].str.contains("=") & ~metrics["topic"].str.startswith("topic=")
    chosen = metrics[~stratum]
    table = chosen.pivot(index="estimator", columns="topic", values="roc_auc").astype(float)
    order = [row.estimator for row in compute_leaderboard(metrics)]
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
    """Draw cells with their values, colored by the distance from the center."""
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
        at = (column + 0.5, row + 0.5)
        cell = ax.text(*at, text, ha="center", va="center", fontsize=6.5, color=ink)
        shown = "undefined" if np.isnan(value) else f"{value:.3f}"
        add_tip(cell, f"{heatmap.rows[row]}, {heatmap.columns[column]}: {shown}")
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
    """Draw one plot whose size fits its cells."""
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
    reading="ROC AUC as the unweighted mean over topics (filled diamond) with its 95 % interval, "
    "and over all questions (circle); without a mean over topics the latter leads. To the left of "
    "the line at 0.5, the ranking is inverted. Gray and †: too few answers for an interval.",
    rank=10,
    data="metrics.csv",
)
def leaderboard(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    rows = compute_leaderboard(of.own("metrics"), of.own("selection_by_mean"))
    return [leaderboard_figure(rows, title, of.styles)] if rows else []


@task_figure(
    key="roc_auc_heatmap",
    block="topics",
    title="ROC AUC by estimator and topic",
    reading="Best estimator on top. Blue: above chance, vermilion: below. In parentheses the "
    "number of questions; dash: one class only; gray: too few answers for an interval.",
    rank=10,
    note=topics_note,
    data="metrics.csv",
)
def roc_auc_heatmap(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    heatmap = compute_topic_heatmap(of.own("metrics"))
    return [] if heatmap is None else [heatmap_figure(heatmap, title)]


@task_figure(
    key="correlation",
    block="together",
    title="Rank correlation of the estimators",
    reading="Spearman's rank correlation on the questions scored by both. Near 1, two estimators "
    "are redundant.",
    rank=10,
    data="complementarity.csv",
)
def correlation(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot, best estimator first."""
    pairs = of.own("complementarity")
    known = {*pairs["estimator_a"], *pairs["estimator_b"]} if len(pairs) else set()
    order = [row.estimator for row in compute_leaderboard(of.own("metrics"))]
    names = [name for name in order if name in known]
    labels = [plain(name)[:44] for name in names]
    matrix = correlation_matrix(pairs, names)
    heatmap = Heatmap(labels, labels, matrix, 0.0, "rank correlation", (-1.0, 1.0))
    return [heatmap_figure(heatmap, title)] if names else []
