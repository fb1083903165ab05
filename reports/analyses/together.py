"""All analyses of a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..frames.inputs import ReportInput
from ..generated.forced import compute_forced
from ..metrics.computing import Measured, MetricFailure, measure
from ..metrics.conformal_sets import compute_conformal
from ..metrics.evaluation import Evaluation, Rows
from ..metrics.metric import Metric
from ..statistics.short_repr import short_repr
from .comparisons import compare, untested
from .flow import compute_flow, compute_missing
from .judge_agreement import compute_agreement, compute_judges, compute_labels
from .positions import Positions, compute_positions
from .task_analysis import task_analyses


@short_repr
@dataclass(frozen=True)
class Analyses:
    """Analyses of all models and tasks; each frame is written to a CSV file of its name.

    Attributes:
        evaluated: evaluations, one per (model, task).
        metrics: see `compute_metrics`.
        comparisons: see `compare`.
        flow: see `compute_flow`.
        missing: see `compute_missing`.
        conformal: see `compute_conformal`.
        positions: answers by option letter, see `Positions`.
        judges, judge_labels, judge_agreement: see judge_agreement.py.
        costs: costs of signals and estimators, as in the input.
        untested: see `untested`.
        forced_answers: see `compute_forced`.
        by_task: frames of the declared analyses, see `task_analysis`.
        letters: (model, task) → `Positions`.
        more_metrics: the additional metrics.
        found: (model, task) → what an answer that was "parsed" is.
        failures: values that additional metrics failed to compute.
    """

    evaluated: Sequence[Evaluation]
    metrics: pd.DataFrame
    comparisons: pd.DataFrame
    flow: pd.DataFrame
    missing: pd.DataFrame
    conformal: pd.DataFrame
    positions: pd.DataFrame
    judges: pd.DataFrame
    judge_labels: pd.DataFrame
    judge_agreement: pd.DataFrame
    costs: pd.DataFrame
    untested: pd.DataFrame
    forced_answers: pd.DataFrame
    by_task: Mapping[str, pd.DataFrame]
    letters: dict[tuple[str, str], Positions] = field(default_factory=dict)
    more_metrics: Sequence[Metric] = ()
    failures: Sequence[MetricFailure] = ()
    found: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Map file names to frames; apart from the first four, only frames with rows."""
        always = ("metrics", "comparisons", "flow", "missing")
        every = {name: getattr(self, name) for name in self.__dataclass_fields__} | {**self.by_task}
        frames = {name: value for name, value in every.items() if isinstance(value, pd.DataFrame)}
        return {name: frame for name, frame in frames.items() if name in always or len(frame)}

    def of(self, name: str, evaluation: Evaluation) -> pd.DataFrame:
        """Select the rows of a frame for one model on one task."""
        frame = self.by_task[name] if name in self.by_task else getattr(self, name)
        assert isinstance(frame, pd.DataFrame)
        own = frame["model"].astype(str).eq(evaluation.model)
        return frame[own & frame["task"].astype(str).eq(evaluation.task)]


def compute_analyses(
    data: ReportInput,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    metrics: Sequence[Any] = (),
    measured: Measured | None = None,
) -> Analyses:
    """Compute all analyses, without drawing or writing anything.

    Args:
        data: Scores and facts of a results folder.
        rows: Row convention, "all" or "paper".
        replicates: Number of bootstrap resamples.
        seed: Seed of the resamples.
        metrics: Additional metrics, functions decorated with `@metric`.
        measured: What `measure` gives for these arguments, if it is known already.

    Returns:
        The analyses; `failures` lists values that additional metrics failed to compute.

    Raises:
        ValueError: The input is inconsistent, see `evaluations`.
        MetricDeclarationError: Two metrics have a column of the same name.
    """
    measured = measured or measure(data, rows, replicates, seed, metrics)
    evaluated = measured.evaluated
    letters = {
        (evaluation.model, evaluation.task): compute_positions(data, evaluation)
        for evaluation in evaluated
    }
    known = {key: positions for key, positions in letters.items() if positions is not None}
    return Analyses(
        evaluated=evaluated,
        metrics=measured.metrics,
        comparisons=compare(evaluated, replicates, seed),
        flow=compute_flow(data, rows, evaluated),
        missing=compute_missing(data, rows, evaluated),
        conformal=_joined(evaluated, lambda evaluation: compute_conformal(data, evaluation)),
        positions=_concatenated([positions.frame() for positions in known.values()]),
        judges=compute_judges(data),
        judge_labels=compute_labels(data),
        judge_agreement=compute_agreement(data),
        costs=data.costs,
        untested=untested(evaluated),
        forced_answers=_joined(evaluated, lambda evaluation: compute_forced(data, evaluation)),
        by_task={file: _joined(evaluated, compute) for file, compute in task_analyses().items()},
        letters=known,
        more_metrics=measured.more_metrics,
        failures=measured.failures,
        found=data.found,
    )


def _joined(
    evaluated: Sequence[Evaluation], compute: Callable[[Evaluation], pd.DataFrame]
) -> pd.DataFrame:
    return _concatenated([compute(evaluation) for evaluation in evaluated])


def _concatenated(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate the frames that have rows."""
    full = [frame for frame in frames if len(frame)]
    if not full:
        return frames[0] if frames else pd.DataFrame({"model": [], "task": []})
    return pd.concat(full, ignore_index=True)
