"""Reliability diagrams of scores that are probabilities, as given and calibrated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.formatting import number, plain
from ..frames.style import BLUE, GRAY, VERMILION
from ..metrics.calibration_error import calibration_bins, ece
from ..metrics.conformal_sets import halves
from ..metrics.evaluation import Evaluation
from ..statistics.intervals import exact_share
from ..statistics.ranking import BoolArray, FloatArray, IntArray
from ..statistics.short_repr import short_repr
from .layout import COLUMNS, pages, panels
from .task_figure import TaskContext, task_figure

BINS = 10


@short_repr
@dataclass(frozen=True)
class Reliability:
    """One estimator: confidence (1 - score) against accuracy, over ten bins of equal width.

    Attributes:
        estimator: its name.
        confidence, accuracy: (b,) means per non-empty bin, ascending in confidence.
        low, high: (b,) the exact 95 % interval of the accuracy.
        count: (b,) rows per bin.
        ece: over 15 bins of equal width, as in metrics.csv.
        calibrated_confidence, calibrated_accuracy: the same after isotonic calibration, each half
            of the questions fitted on the other, over bins of equal mass; empty where a half has
            one class.
        calibrated_ece: its ECE.
    """

    estimator: str
    confidence: FloatArray
    accuracy: FloatArray
    low: FloatArray
    high: FloatArray
    count: IntArray
    ece: float
    calibrated_confidence: FloatArray
    calibrated_accuracy: FloatArray
    calibrated_ece: float


def calibrate(errors: BoolArray, scores: FloatArray, half: BoolArray) -> FloatArray | None:
    """Isotonic calibration (n,) of scores (n,), each half fitted on the other; None if it can't."""
    from sklearn.isotonic import IsotonicRegression

    result = np.empty_like(scores)
    for side in (half, ~half):
        if errors[~side].all() or not errors[~side].any():
            return None
        fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        fitted.fit(scores[~side], errors[~side])
        if side.any():
            result[side] = fitted.predict(scores[side])
    return np.clip(result, 0, 1)


def compute_reliability(
    evaluation: Evaluation, probabilities: Collection[str], seed: int = 0
) -> list[Reliability]:
    """One per estimator that is among `probabilities`, on answered and scored rows."""
    found = []
    for k, estimator in enumerate(evaluation.estimators):
        raw = evaluation.raw[:, k]
        chosen = ~np.isnan(raw) & ~evaluation.unparsed
        errors, scores = evaluation.errors[chosen], raw[chosen]
        outside = bool(((scores < 0) | (scores > 1)).any())
        if estimator not in probabilities or not scores.size or outside:
            continue
        half = halves(evaluation.question_ids[chosen], seed)
        found.append(reliability_of(estimator, errors, scores, calibrate(errors, scores, half)))
    return found


def reliability_of(
    estimator: str, errors: BoolArray, scores: FloatArray, calibrated: FloatArray | None
) -> Reliability:
    """Bins of errors (n,) and scores (n,) in [0, 1], and of the calibrated scores if given."""
    bins = calibration_bins(errors, scores, BINS)
    right = bins.count - bins.errors
    ends = np.array(
        [exact_share(float(r), float(n)) for r, n in zip(right, bins.count, strict=True)]
    )
    empty = np.zeros(0)
    after = None if calibrated is None else calibration_bins(errors, calibrated, BINS, "mass")
    return Reliability(
        estimator=estimator,
        confidence=(1 - bins.mean_score)[::-1],
        accuracy=(1 - bins.error_rate)[::-1],
        low=ends[::-1, 0],
        high=ends[::-1, 1],
        count=bins.count[::-1],
        ece=ece(errors, scores),
        calibrated_confidence=empty if after is None else (1 - after.mean_score)[::-1],
        calibrated_accuracy=empty if after is None else (1 - after.error_rate)[::-1],
        calibrated_ece=float("nan") if calibrated is None else ece(errors, calibrated),
    )


def draw_reliability(ax: Axes, one: Reliability) -> Axes:
    """Accuracy against confidence with a 95 % band; gray columns are the shares of rows."""
    ax.plot([0, 1], [0, 1], color="#222222", linewidth=0.8)
    share = one.count / max(int(one.count.sum()), 1)
    ax.bar(one.confidence, share, width=0.05, color=GRAY, alpha=0.35)
    ax.fill_between(one.confidence, one.low, one.high, color=BLUE, alpha=0.2, linewidth=0)
    label = f"as given, ECE {number(one.ece)}"
    ax.plot(one.confidence, one.accuracy, "o-", color=BLUE, markersize=3.5, label=label)
    if one.calibrated_confidence.size:
        label = f"calibrated, ECE {number(one.calibrated_ece)}"
        points = (one.calibrated_confidence, one.calibrated_accuracy)
        ax.plot(*points, "s--", color=VERMILION, markersize=3, linewidth=1.1, label=label)
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    ax.grid(True, axis="both")
    ax.set_title(plain(one.estimator)[:32], loc="left")
    ax.legend(loc="upper left", bbox_to_anchor=(-0.03, -0.2), fontsize=7, handlelength=1.6)
    return ax


def reliability_figures(diagrams: Sequence[Reliability], title: str) -> list[Figure]:
    """Figures of at most twelve panels each."""
    figures = []
    for part in pages(diagrams):
        figure, axes = panels(len(part), (1.9, 1.9), title, left=0.75, gap=(0.5, 1.15), bottom=1.0)
        for index, (ax, one) in enumerate(zip(axes, part, strict=True)):
            draw_reliability(ax, one)
            ax.set_xlabel("confidence", labelpad=1)
            if index % COLUMNS == 0:
                ax.set_ylabel("accuracy")
        figures.append(figure)
    return figures


@task_figure(
    key="reliability",
    block="calibration",
    title="Reliability diagrams",
    reading="Accuracy against confidence (1 - score) over ten bins, with a 95 % band; on the "
    "diagonal a score means what it says. Gray: share of the questions per bin. "
    "Calibrated: isotonic, each half of the questions fitted on the other.",
    rank=10,
)
def reliability(of: TaskContext, title: str) -> list[Figure]:
    """Pages of panels, one per score that is a probability."""
    seed = int(of.own("metrics")["seed"].iloc[0])
    return reliability_figures(compute_reliability(of.one, of.data.probabilities, seed), title)
