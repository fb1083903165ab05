"""The frames that metrics need, of stores with or without their signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ...reports import EstimatorTraits, ReportInput
from ..reporting.costs import costs_of
from ..reporting.report_inputs import joined_frames, scores_of
from ..score.same_questions import warn_of_differences
from ..store import parts
from ..store.checks.ownership import check_owned
from ..store.task_store import TaskStore


def scored_input(stores: Sequence[TaskStore], signals: bool = True) -> ReportInput:
    """Return scores, strata and costs of these stores, for metrics and the choice among estimators.

    Args:
        stores: Each of another model or task.
        signals: Whether the stores have their signals: missing scores are computed then, and
            those older than their signals are warned of.
    """
    check_owned(stores)
    warn_of_differences(stores)
    scores, strata, costs, manifests = [], [], [], list[dict[str, Any]]()
    traits: dict[str, EstimatorTraits] = {}
    for store in stores:
        scores.append(scores_of(store, traits, signals))
        stratum = parts.read_parquet(store.path / "strata.parquet").to_pandas()
        strata.append(stratum.assign(task=store.task))
        costs.append(costs_of(store, scores[-1]))
        folders = {"model_folder": store.model, "task_folder": store.task}
        manifests.append({**folders, **store.manifest})
    unique = ["task", "question_id", "stratum"]
    return ReportInput(
        scores=joined_frames(scores),
        strata=joined_frames(strata).drop_duplicates(unique),
        costs=joined_frames(costs) if costs else pd.DataFrame(),
        traits=traits,
        manifests=manifests,
    )
