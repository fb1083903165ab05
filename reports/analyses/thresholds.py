"""thresholds.csv: what a threshold on a score keeps, and how often it then errs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..metrics.evaluation import Evaluation
from ..statistics.intervals import exact_share
from ..statistics.ranking import TieBlocks
from .task_analysis import task_analysis

COVERAGES = tuple(round(0.1 * k, 1) for k in range(1, 11))
THRESHOLD_COLUMNS = (
    *("model", "task", "estimator", "threshold", "n_kept", "n_errors_kept", "coverage"),
    *("accuracy", "accuracy_low", "accuracy_high"),
)


@task_analysis(file="thresholds")
def compute_thresholds(evaluation: Evaluation) -> pd.DataFrame:
    """Per estimator ten thresholds, pooled questions: keep an answer if score ≤ threshold.

    The thresholds are the smallest that keep at least 10, 20, … 100 % of the scored rows; equal
    scores stay together, so fewer than ten may be left. `accuracy` of the rows kept comes with
    the exact 95 % interval. The threshold was not chosen to fit a target; `apprehend threshold`
    does that, and tests it on other questions.
    """
    records: list[dict[str, Any]] = []
    for k, estimator in enumerate(evaluation.estimators):
        present = ~np.isnan(evaluation.scores[:, k])
        blocks = TieBlocks.from_rows(evaluation.errors[present], evaluation.scores[present, k])
        if not blocks.n:
            continue
        rows, wrong = blocks.kept()
        chosen = np.unique(np.searchsorted(rows, [share * blocks.n - 1e-9 for share in COVERAGES]))
        for at in chosen:
            n, errors = int(rows[at]), int(wrong[at])
            low, high = exact_share(n - errors, n)
            records.append(
                {
                    **{"model": evaluation.model, "task": evaluation.task, "estimator": estimator},
                    **{"threshold": float(blocks.scores[at]), "n_kept": n, "n_errors_kept": errors},
                    **{"coverage": n / blocks.n, "accuracy": 1 - errors / n},
                    **{"accuracy_low": low, "accuracy_high": high},
                }
            )
    return pd.DataFrame.from_records(records, columns=list(THRESHOLD_COLUMNS))
