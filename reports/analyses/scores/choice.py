"""The best of many estimators, corrected for the choice: selection.csv."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd

from ...metrics.evaluation import Evaluation
from ...statistics.bootstrap import roc_auc_replicates
from ...statistics.intervals import enough
from ...statistics.ranking import FloatArray, roc_auc
from ...statistics.selection import Selection, select_best
from ..task_analysis import task_analysis

REPLICATES = 300
SELECTION_COLUMNS = (
    *("model", "task", "estimator", "n", "n_errors", "roc_auc", "best", "roc_auc_corrected"),
    *("low", "high", "probability_best", "indistinguishable", "replicates"),
)


def chosen_columns(evaluation: Evaluation) -> tuple[list[int], np.typing.NDArray[np.bool_]]:
    """Choose the estimators to choose among, and the questions that all of them scored.

    Estimators without enough errors and right answers of their own do not take part. Of the others,
    those that would leave fewer than nine tenths of the questions in common do not either.
    """
    present = ~np.isnan(evaluation.scores)
    able = [
        k
        for k in range(present.shape[1])
        if enough(int(evaluation.errors[present[:, k]].sum()), int(present[:, k].sum()))
    ]
    able.sort(key=lambda k: -int(present[:, k].sum()))
    columns: list[int] = []
    common = np.ones(present.shape[0], dtype=np.bool_)
    for k in able:
        both = common & present[:, k]
        if not columns or both.sum() >= 0.9 * present[:, columns[0]].sum():
            columns, common = [*columns, k], both
    return sorted(columns), common


def selected(
    evaluation: Evaluation, replicates: int = REPLICATES
) -> tuple[list[int], Selection] | None:
    """Correct the best estimator's ROC AUC for the choice; None with fewer than two estimators."""
    columns, common = chosen_columns(evaluation)
    errors = evaluation.errors[common]
    if len(columns) < 2 or not enough(int(errors.sum()), errors.size):
        return None
    block: FloatArray = evaluation.scores[common][:, columns]
    values = np.array([roc_auc(errors, column) for column in block.T])
    name = "\0".join((evaluation.model, evaluation.task, "selection"))
    stream = [0, zlib.crc32(name.encode("utf-8", "surrogatepass"))]
    drawn = roc_auc_replicates(errors, block, replicates, stream)
    return columns, select_best(values, drawn)


@task_analysis(file="selection")
def compute_selection(evaluation: Evaluation) -> pd.DataFrame:
    """Correct the highest ROC AUC of one model on one task for the choice among its estimators.

    On the questions that all of them scored. `roc_auc_corrected`, `low` and `high` stand in the
    best one's row alone; `probability_best` is the share of the resamples in which an estimator is
    the best, `indistinguishable` whether it cannot be told from the best (simultaneous 95 %).
    """
    found = selected(evaluation)
    if found is None:
        return pd.DataFrame({name: [] for name in SELECTION_COLUMNS})
    columns, choice = found
    _, common = chosen_columns(evaluation)
    errors = evaluation.errors[common]
    records: list[dict[str, Any]] = []
    for place, k in enumerate(columns):
        best, nan = place == choice.best, float("nan")
        area = roc_auc(errors, evaluation.scores[common, k])
        records.append(
            {
                **{"model": evaluation.model, "task": evaluation.task},
                **{"estimator": evaluation.estimators[k], "n": int(errors.size)},
                **{"n_errors": int(errors.sum()), "roc_auc": area, "best": best},
                "roc_auc_corrected": choice.corrected if best else nan,
                **{"low": choice.low if best else nan, "high": choice.high if best else nan},
                "probability_best": float(choice.probabilities[place]),
                "indistinguishable": bool(choice.indistinguishable[place]),
                "replicates": REPLICATES,
            }
        )
    return pd.DataFrame.from_records(records, columns=list(SELECTION_COLUMNS))
