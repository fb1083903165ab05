"""Figures of one model on one task: each is declared where it is drawn, and the page finds it.

@task_figure(key="roc_curves", block="curves", title="ROC curves", reading="…")
def roc_curves(of: TaskContext, title: str) -> list[Figure]:
    curves = compute_roc_curves(of.one)
    return [roc_figure(curves, title, of.styles)] if curves else []
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from matplotlib.figure import Figure

from ..analyses.together import Analyses
from ..frames.figure_kind import FigureKind
from ..frames.inputs import ReportInput
from ..frames.limits import drawn_note
from ..frames.style import Styles
from ..metrics.evaluation import Evaluation
from ..statistics.short_repr import short_repr

Block = Literal[
    "ranking",
    "topics",
    "strata",
    "curves",
    "calibration",
    "conformal",
    "letters",
    "together",
    "flow",
]
"""Parts of the page's section on a model and task, in their order."""


@short_repr
@dataclass(frozen=True)
class TaskContext:
    """What figures of one model on one task are drawn from.

    Attributes:
        data: the report's input.
        analyses: all that was computed of it.
        one: the rows of this model and task.
        styles: color and line of each estimator.
    """

    data: ReportInput
    analyses: Analyses
    one: Evaluation
    styles: Styles

    def own(self, name: str) -> pd.DataFrame:
        """The rows of one of the frames of `Analyses` that belong to this model and task."""
        return self.analyses.of(name, self.one)


Draw = Callable[[TaskContext, str], Sequence[Figure]]
"""Gives the figures, none where there is nothing to show, from the context and a title."""


def topics_note(of: TaskContext) -> str:
    """What a figure by topic says of the topics that are not in it."""
    return drawn_note(len(of.one.topics))


def strata_note(of: TaskContext) -> str:
    """The same of strata."""
    return drawn_note(len(of.one.strata), "strata")


@dataclass(frozen=True)
class TaskFigure(FigureKind):
    """A figure of one model on one task.

    Attributes:
        block: the part of the section that it is in.
        draw: draws it.
        rank: its place in the block, smaller first.
        note: what its caption says besides, of what it leaves out.
    """

    block: Block
    draw: Draw
    rank: int = 100
    note: Callable[[TaskContext], str] = lambda of: ""


def task_figure(
    *,
    key: str,
    block: Block,
    title: str,
    reading: str,
    rank: int = 100,
    note: Callable[[TaskContext], str] = lambda of: "",
) -> Callable[[Draw], TaskFigure]:
    """Declare the function below as a figure of the page; see `TaskFigure`."""
    return lambda draw: TaskFigure(key, title, reading, block, draw, rank, note)
