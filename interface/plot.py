"""Plots on axes of one's own, from results or from arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .arrays import Scores, input_of_arrays
from .reports import evaluations
from .reports.figures.auc import compute_auc_bars, draw_auc_bars
from .reports.figures.curves import compute_risk_coverage, draw_curves
from .reports.figures.reliability import draw_reliability, reliability_of
from .stored_results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["reliability", "risk_coverage", "roc_auc_by_topic"]


def roc_auc_by_topic(
    results: Results,
    estimator: str | None = None,
    *,
    model: str | None = None,
    task: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the ROC AUC of one estimator by topic, with 95 % intervals.

    Args:
        results: The results.
        estimator: Name of the estimator; the one with the highest pooled ROC AUC if None.
        model: Name of the model; needed if there are several.
        task: Name of the task; needed if there are several.
        ax: Axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: A name is unknown, or needed and not given.
    """
    model = _one_of("model", model, results.models)
    task = _one_of("task", task, results.tasks)
    metrics = results.metrics()
    own = metrics[(metrics["model"] == model) & (metrics["task"] == task)]
    bars = compute_auc_bars(own)
    if not bars:
        raise ValueError(f"Expected results of {model} on {task}, got none.")
    names = [panel.estimator for panel in bars]
    if estimator is not None and estimator not in names:
        raise ValueError(f"Expected estimator to be one of {', '.join(names)}, got {estimator!r}.")
    panel = bars[0 if estimator is None else names.index(estimator)]
    drawn = draw_auc_bars(_axes(ax), panel)
    drawn.set_xlabel("ROC AUC (0.5 = chance)")
    return drawn


def risk_coverage(errors: npt.ArrayLike, scores: Scores, *, ax: Axes | None = None) -> Axes:
    """Draw the error rate of the most certain answers against their share.

    Args:
        errors: (n,) true where the answer is wrong.
        scores: (n,) one score, or several by name; higher = more uncertain.
        ax: Axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: Shapes differ, or no score is given for any answer.
    """
    selection = compute_risk_coverage(evaluations(input_of_arrays(errors, scores, None))[0])
    if selection is None:
        raise ValueError("Expected scores, got none.")
    drawn = draw_curves(_axes(ax), selection, "AURC (lower is better)")
    drawn.set(xlabel="coverage: share of answers kept", ylabel="risk: error rate of those kept")
    return drawn


def reliability(
    errors: npt.ArrayLike, probabilities: npt.ArrayLike, *, name: str = "", ax: Axes | None = None
) -> Axes:
    """Draw accuracy against confidence (1 - P(error)) over ten bins, with 95 % intervals.

    Args:
        errors: (n,) true where the answer is wrong.
        probabilities: (n,) P(error), in [0, 1].
        name: Title of the axes.
        ax: Axes to draw on; new ones if None.

    Returns:
        The axes.

    Raises:
        ValueError: Shapes differ, or a value is outside [0, 1] or missing.
    """
    flags, values = np.asarray(errors), np.asarray(probabilities, dtype=np.float64)
    if flags.shape != values.shape or flags.ndim != 1 or not flags.size:
        raise ValueError(
            f"Expected errors and probabilities of shape (n,), got {flags.shape}, {values.shape}."
        )
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("Expected probabilities in [0, 1] without NaN.")
    diagram = reliability_of(name, flags.astype(np.bool_), values, None)
    drawn = draw_reliability(_axes(ax), diagram)
    drawn.set(xlabel="confidence", ylabel="accuracy")
    return drawn


def _axes(ax: Axes | None) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


def _one_of(what: str, given: str | None, known: list[str]) -> str:
    if given is None and len(known) == 1:
        return known[0]
    if given not in known:
        got = "none" if given is None else repr(given)
        raise ValueError(f"Expected {what} to be one of {', '.join(known)}, got {got}.")
    return given
