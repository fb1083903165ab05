"""Everything that a report computes before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..frames.inputs import ReportInput
from ..metrics.computing import MetricFailure, compute_metrics
from ..metrics.conformal_sets import compute_conformal
from ..metrics.evaluation import Evaluation, Rows, evaluations
from ..metrics.metric import Metric
from ..metrics.metric_registry import user_metrics
from ..statistics.short_repr import short_repr
from .comparisons import compare, untested
from .flow import compute_flow, compute_missing
from .judge_agreement import compute_agreement, compute_judges, compute_labels
from .positions import Positions, compute_positions
from .task_analysis import task_analyses


@short_repr
@dataclass(frozen=True)
class Analyses:
    """Frames of all models and tasks, each written as a CSV file of its name.

    Attributes:
        evaluated: the rows behind them, one per (model, task).
        metrics: see `compute_metrics`; comparisons: `compare`; flow: `compute_flow`; missing:
            `compute_missing`; conformal: `compute_conformal`; positions: `Positions`; judges,
            judge_labels, judge_agreement: see judge_agreement.py; costs: as given; untested: see
            `untested`.
        by_task: the frames of the declared analyses, see `task_analysis`.
        letters: (model, task) → `Positions`.
        more_metrics: the metrics beside the built-in ones; failures: values that they did not give.
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
    by_task: Mapping[str, pd.DataFrame]
    letters: dict[tuple[str, str], Positions] = field(default_factory=dict)
    more_metrics: Sequence[Metric] = ()
    failures: Sequence[MetricFailure] = ()

    def frames(self) -> dict[str, pd.DataFrame]:
        """Name of the file → frame; the first four always, the others where they have rows."""
        always = ("metrics", "comparisons", "flow", "missing")
        every = {name: getattr(self, name) for name in self.__dataclass_fields__} | {**self.by_task}
        found = {name: value for name, value in every.items() if isinstance(value, pd.DataFrame)}
        return {name: frame for name, frame in found.items() if name in always or len(frame)}

    def of(self, name: str, evaluation: Evaluation) -> pd.DataFrame:
        """The rows of one frame that belong to one model on one task."""
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
) -> Analyses:
    """All analyses of the input; nothing is drawn or written. `metrics` are further ones, see
    `compute_metrics`; what they do not give is among the `failures`."""
    more, failures = user_metrics(metrics), list[MetricFailure]()
    evaluated = evaluations(data, rows)
    letters = {(one.model, one.task): compute_positions(data, one) for one in evaluated}
    known = {key: positions for key, positions in letters.items() if positions is not None}
    return Analyses(
        evaluated=evaluated,
        metrics=compute_metrics(data, rows, replicates, seed, evaluated, more, failures),
        comparisons=compare(evaluated, replicates, seed),
        flow=compute_flow(data, rows, evaluated),
        missing=compute_missing(data, rows, evaluated),
        conformal=_joined(evaluated, lambda one: compute_conformal(data, one)),
        positions=_concatenated([positions.frame() for positions in known.values()]),
        judges=compute_judges(data),
        judge_labels=compute_labels(data),
        judge_agreement=compute_agreement(data),
        costs=data.costs,
        untested=untested(evaluated),
        by_task={file: _joined(evaluated, one) for file, one in task_analyses().items()},
        letters=known,
        more_metrics=more,
        failures=failures,
    )


def _joined(
    evaluated: Sequence[Evaluation], compute: Callable[[Evaluation], pd.DataFrame]
) -> pd.DataFrame:
    return _concatenated([compute(one) for one in evaluated])


def _concatenated(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The frames under each other; empty ones do not count."""
    full = [frame for frame in frames if len(frame)]
    if not full:
        return frames[0] if frames else pd.DataFrame({"model": [], "task": []})
    return pd.concat(full, ignore_index=True)
