"""Predicted against correct option letters, and conformal sets by topic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analyses.positions import Positions
from ..frames.formatting import count, percent, plain
from ..frames.limits import drawn_topics
from ..frames.style import BLUE, GRAY, ORANGE, SKY, VERMILION
from ..metrics.evaluation import ALL
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from .layout import single
from .task_figure import TaskContext, task_figure, topics_note


def draw_positions(ax: Axes, positions: Positions) -> Axes:
    """Draw shares of correct options and of answers per letter as bars, recall as points."""
    at = np.arange(len(positions.letters))
    total = max(int(positions.gold.sum()), 1)
    ax.bar(at - 0.2, positions.gold / total, 0.38, color=GRAY, label="correct option")
    ax.bar(at + 0.2, positions.predicted / total, 0.38, color=SKY, label="answer given")
    ax.set_xticks(at, [plain(letter) for letter in positions.letters])
    ax.set_xlabel("option letter")
    ax.set_ylabel("share of questions")
    ax.grid(True, axis="y")
    ax.grid(False, axis="x")
    twin, recall = ax.twinx(), "recall (right scale)"
    twin.plot(at, positions.recall, "D", color=VERMILION, markersize=4.5, label=recall)
    twin.set_ylim(0, 1)
    twin.set_ylabel("recall")
    twin.spines["right"].set_visible(True)
    twin.grid(False)
    handles = [
        pair for axes in (ax, twin) for pair in zip(*axes.get_legend_handles_labels(), strict=True)
    ]
    ax.legend(*zip(*handles, strict=True), loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3)
    return ax


def positions_figure(positions: Positions, title: str) -> Figure:
    """Draw one plot with its legend on top."""
    width = max(4.2, 0.5 * len(positions.letters))
    figure, ax = single((width, 2.4), (0.7, 0.7, 0.8, 0.85), title)
    draw_positions(ax, positions)
    statistic, freedom, p = positions.chi_square()
    if freedom:
        shown = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
        note = f"χ² = {statistic:.1f}, {freedom} degrees of freedom, {shown}"
        note += f"; standard deviation of recall {positions.recall_spread():.3f}"
        size = figure.get_size_inches()
        figure.text(0.7 / size[0], 0.12 / size[1], note, fontsize=7.5, va="bottom")
    return figure


@short_repr
@dataclass(frozen=True)
class SetsByTopic:
    """Conformal sets of both methods at one α, pooled and by topic.

    Attributes:
        alpha: error rate; the target coverage is 1 - alpha.
        groups: labels of the g groups with their n.
        methods: names of the methods.
        coverage, low, high: (methods, g) coverage in [0, 1] with its interval.
        size: (methods, g) mean number of options in a set.
    """

    alpha: float
    groups: list[str]
    methods: list[str]
    coverage: FloatArray
    low: FloatArray
    high: FloatArray
    size: FloatArray


def compute_sets_by_topic(conformal: pd.DataFrame, alpha: float = 0.1) -> SetsByTopic | None:
    """Arrange a frame from `compute_conformal` of one model on one task; None if it is empty."""
    own = conformal[np.isclose(conformal["alpha"].astype(float), alpha)]
    if own.empty:
        return None
    stratum = own["topic"].str.contains("=") & ~own["topic"].str.startswith("topic=")
    methods = list(dict.fromkeys(own["method"]))
    n = own[~stratum].groupby("topic", sort=False)["n"].max()
    groups = drawn_topics(n, (ALL,))
    tables = [
        np.stack(
            [
                own[own["method"] == method].set_index("topic")[name].reindex(groups).astype(float)
                for method in methods
            ]
        )
        for name in ("coverage", "coverage_low", "coverage_high", "set_size")
    ]
    labels = [f"{plain(group)} ({count(float(n[group]))})" for group in groups]
    return SetsByTopic(alpha, labels, methods, *tables)


def conformal_figure(sets: SetsByTopic, title: str) -> Figure:
    """Draw coverage with its target on the left, mean set size on the right."""
    left = 0.3 + 0.075 * max(map(len, sets.groups))
    width, height, gap = 2.9, 0.22 * len(sets.groups) + 0.2, 0.35
    total = (left + 2 * width + gap + 0.3, height + 1.35)
    margins = (left, total[0] - left - width, 0.8, 0.55)
    figure, first = single((width, height), margins, title)
    box = ((left + width + gap) / total[0], 0.55 / total[1], width / total[0], height / total[1])
    second = figure.add_axes(box, sharey=first)
    at = np.arange(len(sets.groups), dtype=np.float64)
    at[1:] += 0.5
    for index, method in enumerate(sets.methods):
        color, y = (BLUE, ORANGE)[index % 2], at + (index - 0.5) * 0.26
        first.hlines(y, sets.low[index], sets.high[index], color=color, linewidth=1.2)
        first.plot(sets.coverage[index], y, "o", color=color, markersize=3.5, label=method)
        second.barh(y, sets.size[index], height=0.26, color=color)
    target = f"target {percent(1 - sets.alpha)}"
    first.axvline(1 - sets.alpha, color="#222222", linewidth=0.9, label=target)
    first.set_yticks(at, sets.groups)
    first.set_ylim(at[-1] + 0.6, -0.6)
    first.set_xlabel("coverage: share of sets with the correct option")
    first.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
    second.set_xlabel("mean set size (options)")
    second.tick_params(labelleft=False)
    return figure


@task_figure(
    key="conformal_sets",
    block="conformal",
    title="Conformal sets at α = 0.1",
    reading="Left: share of the sets that contain the correct option, with 95 % intervals; the "
    "line is the target. Right: mean number of options in a set. Each half of the questions is "
    "calibrated on the other, all topics pooled, so that single topics may miss the target.",
    rank=10,
    note=topics_note,
    data="conformal.csv",
)
def conformal_sets(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    sets = compute_sets_by_topic(of.own("conformal"))
    return [] if sets is None else [conformal_figure(sets, title)]


@task_figure(
    key="option_positions",
    block="letters",
    title="Option letters",
    reading="Frequency of each letter as the correct option and as an answer; diamonds: recall, "
    "the accuracy on questions with that correct letter. The test is of equal frequencies.",
    rank=10,
    data="positions.csv",
)
def option_positions(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    positions = of.analyses.letters.get((of.evaluation.model, of.evaluation.task))
    return [] if positions is None else [positions_figure(positions, title)]
