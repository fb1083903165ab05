"""Shares of the judges' labels and ratings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.figure_kind import FigureKind
from ..frames.formatting import percent, plain
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from .layout import single

JUDGE_LABELS = FigureKind(
    "judge_labels",
    "Labels of the judges",
    "Shares of the labels; numbers are rounded to tenths. A bar of a single color is a judge that "
    "does not discriminate between questions.",
    data="judge_labels.csv",
)

_SHADES = ("#0d3b66", "#2f6f9f", "#6baed6", "#b3d3ea", "#f2d7a7", "#e8a35b", "#c8612c", "#7f2d0f")


@short_repr
@dataclass(frozen=True)
class Shares:
    """Stacked shares: r `rows` (bars) of p `parts` with `values` (r, p) in [0, 1]."""

    rows: list[str]
    parts: list[str]
    values: FloatArray
    legend: str


def compute_label_shares(labels: pd.DataFrame) -> list[Shares]:
    """Arrange a frame from `compute_labels` as stacked bars of judges, per questionnaire."""
    result = []
    for name, part in labels.groupby("questionnaire", sort=False):
        table = part.pivot_table(index="judge", columns="label", values="share", aggfunc="mean")
        table = table[part.groupby("label")["value"].mean().sort_values(kind="stable").index]
        largest = table.sum().sort_values(ascending=False, kind="stable").index
        most = len(largest) if len(largest) <= len(_SHADES) else len(_SHADES) - 1
        shown = [label for label in table.columns if label in set(largest[:most])]
        values = table[shown].fillna(0.0)
        if len(largest) > most:
            values = values.assign(other=1 - values.sum(axis=1))
            shown = [*shown, f"{len(largest) - most} other labels"]
        rows, parts = [plain(judge) for judge in table.index], [plain(label) for label in shown]
        result.append(Shares(rows, parts, values.to_numpy(dtype=np.float64), plain(name)))
    return result


def draw_shares(ax: Axes, shares: Shares) -> Axes:
    """Draw horizontal stacked bars, with percentages where they fit."""
    start = np.zeros(len(shares.rows))
    at = np.arange(len(shares.rows))
    step = max(1, len(_SHADES) // max(len(shares.parts), 1))
    for index, part in enumerate(shares.parts):
        values = shares.values[:, index]
        color = _SHADES[(index * step) % len(_SHADES)]
        ax.barh(at, values, left=start, height=0.7, color=color, label=part)
        dark = (index * step) % len(_SHADES) in (0, 1, 6, 7)
        for y in np.flatnonzero(values > 0.09):
            ink = "#fdfdfd" if dark else "#111111"
            middle = float(start[y] + values[y] / 2)
            text = percent(float(values[y])).replace(".0 %", " %")
            ax.text(middle, float(y), text, ha="center", va="center", fontsize=6.5, color=ink)
        start = start + values
    ax.set_yticks(at, shares.rows)
    ax.set_ylim(len(shares.rows) - 0.5, -0.5)
    ax.set_xlim(0, 1)
    ax.set_xlabel("share")
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.05), title=shares.legend, alignment="left")
    return ax


def shares_figure(shares: Shares, title: str) -> Figure:
    """Draw one plot whose size fits bars, legend and labels."""
    height = max(0.26 * len(shares.rows) + 0.1, 0.17 * (len(shares.parts) + 1) + 0.1)
    left = 0.3 + 0.075 * max(map(len, shares.rows))
    right = 0.7 + 0.07 * max(map(len, [*shares.parts, shares.legend]))
    figure, ax = single((4.2, height), (left, right, 0.5, 0.55), title)
    draw_shares(ax, shares)
    return figure
