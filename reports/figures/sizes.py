"""Scaling of ranking, entropy and calibration with the size of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter
from scipy.stats import linregress, t

from ..analyses.model_comparisons import best_column
from ..analyses.scores.scaling import parameters_of
from ..frames.figure_kind import FigureKind
from ..frames.formatting import plain
from ..frames.style import BLUE, GRAY
from ..frames.traits import UNKNOWN, EstimatorTraits
from ..metrics.calibration_error import ece
from ..metrics.evaluation import Evaluation
from ..statistics.ranking import FloatArray, roc_auc
from ..statistics.short_repr import short_repr
from .layout import panels

MODEL_SIZE = FigureKind(
    "model_size",
    "Scaling with model size",
    "The line is a power law fitted in log-log space, with the 95 % confidence band of its mean; "
    "it requires three sizes.",
)

SIZE_COLUMNS = (
    *("model", "task", "parameters", "accuracy", "estimator", "roc_auc", "entropy"),
    *("mean_entropy", "calibrated", "ece"),
)
_TICKS = [base * 10.0**power for power in range(6, 13) for base in (1, 3)]


def compute_sizes(
    evaluated: Sequence[Evaluation],
    manifests: Sequence[Mapping[str, Any]] = (),
    traits: Mapping[str, EstimatorTraits] = MappingProxyType({}),
) -> pd.DataFrame:
    """Collect size and performance of models, one row per model and task.

    Number of parameters, accuracy, ROC AUC of the best estimator (none with too few errors or
    correct answers), mean of the first stored entropy, and ECE of the first stored probability that
    is not a control; `traits` tells which these are.
    """
    return pd.DataFrame.from_records(
        [_size(evaluation, manifests, traits) for evaluation in evaluated],
        columns=list(SIZE_COLUMNS),
    )


def _size(
    evaluation: Evaluation,
    manifests: Sequence[Mapping[str, Any]],
    traits: Mapping[str, EstimatorTraits],
) -> dict[str, Any]:
    best = best_column(evaluation)
    area = float("nan")
    if best is not None:
        present = ~np.isnan(evaluation.scores[:, best])
        area = roc_auc(evaluation.errors[present], evaluation.scores[present, best])
    known = {name: traits.get(name, UNKNOWN) for name in evaluation.estimators}
    entropy = next((name for name, own in known.items() if own.is_entropy), None)
    claims = (name for name, own in known.items() if own.is_probability and not own.is_control)
    claimed = next(claims, None)
    gap = float("nan")
    if claimed is not None:
        raw = evaluation.raw[:, evaluation.estimators.index(claimed)]
        chosen = ~np.isnan(raw) & ~evaluation.unparsed
        if chosen.any() and raw[chosen].min() >= 0 and raw[chosen].max() <= 1:
            gap = ece(evaluation.errors[chosen], raw[chosen])
    values = (
        evaluation.raw[:, evaluation.estimators.index(entropy)] if entropy else np.full(1, np.nan)
    )
    return {
        **{"model": evaluation.model, "task": evaluation.task},
        "parameters": parameters_of(evaluation.model, manifests),
        "accuracy": float((~evaluation.errors).mean()) if evaluation.errors.size else float("nan"),
        "estimator": None if best is None else evaluation.estimators[best],
        **{"roc_auc": area, "entropy": entropy},
        "mean_entropy": float(np.nanmean(values)) if not np.isnan(values).all() else float("nan"),
        **{"calibrated": claimed, "ece": gap},
    }


@short_repr
@dataclass(frozen=True)
class PowerLaw:
    """Power law y = scale · x^exponent, fitted by least squares in log-log space.

    Attributes:
        exponent, exponent_low, exponent_high: exponent with its 95 % interval.
        x, y, low, high: (points,) curve with the 95 % band of its mean.
    """

    exponent: float
    exponent_low: float
    exponent_high: float
    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray


def fit_power_law(x: FloatArray, y: FloatArray, points: int = 60) -> PowerLaw | None:
    """Fit a power law to positive values (n,); None with fewer than three distinct sizes."""
    known = (x > 0) & (y > 0)
    u, v = np.log(x[known]), np.log(y[known])
    if np.unique(u).size < 3:
        return None
    fitted = linregress(u, v)
    slope, reach = float(fitted.slope), float(fitted.stderr * t.ppf(0.975, u.size - 2))
    away = np.linspace(u.min() - u.mean(), u.max() - u.mean(), points)
    grid, line = u.mean() + away, v.mean() + slope * away
    half = reach * np.sqrt(u.var() + away**2)
    curve, low, high = (np.exp(values) for values in (line, line - half, line + half))
    return PowerLaw(slope, slope - reach, slope + reach, np.exp(grid), curve, low, high)


def draw_size(ax: Axes, sizes: pd.DataFrame, column: str, label: str) -> Axes:
    """Draw a quantity against the number of parameters, with the fit from three sizes on.

    Points are labeled by the column `number`.
    """
    known = sizes.dropna(subset=["parameters", column])
    x, y = (known[name].to_numpy(dtype=np.float64) for name in ("parameters", column))
    law = fit_power_law(x, y)
    if law is not None:
        ax.fill_between(law.x, law.low, law.high, color=GRAY, alpha=0.25, linewidth=0)
        text = f"∝ N^{law.exponent:.2f}"
        if law.exponent_high > law.exponent_low:
            text += f" [{law.exponent_low:.2f}, {law.exponent_high:.2f}]"
        ax.plot(law.x, law.y, color=GRAY, linewidth=1, label=text)
        ax.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.1)
    ax.plot(x, y, "o", color=BLUE, markersize=4.5)
    for index, (at, value) in enumerate(zip(x, y, strict=True)):
        number = str(int(known["number"].iloc[index]))
        ax.annotate(number, (at, value), (4, 3), textcoords="offset points", fontsize=7)
    ax.set_xscale("log")
    ax.set_xlim(x.min() / 1.5, x.max() * 1.7)
    if law is not None:
        low, high = float(y.min()), float(y.max())
        room = max(0.15 * (high - low), 0.02)
        ax.set_ylim(low - room, high + room)
    ax.xaxis.set_major_locator(FixedLocator(_TICKS))
    ax.xaxis.set_major_formatter(FuncFormatter(_size_label))
    ax.minorticks_off()
    ax.set_xlabel("parameters")
    ax.set_ylabel(label)
    ax.grid(True, axis="both")
    return ax


def size_figure(sizes: pd.DataFrame, title: str) -> Figure | None:
    """Draw AUC, mean entropy and ECE against parameters; None with fewer than two known sizes."""
    if sizes.dropna(subset=["parameters"])["parameters"].nunique() < 2:
        return None
    quantities = (
        ("roc_auc", "ROC AUC, best estimator"),
        ("mean_entropy", "mean entropy (nats)"),
        ("ece", "ECE"),
    )
    shown = [(c, n) for c, n in quantities if sizes[["parameters", c]].notna().all(axis=1).any()]
    if not shown:
        return None
    named = sizes.assign(number=np.arange(1, len(sizes) + 1))
    bottom = 0.75 + 0.16 * len(named)
    figure, axes = panels(len(shown), (2.6, 2.2), title, left=0.75, gap=(0.8, 0.6), bottom=bottom)
    for ax, (column, label) in zip(axes, shown, strict=True):
        draw_size(ax, named, column, label)
    names = zip(named["number"], named["model"], strict=True)
    text = "\n".join(f"{number}  {plain(model)[:60]}" for number, model in names)
    width, height = figure.get_size_inches()
    figure.text(0.75 / width, 0.1 / height, text, fontsize=7, va="bottom")
    return figure


def _size_label(value: float, _: int | None = None) -> str:
    return f"{value / 1e9:g} B" if value >= 1e9 else f"{value / 1e6:g} M"
