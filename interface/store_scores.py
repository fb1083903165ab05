"""Scores of estimators on stored signals, without storing them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from .benchmark.score.scoring import answered_questions, compute_scores
from .benchmark.score.signal_loading import NothingToScore, unmet_need
from .benchmark.store.task_store import TaskStore
from .chosen import Chosen, instances
from .estimators import EstimatorError


def scores_of(stores: Sequence[TaskStore], chosen: str | Sequence[Chosen]) -> pd.DataFrame:
    """Compute the chosen estimators on every store that has what they need.

    Raises NothingToScore for an estimator that none of the stores can score, EstimatorError if one
    fails.
    """
    estimators = instances(chosen)
    unmet: dict[str, list[str]] = {estimator.label: [] for estimator in estimators}
    tables: list[pa.Table] = []
    for store in stores:
        possible = []
        for estimator in estimators:
            lack = unmet_need(store, estimator)
            if lack is None:
                possible.append(estimator)
            else:
                unmet[estimator.label].append(f"{store.path}: needs {lack}, which is not stored")
        scored, failed = compute_scores(store, answered_questions(store), possible)
        if failed:
            raise EstimatorError("; ".join(failed.values()))
        tables += scored.values()
    for label, lacks in unmet.items():
        if len(lacks) == len(stores):
            raise NothingToScore(f"{label}: no store can score it ({'; '.join(lacks)})")
    frame: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return frame
