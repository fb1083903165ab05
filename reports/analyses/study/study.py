"""What an analysis of all stored models is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ...frames.inputs import ReportInput
from ...frames.traits import UNKNOWN
from ...metrics.evaluation import Evaluation, keys
from ...statistics.ranking import IntArray
from ...statistics.short_repr import short_repr
from ..difficulty import ErrorMatrix, error_matrix


@short_repr
@dataclass(frozen=True)
class Study:
    """All stored models on all tasks.

    Attributes:
        data: the input of the report.
        evaluated: one evaluation per (model, task).
        seed: seed of everything that is drawn at random.
    """

    data: ReportInput
    evaluated: Sequence[Evaluation]
    seed: int = 0
    _matrices: dict[str, ErrorMatrix] = field(default_factory=dict, repr=False)

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, in order of appearance."""
        return list(dict.fromkeys(evaluation.task for evaluation in self.evaluated))

    def on(self, task: str) -> list[Evaluation]:
        """List the evaluations of one task."""
        return [evaluation for evaluation in self.evaluated if evaluation.task == task]

    def matrix(self, task: str) -> ErrorMatrix:
        """Return the errors of all models on a task."""
        if task not in self._matrices:
            self._matrices[task] = error_matrix(self.on(task))
        return self._matrices[task]

    def has(self, trait: str, estimator: str) -> bool:
        """Tell whether an estimator has a trait, i.e. a boolean attribute of its traits."""
        return bool(getattr(self.data.traits.get(estimator, UNKNOWN), trait))

    def columns(self, evaluation: Evaluation, trait: str = "", without: str = "") -> list[int]:
        """List the columns of estimators with one trait, or without another."""
        return [
            k
            for k, name in enumerate(evaluation.estimators)
            if (not trait or self.has(trait, name)) and not (without and self.has(without, name))
        ]

    def facts(self, name: str, evaluation: Evaluation) -> pd.DataFrame:
        """Select the rows of an input frame for the questions of one evaluation.

        The column `row` is the index of the question in the evaluation.
        """
        frame: pd.DataFrame = getattr(self.data, name)
        own = frame["task"].astype(str).eq(evaluation.task)
        if "model" in frame.columns:
            own &= frame["model"].astype(str).eq(evaluation.model)
        chosen = frame[own]
        ids = keys(chosen["question_id"]).to_numpy(dtype=np.str_)
        rows = rows_of(evaluation, ids)
        return chosen.assign(row=rows)[rows >= 0]


def rows_of(evaluation: Evaluation, question_ids: np.typing.NDArray[np.str_]) -> IntArray:
    """Return the row (n,) of each question in an evaluation, -1 where it has none."""
    at = np.searchsorted(evaluation.question_ids, question_ids)
    at = np.minimum(at, max(evaluation.question_ids.size - 1, 0))
    if not evaluation.question_ids.size:
        return np.full(len(question_ids), -1, dtype=np.int64)
    return np.where(evaluation.question_ids[at] == question_ids, at, -1).astype(np.int64)


def per_evaluation(
    study: Study, compute: Callable[[Evaluation], list[dict[str, object]]]
) -> list[dict[str, object]]:
    """Concatenate the records of all evaluations, each with its model and task first."""
    return [
        {"model": evaluation.model, "task": evaluation.task} | record
        for evaluation in study.evaluated
        for record in compute(evaluation)
    ]
