"""Precision-recall and risk-coverage curves of the pooled questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.formatting import marked, number, plain
from ..frames.style import BY_NAME, GRAY, Styles
from ..frames.tooltips import add_tip
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
    """Curve of one estimator.

    Attributes:
        estimator: name of the estimator.
        x, y: (points,) the curve from left to right.
        area: area under the curve, for the legend.
        few: whether it is from too few errors or correct answers for an interval.
    """

    estimator: str
    x: FloatArray
    y: FloatArray
    area: float
    few: bool = False


@dataclass(frozen=True)
class Selection:
    """Curves of all estimators with their reference levels.

    Attributes:
        curves: best first.
        error_rate: expected level of a random ranking.
        oracle: risk-coverage curve of a perfect ranking; None for precision-recall.
    """

    curves: list[Curve]
    error_rate: float
    oracle: Curve | None = None


def _blocks(evaluation: Evaluation) -> list[tuple[str, TieBlocks]]:
    scored = []
    for k, estimator in enumerate(evaluation.estimators):
        present = ~np.isnan(evaluation.scores[:, k])
        blocks = TieBlocks.from_rows(evaluation.errors[present], evaluation.scores[present, k])
        if not np.isnan(blocks.roc_auc()):
            scored.append((estimator, blocks))
    return scored


def _few(blocks: TieBlocks) -> bool:
    return not enough(blocks.n_errors, blocks.n)


def compute_precision_recall(evaluation: Evaluation) -> Selection | None:
    """Compute precision-recall curves of errors, most uncertain answers flagged first."""
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
    """Compute risk-coverage curves, averaged over ties, with that of the oracle."""
    scored = _blocks(evaluation)
    if not scored:
        return None
    curves = []
    for estimator, blocks in scored:
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
    """Subsample about `POINTS` points of a curve, evenly along x."""
    at = np.searchsorted(x, np.linspace(0, 1, POINTS)).clip(max=x.size - 1)
    index = np.unique(np.concatenate((at, [0, x.size - 1])))
    return x[index], y[index]


def draw_curves(ax: Axes, selection: Selection, legend: str, styles: Styles = BY_NAME) -> Axes:
    """Draw the best curves in color, the others in gray, and a random ranking as a dotted line."""
    others = selection.curves[NAMED:]
    for curve in others:
        (line,) = ax.plot(curve.x, curve.y, color=GRAY, linewidth=0.6, alpha=0.7)
        add_tip(line, f"{plain(curve.estimator)}: {legend} {marked(curve.area, curve.few)}")
    looks = styles.lines(curve.estimator for curve in selection.curves[:NAMED])
    for curve in selection.curves[:NAMED]:
        color, dashes = looks[curve.estimator]
        color = GRAY if curve.few else color
        label = f"{plain(curve.estimator)[:34]}  {marked(curve.area, curve.few)}"
        (line,) = ax.plot(curve.x, curve.y, color=color, linestyle=dashes, label=label)
        add_tip(line, f"{plain(curve.estimator)}: {legend} {marked(curve.area, curve.few)}")
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
    """Draw one square plot with its legend on the right."""
    figure, ax = single((3.8, 3.4), (0.65, 3.1, 0.5, 0.55), title)
    draw_curves(ax, selection, "PR AUC", styles)
    low = min(float(np.quantile(curve.y, 0.03)) for curve in selection.curves)
    ax.set_ylim(max(0.0, min(low, selection.error_rate) - 0.05), 1.0)
    ax.set(xlabel="share of errors flagged (recall)", ylabel="share of flags that are errors")
    return figure


def risk_coverage_figure(selection: Selection, title: str, styles: Styles = BY_NAME) -> Figure:
    """Draw one plot with its legend on the right."""
    figure, ax = single((4.2, 3.4), (0.65, 3.1, 0.5, 0.55), title)
    draw_curves(ax, selection, "AURC (lower is better)", styles)
    highest = max(float(np.quantile(curve.y, 0.98)) for curve in selection.curves)
    ax.set_ylim(0, min(1.0, 1.1 * max(highest, selection.error_rate)))
    ax.set(xlabel="coverage: share of answers kept", ylabel="risk: error rate of those kept")
    return figure


def _points(selection: Selection | None, x: str, y: str) -> pd.DataFrame:
    """Tabulate the points of all curves."""
    curves = selection.curves if selection else []
    frames = [pd.DataFrame({"estimator": c.estimator, x: c.x, y: c.y}) for c in curves]
    return pd.concat(frames) if frames else pd.DataFrame(columns=["estimator", x, y])


@task_figure(
    key="pr_curves",
    block="curves",
    title="Precision-recall curves",
    reading="All questions pooled, most uncertain answers flagged first: share of flagged answers "
    "that are errors (precision) against share of all errors flagged (recall). Dotted: random "
    "ranking.",
    rank=20,
    values=lambda of: _points(compute_precision_recall(of.evaluation), "recall", "precision"),
)
def pr_curves(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    selection = compute_precision_recall(of.evaluation)
    return [precision_recall_figure(selection, title, of.styles)] if selection else []


@task_figure(
    key="risk_coverage",
    block="curves",
    title="Risk-coverage curves",
    reading="Error rate of the most certain answers against their share. Dotted: random ranking; "
    "black: oracle that keeps all correct answers first.",
    rank=30,
    values=lambda of: _points(compute_risk_coverage(of.evaluation), "coverage", "risk"),
)
def risk_coverage(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    selection = compute_risk_coverage(of.evaluation)
    return [risk_coverage_figure(selection, title, of.styles)] if selection else []
