"""Histograms of scores by correctness, and ROC curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..frames.formatting import count, marked, plain
from ..frames.style import BY_NAME, CORRECT_COLOR, ERROR_COLOR, GRAY, Styles
from ..frames.tooltips import add_tip
from ..metrics.evaluation import Evaluation
from ..statistics.intervals import enough
from ..statistics.ranking import FloatArray, IntArray, TieBlocks
from ..statistics.short_repr import short_repr
from .layout import COLUMNS, pages, panels, single
from .task_figure import TaskContext, task_figure

BIN_WIDTH = 0.1
LARGEST, SMALLEST = 1e100, 1e-100
"""Largest and smallest magnitude for which axes are computable in floating point."""
CLOSEST = 1e-9
"""Relative difference below which ticks of an axis are indistinguishable."""
CURVES = 8
_FEW = 12


@short_repr
@dataclass(frozen=True)
class ScoreHistogram:
    """Histogram of correct answers and errors by one estimator's score.

    Attributes:
        estimator: name of the estimator.
        edges: (bins + 1,) bin edges, ascending.
        correct, errors: (bins,) counts; the outer bins include values beyond the edges.
        unscored: number of rows without a finite score, in no bin.
    """

    estimator: str
    edges: FloatArray
    correct: IntArray
    errors: IntArray
    unscored: int


def bin_edges(estimator: str, scores: FloatArray) -> FloatArray:
    """Choose bin edges for finite scores (n,): bins of 0.1 nats for entropies, else by the values.

    Few distinct values get a bin each, values in [0, 1] twenty bins, others thirty bins between
    the 0.5 % and 99.5 % quantiles. Entropies that are all below 1 nat get twenty bins up to the
    next round number (1, 2 or 5 × 10^k). Scores are clipped to ±1e100, and scores that differ by
    less than the resolution of a figure count as equal.
    """
    if scores.size == 0:
        return np.array([0.0, 1.0])
    scores = np.clip(scores, -LARGEST, LARGEST)
    scores = np.where(np.abs(scores) < SMALLEST, 0.0, scores)
    low, high = float(scores.min()), float(scores.max())
    nonnegative = low >= 0
    if "entropy" in estimator and low >= 0 and high <= 150 * BIN_WIDTH:
        if 0 < high < 10 * BIN_WIDTH:
            return np.linspace(0, _round_up(high), 21)
        last = int(np.floor(high / BIN_WIDTH + 1e-9))
        return BIN_WIDTH * np.arange(last + 2, dtype=np.float64)
    distinct = np.unique(scores)
    if high - low <= CLOSEST * max(abs(low), abs(high)):
        return _around(low)
    if distinct.size <= _FEW:
        middle = (distinct[1:] + distinct[:-1]) / 2
        ends = (2 * low - middle[0], 2 * high - middle[-1])
        return np.array([ends[0], *middle, ends[1]], dtype=np.float64)
    if low >= 0 and high <= 1:
        return np.linspace(0, 1, 21)
    low, high = map(float, np.quantile(scores, [0.005, 0.995]))
    if nonnegative and low < 0.1 * high:
        low = 0.0
    return np.linspace(low, high, 31) if high > low else _around(low)


def _around(value: float) -> FloatArray:
    """Return the edges of one bin centered at a value."""
    half = max(0.5, abs(value) / 1000)
    return np.array([value - half, value + half])


def _round_up(value: float) -> float:
    """Round `value` > 0 up to 1, 2 or 5 × 10^k."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(step * power for step in (1, 2, 5, 10) if value <= step * power * (1 + 1e-9)))


def compute_histograms(evaluation: Evaluation) -> list[ScoreHistogram]:
    """Compute one histogram per estimator with any finite score."""
    result = []
    for k, estimator in enumerate(evaluation.estimators):
        scores = evaluation.raw[:, k]
        finite = np.isfinite(scores)
        if not finite.any():
            continue
        edges = bin_edges(estimator, scores[finite])
        inside = np.clip(scores, edges[0], edges[-1])
        correct, errors = (
            np.histogram(inside[finite & chosen], edges)[0].astype(np.int64)
            for chosen in (~evaluation.errors, evaluation.errors)
        )
        result.append(ScoreHistogram(estimator, edges, correct, errors, int((~finite).sum())))
    return result


def draw_histogram(ax: Axes, histogram: ScoreHistogram) -> Axes:
    """Draw overlaid histograms of correct answers (filled) and errors (outlined)."""
    edges = histogram.edges
    ax.stairs(histogram.correct, edges, fill=True, color=CORRECT_COLOR, alpha=0.55)
    ax.stairs(histogram.errors, edges, color=ERROR_COLOR, linewidth=1.5)
    ax.set_xlim(edges[0], edges[-1])
    ax.grid(True, axis="y")
    ax.locator_params(axis="both", nbins=5)
    tallest = max(1, int(histogram.correct.max()), int(histogram.errors.max()))
    ax.set_ylim(0, tallest * (1.2 if histogram.unscored else 1.05))
    if histogram.unscored:
        note = f"{count(histogram.unscored)} not scored"
        ax.text(0.98, 0.98, note, transform=ax.transAxes, ha="right", va="top", fontsize=7)
    ax.set_title(plain(histogram.estimator), loc="left")
    return ax


def histogram_figures(histograms: Sequence[ScoreHistogram], title: str) -> list[Figure]:
    """Draw figures of at most twelve panels each."""
    figures = []
    for part in pages(histograms):
        figure, axes = panels(len(part), (2.15, 1.5), title, left=0.75, gap=(0.55, 0.62))
        for index, (ax, histogram) in enumerate(zip(axes, part, strict=True)):
            draw_histogram(ax, histogram)
            if index % COLUMNS == 0:
                ax.set_ylabel("questions")
            if index >= len(part) - COLUMNS:
                ax.set_xlabel("score (higher = less certain)")
        width, height = figure.get_size_inches()
        handles = [
            Patch(color=CORRECT_COLOR, alpha=0.55, label="correct"),
            Patch(facecolor="none", edgecolor=ERROR_COLOR, linewidth=1.5, label="wrong"),
        ]
        corner = (0.05 / width, 1 - 0.3 / height)
        figure.legend(handles=handles, loc="upper left", ncols=2, bbox_to_anchor=corner)
        figures.append(figure)
    return figures


@short_repr
@dataclass(frozen=True)
class RocCurve:
    """ROC curve of one estimator: rates (points,) from (0, 0) to (1, 1), and its area.

    `few` tells that there are too few errors or correct answers for an interval.
    """

    estimator: str
    false_positive_rate: FloatArray
    true_positive_rate: FloatArray
    roc_auc: float
    few: bool = False


def compute_roc_curves(evaluation: Evaluation) -> list[RocCurve]:
    """Compute pooled curves of the estimators with a defined AUC, highest first, small n last."""
    curves = []
    for k, estimator in enumerate(evaluation.estimators):
        present = ~np.isnan(evaluation.scores[:, k])
        blocks = TieBlocks.from_rows(evaluation.errors[present], evaluation.scores[present, k])
        if not np.isnan(blocks.roc_auc()):
            false, true = _thinned(*blocks.roc_curve())
            few = not enough(blocks.n_errors, blocks.n)
            curves.append(RocCurve(estimator, false, true, blocks.roc_auc(), few))
    return sorted(curves, key=lambda curve: (curve.few, 0 if curve.few else -curve.roc_auc))


def _thinned(
    false: FloatArray, true: FloatArray, points: int = 400
) -> tuple[FloatArray, FloatArray]:
    """Subsample about `points` points of a curve, evenly along it."""
    along = np.searchsorted(false + true, np.linspace(0, 2, points))
    index = np.unique(np.concatenate((along.clip(max=false.size - 1), [0, false.size - 1])))
    return false[index], true[index]


def draw_roc_curves(
    ax: Axes, curves: Sequence[RocCurve], named: int = CURVES, styles: Styles = BY_NAME
) -> Axes:
    """Draw the first `named` curves in color, the others in gray, and chance as the diagonal."""
    ax.plot([0, 1], [0, 1], color="#222222", linewidth=0.8)
    others = curves[named:]
    for index, curve in enumerate(others):
        best = "" if curve.few else f", {others[0].roc_auc:.3f} and below"
        label = "" if index else f"{len(others)} more{best}"
        rates = (curve.false_positive_rate, curve.true_positive_rate)
        (line,) = ax.plot(*rates, color=GRAY, linewidth=0.6, alpha=0.7, label=label or None)
        add_tip(line, f"{plain(curve.estimator)}: ROC AUC {marked(curve.roc_auc, curve.few)}")
    looks = styles.lines(curve.estimator for curve in curves[:named])
    for curve in curves[:named]:
        color, dashes = looks[curve.estimator]
        color = GRAY if curve.few else color
        label = f"{plain(curve.estimator)[:34]}  {marked(curve.roc_auc, curve.few)}"
        rates = (curve.false_positive_rate, curve.true_positive_rate)
        (line,) = ax.plot(*rates, color=color, linestyle=dashes, label=label)
        add_tip(line, f"{plain(curve.estimator)}: ROC AUC {marked(curve.roc_auc, curve.few)}")
    ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set_xlabel("share of correct answers flagged")
    ax.set_ylabel("share of errors flagged")
    ax.grid(True, axis="both")
    handles, labels = ax.get_legend_handles_labels()
    if len(others):
        handles, labels = handles[1:] + handles[:1], labels[1:] + labels[:1]
    ax.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(1.02, 1.0),
        title="ROC AUC",
        alignment="left",
    )
    return ax


def roc_figure(curves: Sequence[RocCurve], title: str, styles: Styles = BY_NAME) -> Figure:
    """Draw one square plot of pooled ROC curves with its legend on the right."""
    figure, ax = single((3.8, 3.8), (0.65, 3.1, 0.55, 0.55), title)
    draw_roc_curves(ax, curves, styles=styles)
    return figure


def _rates(of: TaskContext) -> pd.DataFrame:
    """Tabulate the points of all ROC curves."""
    names = ("estimator", "false_positive_rate", "true_positive_rate")
    curves = compute_roc_curves(of.evaluation)
    columns = ((c.estimator, c.false_positive_rate, c.true_positive_rate) for c in curves)
    return pd.concat([pd.DataFrame(dict(zip(names, c, strict=True))) for c in columns])


def _bins(of: TaskContext) -> pd.DataFrame:
    """Tabulate the bins of all histograms."""
    frames = [
        pd.DataFrame(
            {
                **{"estimator": h.estimator, "score_from": h.edges[:-1], "score_to": h.edges[1:]},
                **{"correct": h.correct, "wrong": h.errors},
            }
        )
        for h in compute_histograms(of.evaluation)
    ]
    return pd.concat(frames)


@task_figure(
    key="roc_curves",
    block="curves",
    title="ROC curves",
    reading="All questions pooled, most uncertain answers flagged first: share of errors flagged "
    "(true positive rate) against share of correct answers flagged (false positive rate).",
    rank=10,
    values=_rates,
)
def roc_curves(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    curves = compute_roc_curves(of.evaluation)
    return [roc_figure(curves, title, of.styles)] if curves else []


@task_figure(
    key="score_histograms",
    block="curves",
    title="Scores by correctness",
    reading="Number of questions per bin of the score; entropies in bins of 0.1 nats. The outer "
    "bins include values beyond the edges.",
    rank=40,
    values=_bins,
)
def score_histograms(of: TaskContext, title: str) -> list[Figure]:
    """Draw panels, one per estimator, on one or more pages."""
    return histogram_figures(compute_histograms(of.evaluation), title)
