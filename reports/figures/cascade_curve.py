"""Accuracy of a cascade against the share of questions that it sends on."""

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
    "Accuracy when the small model's most uncertain answers are sent to the large one, against the"
    " share sent. Straight: the same share at random.",
)


def draw_cascade(ax: Axes, cascade: Cascade) -> Axes:
    """The cascade's accuracy and that of random routing."""
    ax.plot(cascade.shares, cascade.accuracy, color=BLUE, label=f"by {plain(cascade.estimator)}")
    ax.plot(cascade.shares, cascade.random, color="#222222", linewidth=0.9, label="at random")
    ax.fill_between(cascade.shares, cascade.random, cascade.accuracy, color=BLUE, alpha=0.15)
    ax.set_xlim(0, 1)
    ax.set_xlabel(f"share of questions sent to {plain(cascade.large)[:40]}")
    ax.set_ylabel("accuracy")
    ax.grid(True, axis="both")
    ends = interval(cascade.area_low, cascade.area_high)
    title = f"area {number(cascade.area, 4)} {ends}".rstrip()
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title=title, alignment="left")
    return ax


def cascade_figure(cascade: Cascade) -> Figure:
    """One plot with its legend at the right."""
    title = f"Cascade: {cascade.small} to {cascade.large} on {cascade.task}"
    figure, ax = single((3.8, 3.0), (0.7, 2.9, 0.5, 0.55), title)
    draw_cascade(ax, cascade)
    return figure
