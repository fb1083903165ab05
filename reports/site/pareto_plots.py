"""Two plots of a task: what a better ranking costs, and whether better models rank better."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analyses.scores.scaling import pareto_front
from ..figures.layout import single
from ..frames.figure_kind import FigureKind
from ..frames.formatting import plain
from ..frames.style import BLUE, GRAY
from ..statistics.ranking import FloatArray
from .standings import Standings

COST = FigureKind(
    "auc_cost",
    "ROC AUC against cost",
    "Estimators of all models, by the mean over topics of the ROC AUC; the cost is that of every "
    "signal that an estimator needs. The line joins the points that no cheaper one equals.",
    data="metrics.csv",
)
ACCURACY = FigureKind(
    "accuracy_auc",
    "Accuracy against ROC AUC",
    "Models by accuracy and by the mean over topics of their best estimator's ROC AUC (controls "
    "apart). The best of several estimators is chosen on the same questions, so that the values "
    "are too high by some thousandths; the models' pages have them corrected.",
    data="metrics.csv",
)
_LABELED = 20
"""The largest number of points with names."""


def cost_figure(standings: Standings, task: str) -> Figure | None:
    """Draw mean ROC AUC against seconds per question; None if fewer than two costs are known."""
    found = [
        (standings.cost(model, task, name), area, name)
        for model in standings.models_of(task)
        for rows in [standings.ranked(model, task)]
        for name, area in zip(map(str, rows["estimator"]), map(float, rows["roc_auc"]), strict=True)
        if not standings.trait(name).is_control
    ]
    points = [(cost, area, name) for cost, area, name in found if cost > 0 and not np.isnan(area)]
    if len(points) < 2:
        return None
    figure, ax = _axes(f"ROC AUC against cost, {plain(task)}")
    _draw(ax, points)
    ax.set_xscale("log")
    ax.set_xlabel("seconds per question")
    ax.set_ylabel("mean ROC AUC over topics")
    return figure


def accuracy_figure(standings: Standings, task: str) -> Figure | None:
    """Draw each model's best mean ROC AUC against its accuracy; None for fewer than two models."""
    points = []
    for model in standings.models_of(task):
        area = standings.best(model, task)
        if not np.isnan(area):
            accuracy = float(standings.pooled(model, task)["accuracy"].iloc[0])
            points.append((accuracy, area, model))
    if len(points) < 2:
        return None
    figure, ax = _axes(f"Accuracy against ROC AUC, {plain(task)}")
    _draw(ax, points, front=False)
    ax.set_xlabel("accuracy")
    ax.set_ylabel("best estimator's mean ROC AUC")
    return figure


def _axes(title: str) -> tuple[Figure, Axes]:
    return single((6.2, 3.4), (0.75, 2.4, 0.5, 0.6), title)


def _draw(ax: Axes, points: list[tuple[float, float, str]], front: bool = True) -> None:
    x: FloatArray = np.array([point[0] for point in points])
    y: FloatArray = np.array([point[1] for point in points])
    ax.axhline(0.5, color=GRAY, linewidth=0.8)
    ax.plot(x, y, "o", color=BLUE, markersize=4)
    named = np.ones(len(points), dtype=np.bool_)
    if front:
        named = pareto_front(x, y)
        order = np.flatnonzero(named)[np.argsort(x[named])]
        ax.step(x[order], y[order], where="post", color=BLUE, linewidth=1)
    ax.margins(0.08)
    chosen = np.flatnonzero(named)
    if chosen.size <= _LABELED:
        _label(ax, [points[place] for place in chosen[np.argsort(-y[chosen])]])


def _label(ax: Axes, points: list[tuple[float, float, str]]) -> None:
    """Write names beside the plot, from the highest point down, with lines to their points."""
    heights = np.linspace(0.98, 0.02, max(len(points), 2))
    for (x, y, name), height in zip(points, heights, strict=False):
        ax.annotate(
            plain(name)[:36],
            (x, y),
            (1.03, float(height)),
            textcoords="axes fraction",
            fontsize=7,
            va="center",
            arrowprops={"arrowstyle": "-", "color": GRAY, "linewidth": 0.5, "shrinkB": 3},
        )
