"""Entropy against divergence: error rates per cell, and the confident answers that diverge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ...frames.blocks import Shown
from ...metrics.evaluation import Evaluation
from ...statistics.intervals import exact_share
from ...statistics.ranking import FloatArray, IntArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

CELLS = ("low", "medium", "high")
MAP_COLUMNS = (
    *("model", "task", "entropy", "divergence", "entropy_cell", "divergence_cell", "n", "errors"),
    *("error_rate", "low", "high"),
)
LIST_COLUMNS = (
    *("model", "task", "entropy", "divergence", "question_id", "topic", "entropy_rank"),
    *("divergence_rank", "gap", "answer", "wrong"),
)
LISTED = 100
"""Rows of the quadrant's list per model, task and pair of estimators."""


def thirds(scores: FloatArray) -> IntArray:
    """Assign scores (n,) to thirds 0, 1, 2 by mean rank; equal scores share one."""
    place = (rankdata(scores) - 0.5) / max(scores.size, 1)
    return np.minimum(np.floor(3 * place), 2).astype(np.int64)


def _pairs(
    study: Study, evaluation: Evaluation
) -> Iterator[tuple[str, str, IntArray, FloatArray, FloatArray]]:
    """Yield names, common rows and scores of every entropy with every divergence."""
    for i in study.columns(evaluation, "is_entropy"):
        for j in study.columns(evaluation, "is_divergence"):
            pair = evaluation.raw[:, [i, j]]
            rows = np.flatnonzero(np.isfinite(pair).all(axis=1) & ~evaluation.unparsed)
            if rows.size >= 9 and i != j:
                names = (evaluation.estimators[i], evaluation.estimators[j])
                yield *names, rows, pair[rows, 0], pair[rows, 1]


@benchmark_analysis(
    file="uncertainty_maps",
    title="Entropy against divergence",
    meaning="Error rates in the thirds of an entropy and of a divergence (from the answer without "
    "the question, under an instruction, or of other models). Low entropy with a high error rate "
    "where the divergence is high: entropy alone is not enough.",
    limits="If the rows of the table hardly differ within a column, the divergence adds nothing to "
    "the entropy; cells with few answers are shown by their intervals.",
    requires="an entropy, and answers to other prompts or of other models",
    source="arXiv 2403.07366 (PLPD)",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "entropy", "divergence")),
        Shown("entropy is", "entropy_cell", "text"),
        Shown("divergence is", "divergence_cell", "text"),
        *(Shown("n", "n", "count"), Shown("errors", "errors", "count")),
        Shown("error rate", "error_rate", "percent"),
        Shown("95 % interval", "low", "interval", "high"),
    ),
)
def compute_uncertainty_maps(study: Study) -> pd.DataFrame:
    """Count answers and errors in nine cells per pair of entropy and divergence."""
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        for entropy, divergence, rows, first, second in _pairs(study, evaluation):
            cell = 3 * thirds(first) + thirds(second)
            for number in range(9):
                wrong = evaluation.errors[rows[cell == number]]
                low, high = exact_share(int(wrong.sum()), wrong.size)
                records.append(
                    {
                        **{"model": evaluation.model, "task": evaluation.task},
                        **{"entropy": entropy, "divergence": divergence},
                        "entropy_cell": CELLS[number // 3],
                        "divergence_cell": CELLS[number % 3],
                        **{"n": wrong.size, "errors": int(wrong.sum()), "low": low, "high": high},
                        "error_rate": float(wrong.mean()) if wrong.size else float("nan"),
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(MAP_COLUMNS))


@benchmark_analysis(
    file="confident_divergent",
    title="Confident answers that diverge",
    meaning="Answers of low entropy (below the median) and high divergence (above it), the widest "
    "gap of ranks first: where a model is sure of what another input, or another model, does not "
    "bear out.",
    limits="Rank gaps exist in any two scores: compare the share of wrong answers in this list "
    "with the error rate of all answers of low entropy.",
    requires="an entropy, and answers to other prompts or of other models",
    source="TIP (quadrants of entropy and divergence)",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "entropy", "divergence")),
        Shown("question", "question_id", "text"),
        Shown("topic", "topic", "text"),
        Shown("gap of ranks", "gap"),
        Shown("answer", "answer", "text"),
        Shown("wrong", "wrong", "yes"),
    ),
    shown=lambda frame: frame.groupby(["model", "task", "entropy", "divergence"]).head(5).head(100),
)
def compute_confident_divergent(study: Study) -> pd.DataFrame:
    """List the answers of low entropy and high divergence by the gap of their rank shares."""
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        topics = {int(row): name for name, at in evaluation.topics.items() for row in at}
        for entropy, divergence, rows, first, second in _pairs(study, evaluation):
            low = (rankdata(first) - 0.5) / first.size
            high = (rankdata(second) - 0.5) / second.size
            inside = np.flatnonzero((low < 0.5) & (high > 0.5))
            order = inside[np.argsort(low[inside] - high[inside], kind="stable")][:LISTED]
            records += [
                {
                    **{"model": evaluation.model, "task": evaluation.task},
                    **{"entropy": entropy, "divergence": divergence},
                    "question_id": str(evaluation.question_ids[rows[at]]),
                    "topic": topics.get(int(rows[at]), ""),
                    **{"entropy_rank": float(low[at]), "divergence_rank": float(high[at])},
                    "gap": float(high[at] - low[at]),
                    "answer": evaluation.answers[rows[at]],
                    "wrong": bool(evaluation.errors[rows[at]]),
                }
                for at in order
            ]
    return pd.DataFrame.from_records(records, columns=list(LIST_COLUMNS))
