"""Declaration of figures of one model on one task, which the page discovers.

@task_figure(key="roc_curves", block="curves", title="ROC curves", reading="…")
def roc_curves(of: TaskContext, title: str) -> list[Figure]:
    curves = compute_roc_curves(of.evaluation)
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
"""Blocks of the page's section on a model and task, in order."""


@short_repr
@dataclass(frozen=True)
class TaskContext:
    """Data of the figures of one model on one task.

    Attributes:
        data: input of the report.
        analyses: analyses of the input.
        evaluation: rows of the model on the task.
        styles: color and line of each estimator.
    """

    data: ReportInput
    analyses: Analyses
    evaluation: Evaluation
    styles: Styles

    def own(self, name: str) -> pd.DataFrame:
        """Select the rows of a frame of `Analyses` for this model and task."""
        return self.analyses.of(name, self.evaluation)


Draw = Callable[[TaskContext, str], Sequence[Figure]]
"""Function of the context and a title that returns figures, none if there is nothing to show."""


def topics_note(of: TaskContext) -> str:
    """State which topics a figure by topic omits."""
    return drawn_note(len(of.evaluation.topics))


def strata_note(of: TaskContext) -> str:
    """State which strata a figure by stratum omits."""
    return drawn_note(len(of.evaluation.strata), "strata")


@short_repr
@dataclass(frozen=True)
class TaskFigure(FigureKind):
    """Figure of one model on one task.

    Attributes:
        block: block of the section.
        draw: function that draws it.
        rank: sort key within the block, ascending.
        note: function that returns a sentence to append to the caption, e.g. on omissions.
        values: function that returns what it is drawn from, where `data` names no file.
    """

    block: Block
    draw: Draw
    rank: int = 100
    note: Callable[[TaskContext], str] = lambda of: ""
    values: Callable[[TaskContext], pd.DataFrame] | None = None


def task_figure(
    *,
    key: str,
    block: Block,
    title: str,
    reading: str,
    rank: int = 100,
    note: Callable[[TaskContext], str] = lambda of: "",
    data: str = "",
    values: Callable[[TaskContext], pd.DataFrame] | None = None,
) -> Callable[[Draw], TaskFigure]:
    """Declare the decorated function as a figure of the page.

    Args:
        key: Prefix of the file names, unique among figures.
        block: Block of the section.
        title: Heading of the figure.
        reading: Caption: how to read the figure.
        rank: Sort key within the block, ascending.
        note: Function that returns a sentence to append to the caption; empty for none.
        data: CSV file of the report that it is drawn from.
        values: Function that returns what it is drawn from, where no such file has it.

    Returns:
        A decorator that turns a function of context and title into a `TaskFigure`.
    """
    return lambda draw: TaskFigure(key, title, reading, block, draw, rank, note, values, data=data)
