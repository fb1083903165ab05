"""Reliability diagrams of scores that are probabilities, original and calibrated."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.formatting import count, interval, number, plain
from ..frames.style import BLUE, GRAY, VERMILION
from ..frames.tooltips import add_tip
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
    """Confidence (1 - score) against accuracy of one estimator, over ten bins of equal width.

    Attributes:
        estimator: name of the estimator.
        confidence, accuracy: (b,) means per non-empty bin, ascending in confidence.
        low, high: (b,) the exact 95 % interval of the accuracy.
        count: (b,) number of rows per bin.
        ece: expected calibration error over 15 bins of equal width, as in metrics.csv.
        calibrated_confidence, calibrated_accuracy: the same after two-fold cross-fitted isotonic
            calibration, over bins of equal mass; empty where a half has one class only.
        calibrated_ece: expected calibration error after calibration.
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
    """Calibrate scores (n,) by isotonic regression, each half fitted on the other.

    None where a half has one class only.
    """
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
    """Compute diagrams of the estimators in `probabilities`, on answered and scored rows."""
    diagrams = []
    for k, estimator in enumerate(evaluation.estimators):
        raw = evaluation.raw[:, k]
        chosen = ~np.isnan(raw) & ~evaluation.unparsed
        errors, scores = evaluation.errors[chosen], raw[chosen]
        outside = bool(((scores < 0) | (scores > 1)).any())
        if estimator not in probabilities or not scores.size or outside:
            continue
        half = halves(evaluation.question_ids[chosen], seed)
        diagrams.append(reliability_of(estimator, errors, scores, calibrate(errors, scores, half)))
    return diagrams


def reliability_of(
    estimator: str, errors: BoolArray, scores: FloatArray, calibrated: FloatArray | None
) -> Reliability:
    """Bin errors (n,) and scores (n,) in [0, 1], and calibrated scores if given."""
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


def draw_reliability(ax: Axes, diagram: Reliability) -> Axes:
    """Draw accuracy against confidence with a 95 % band, and the shares of rows as gray bars."""
    ax.plot([0, 1], [0, 1], color="#222222", linewidth=0.8)
    share = diagram.count / max(int(diagram.count.sum()), 1)
    ax.bar(diagram.confidence, share, width=0.05, color=GRAY, alpha=0.35)
    ax.fill_between(
        diagram.confidence, diagram.low, diagram.high, color=BLUE, alpha=0.2, linewidth=0
    )
    label = f"as given, ECE {number(diagram.ece)}"
    points = (diagram.confidence, diagram.accuracy)
    (line,) = ax.plot(*points, "o-", color=BLUE, markersize=3.5, label=label)
    add_tip(line, *_bin_tips(diagram))
    if diagram.calibrated_confidence.size:
        label = f"calibrated, ECE {number(diagram.calibrated_ece)}"
        points = (diagram.calibrated_confidence, diagram.calibrated_accuracy)
        ax.plot(*points, "s--", color=VERMILION, markersize=3, linewidth=1.1, label=label)
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    ax.grid(True, axis="both")
    ax.set_title(plain(diagram.estimator)[:32], loc="left")
    ax.legend(loc="upper left", bbox_to_anchor=(-0.03, -0.2), fontsize=7, handlelength=1.6)
    return ax


def _bin_tips(diagram: Reliability) -> list[str]:
    """Describe every bin in words."""
    columns = (diagram.confidence, diagram.accuracy, diagram.low, diagram.high, diagram.count)
    return [
        f"{plain(diagram.estimator)}, confidence {number(float(confidence))}: accuracy "
        f"{number(float(accuracy))} {interval(float(low), float(high))}, n {count(float(n))}"
        for confidence, accuracy, low, high, n in zip(*columns, strict=True)
    ]


def reliability_figures(diagrams: Sequence[Reliability], title: str) -> list[Figure]:
    """Draw figures of at most twelve panels each."""
    figures = []
    for part in pages(diagrams):
        figure, axes = panels(len(part), (1.9, 1.9), title, left=0.75, gap=(0.5, 1.15), bottom=1.0)
        for index, (ax, diagram) in enumerate(zip(axes, part, strict=True)):
            draw_reliability(ax, diagram)
            ax.set_xlabel("confidence", labelpad=1)
            if index % COLUMNS == 0:
                ax.set_ylabel("accuracy")
        figures.append(figure)
    return figures


def _diagrams(of: TaskContext) -> list[Reliability]:
    seed = int(of.own("metrics")["seed"].iloc[0])
    return compute_reliability(of.evaluation, of.data.probabilities, seed)


def _bins(of: TaskContext) -> pd.DataFrame:
    """Tabulate the bins of all diagrams, as given and calibrated."""
    frames = []
    for d in _diagrams(of):
        sizes = d.count.astype(np.float64)
        given = {"confidence": d.confidence, "accuracy": d.accuracy, "accuracy_low": d.low}
        given |= {"accuracy_high": d.high, "n": sizes}
        after = {"confidence": d.calibrated_confidence, "accuracy": d.calibrated_accuracy}
        for calibrated, columns in (("no", given), ("yes", after)):
            named = {"estimator": d.estimator, "calibrated": calibrated}
            frames.append(pd.DataFrame({**named, **columns}))
    return pd.concat(frames)


@task_figure(
    key="reliability",
    block="calibration",
    title="Reliability diagrams",
    reading="Accuracy against confidence (1 - score) over ten bins, with a 95 % band; on the "
    "diagonal, a score is perfectly calibrated. Gray: share of the questions per bin. Calibrated: "
    "isotonic regression, each half of the questions fitted on the other.",
    rank=10,
    values=_bins,
)
def reliability(of: TaskContext, title: str) -> list[Figure]:
    """Draw panels, one per score that is a probability, on one or more pages."""
    return reliability_figures(_diagrams(of), title)
