"""Accuracy of a cascade against the share of questions routed to the large model."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..analyses.decisions import Cascade
from ..frames.figure_kind import FigureKind
from ..frames.formatting import interval, number, plain
from ..frames.style import BLUE
from .layout import single

CASCADE = FigureKind(
    "cascade",
    "Cascade",
    "Accuracy when the questions on which the small model is most uncertain are routed to the "
    "large one, against their share. Straight line: random routing of the same share.",
)
"""The figure of `cascade_figure`."""


def draw_cascade(ax: Axes, cascade: Cascade) -> Axes:
    """Draw the accuracy of the cascade and of random routing."""
    ax.plot(cascade.shares, cascade.accuracy, color=BLUE, label=f"by {plain(cascade.estimator)}")
    ax.plot(cascade.shares, cascade.random, color="#222222", linewidth=0.9, label="at random")
    ax.fill_between(cascade.shares, cascade.random, cascade.accuracy, color=BLUE, alpha=0.15)
    ax.set_xlim(0, 1)
    ax.set_xlabel(f"share of questions routed to {plain(cascade.large)[:40]}")
    ax.set_ylabel("accuracy")
    ax.grid(True, axis="both")
    ends = interval(cascade.area_low, cascade.area_high)
    title = f"area {number(cascade.area, 4)} {ends}".rstrip()
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title=title, alignment="left")
    return ax


def cascade_figure(cascade: Cascade) -> Figure:
    """Plot a cascade.

    Args:
        cascade: Result of `compute_cascade`.

    Returns:
        A figure of one plot, with its legend on the right; see `Drawer` for writing it to files.
    """
    title = f"Cascade: {cascade.small} to {cascade.large} on {cascade.task}"
    figure, ax = single((3.8, 3.0), (0.7, 2.9, 0.5, 0.55), title)
    draw_cascade(ax, cascade)
    return figure
