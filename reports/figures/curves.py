"""Precision-recall and risk-coverage curves of the pooled questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.formatting import marked, number, plain
from ..frames.style import BY_NAME, GRAY, Styles
from ..metrics.evaluation import Evaluation
from ..statistics.intervals import enough
from ..statistics.ranking import FloatArray, TieBlocks
from ..statistics.short_repr import short_repr
from .layout import single
from .task_figure import TaskContext, task_figure

NAMED = 8
POINTS = 300


@short_repr
@dataclass(frozen=True)
class Curve:
    """A curve of one estimator.

    Attributes:
        estimator: its name.
        x, y: (points,) the curve from left to right.
        area: the number in the legend.
        few: whether it comes from too few errors or right answers for an interval.
    """

    estimator: str
    x: FloatArray
    y: FloatArray
    area: float
    few: bool = False


@dataclass(frozen=True)
class Selection:
    """Curves of all estimators with what they are held against.

    Attributes:
        curves: best first.
        error_rate: level of a random order.
        oracle: the risk-coverage curve of a perfect order; None for precision-recall.
    """

    curves: list[Curve]
    error_rate: float
    oracle: Curve | None = None


def _blocks(evaluation: Evaluation) -> list[tuple[str, TieBlocks]]:
    found = []
    for k, estimator in enumerate(evaluation.estimators):
        present = ~np.isnan(evaluation.scores[:, k])
        blocks = TieBlocks.from_rows(evaluation.errors[present], evaluation.scores[present, k])
        if not np.isnan(blocks.roc_auc()):
            found.append((estimator, blocks))
    return found


def _few(blocks: TieBlocks) -> bool:
    return not enough(blocks.n_errors, blocks.n)


def compute_precision_recall(evaluation: Evaluation) -> Selection | None:
    """Precision and recall of errors when the most uncertain answers are flagged first."""
    curves = []
    for estimator, blocks in _blocks(evaluation):
        wrong = np.cumsum(blocks.errors[::-1])
        flagged = np.cumsum((blocks.errors + blocks.correct)[::-1])
        recall, precision = wrong / blocks.n_errors, wrong / flagged
        start = np.concatenate(([0.0], recall)), np.concatenate((precision[:1], precision))
        curves.append(Curve(estimator, *_thinned(*start), blocks.pr_auc(), _few(blocks)))
    curves.sort(key=lambda curve: (curve.few, 0 if curve.few else -curve.area))
    return Selection(curves, float(evaluation.errors.mean())) if curves else None


def compute_risk_coverage(evaluation: Evaluation) -> Selection | None:
    """Error rate of the most certain share of answers, ties averaged, with the oracle's."""
    found = _blocks(evaluation)
    if not found:
        return None
    curves = []
    for estimator, blocks in found:
        risks = blocks.risks()
        shares = np.arange(1, risks.size + 1) / risks.size
        curves.append(Curve(estimator, *_thinned(shares, risks), blocks.aurc(), _few(blocks)))
    n, right = evaluation.errors.size, int((~evaluation.errors).sum())
    kept = np.arange(1, n + 1)
    perfect = np.maximum(kept - right, 0) / kept
    oracle = Curve("oracle", *_thinned(kept / n, perfect), float(perfect.mean()))
    curves.sort(key=lambda curve: (curve.few, 0 if curve.few else curve.area))
    return Selection(curves, float(evaluation.errors.mean()), oracle)


def _thinned(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """At most about `POINTS` of the curve's own points, evenly spread along x."""
    at = np.searchsorted(x, np.linspace(0, 1, POINTS)).clip(max=x.size - 1)
    index = np.unique(np.concatenate((at, [0, x.size - 1])))
    return x[index], y[index]


def draw_curves(ax: Axes, selection: Selection, legend: str, styles: Styles = BY_NAME) -> Axes:
    """The best curves in their colors, the others gray; dotted: what a random order
    is expected to give."""
    others = selection.curves[NAMED:]
    for curve in others:
        ax.plot(curve.x, curve.y, color=GRAY, linewidth=0.6, alpha=0.7)
    looks = styles.lines(curve.estimator for curve in selection.curves[:NAMED])
    for curve in selection.curves[:NAMED]:
        color, dashes = looks[curve.estimator]
        color = GRAY if curve.few else color
        label = f"{plain(curve.estimator)[:34]}  {marked(curve.area, curve.few)}"
        ax.plot(curve.x, curve.y, color=color, linestyle=dashes, label=label)
    if others:
        ends = sorted(curve.area for curve in others)
        label = f"{len(others)} more, {number(ends[0])} to {number(ends[-1])}"
        ax.plot([], [], color=GRAY, linewidth=0.8, label=label)
    rate = selection.error_rate
    label = f"expected by chance  {number(rate)}"
    ax.axhline(rate, color="#222222", linestyle=":", linewidth=1, label=label)
    if selection.oracle is not None:
        label = f"oracle  {number(selection.oracle.area)}"
        ax.plot(selection.oracle.x, selection.oracle.y, color="#222222", linewidth=1, label=label)
    ax.set_xlim(0, 1)
    ax.grid(True, axis="both")
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title=legend, alignment="left")
    return ax


def precision_recall_figure(selection: Selection, title: str, styles: Styles = BY_NAME) -> Figure:
    """One square plot with its legend at the right."""
    figure, ax = single((3.8, 3.4), (0.65, 3.1, 0.5, 0.55), title)
    draw_curves(ax, selection, "PR AUC", styles)
    low = min(float(np.quantile(curve.y, 0.03)) for curve in selection.curves)
    ax.set_ylim(max(0.0, min(low, selection.error_rate) - 0.05), 1.0)
    ax.set(xlabel="share of errors flagged (recall)", ylabel="share of flags that are errors")
    return figure


def risk_coverage_figure(selection: Selection, title: str, styles: Styles = BY_NAME) -> Figure:
    """One plot with its legend at the right."""
    figure, ax = single((4.2, 3.4), (0.65, 3.1, 0.5, 0.55), title)
    draw_curves(ax, selection, "AURC (lower is better)", styles)
    highest = max(float(np.quantile(curve.y, 0.98)) for curve in selection.curves)
    ax.set_ylim(0, min(1.0, 1.1 * max(highest, selection.error_rate)))
    ax.set(xlabel="coverage: share of answers kept", ylabel="risk: error rate of those kept")
    return figure


@task_figure(
    key="pr_curves",
    block="curves",
    title="Precision-recall curves",
    reading="All questions pooled: of the answers flagged so far the share that are errors, "
    "against the share of all errors found. Dotted: a random order.",
    rank=20,
)
def pr_curves(of: TaskContext, title: str) -> list[Figure]:
    """One plot."""
    selection = compute_precision_recall(of.one)
    return [precision_recall_figure(selection, title, of.styles)] if selection else []


@task_figure(
    key="risk_coverage",
    block="curves",
    title="Risk-coverage curves",
    reading="Error rate of the most certain answers against the share that is kept. Dotted: a "
    "random order; black: an oracle that keeps every right answer first.",
    rank=30,
)
def risk_coverage(of: TaskContext, title: str) -> list[Figure]:
    """One plot."""
    selection = compute_risk_coverage(of.one)
    return [risk_coverage_figure(selection, title, of.styles)] if selection else []
