"""Bar chart of the n-flow: from questions asked to questions scored by every estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..frames.formatting import count, percent, plain
from ..frames.style import BLUE, GRAY, SKY
from .layout import single
from .task_figure import TaskContext, task_figure

_NAMES = {
    "asked": "asked",
    "answered": "answered",
    "parsed": "parsed",
    "dont_know": "“don't know”",
    "cut_while_thinking": "cut while thinking",
    "kept": "kept by the filter",
    "common": "scored by all",
}
_COLORS = {"scored": SKY, "dont_know": GRAY, "cut_while_thinking": GRAY}


@dataclass(frozen=True)
class FlowBar:
    """Bar: label, stage, number of questions, and its share of the questions asked."""

    label: str
    stage: str
    n: int
    share: float


def compute_flow_bars(flow: pd.DataFrame, found: str = "parsed") -> list[FlowBar]:
    """Compute the bars of one model on one task; estimators with equal counts share a bar.

    ``found`` says what an answer that was parsed is.
    """
    bars = []
    by_n: dict[tuple[int, float], list[str]] = {}
    rows = list(zip(*(flow[name] for name in ("stage", "estimator", "n", "share")), strict=True))
    for stage, estimator, n, share in rows:
        if stage == "scored":
            by_n.setdefault((int(n), float(share)), []).append(str(estimator))
    for stage, _, total, part in rows:
        if stage == "scored":
            continue
        if stage == "common":
            for (n, share), names in sorted(by_n.items(), reverse=True):
                bars.append(FlowBar(f"scored: {_listed(names)}", "scored", n, share))
        if stage != "dont_know" or total:
            label = found if stage == "parsed" else _NAMES[stage]
            bars.append(FlowBar(label, stage, int(total), float(part)))
    return bars


def _listed(names: Sequence[str]) -> str:
    first = plain(names[0])[:32]
    return first if len(names) == 1 else f"{first} + {len(names) - 1} more"


def draw_flow(ax: Axes, bars: Sequence[FlowBar]) -> Axes:
    """Draw horizontal bars with number and share, first stage on top."""
    at = range(len(bars))
    colors = [_COLORS.get(bar.stage, BLUE) for bar in bars]
    ax.barh(at, [bar.n for bar in bars], height=0.7, color=colors)
    for y, bar in enumerate(bars):
        ax.text(bar.n, y, f"  {count(bar.n)} · {percent(bar.share)}", va="center", fontsize=8)
    ax.set_yticks(at, [bar.label for bar in bars])
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.set_xlim(0, 1.02 * max(1, *(bar.n for bar in bars)))
    ax.locator_params(axis="x", nbins=5)
    ax.set_xlabel("questions")
    return ax


def flow_figure(bars: Sequence[FlowBar], title: str) -> Figure:
    """Draw one plot whose height fits the number of bars."""
    figure, ax = single((4.2, 0.27 * len(bars) + 0.1), (3.2, 1.25, 0.55, 0.55), title)
    draw_flow(ax, bars)
    return figure


@task_figure(
    key="n_flow",
    block="flow",
    title="Questions (n-flow)",
    reading="Shares are of the questions asked.",
    rank=10,
    data="flow.csv",
)
def n_flow(of: TaskContext, title: str) -> list[Figure]:
    """Draw one plot."""
    known = of.analyses.found
    found = known.get((of.evaluation.model, of.evaluation.task), "parsed")
    return [flow_figure(compute_flow_bars(of.own("flow"), found), title)]
