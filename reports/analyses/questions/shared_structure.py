"""Is there structure in the models' errors beyond the difficulty of the questions?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...statistics.marginal_rasch import marginal_rasch
from ...statistics.ranking import BoolArray, FloatArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

STRUCTURE_COLUMNS = ("task", "models", "questions", "rank", "held_out_error", "spread", "chosen")
HIDDEN = 0.1
SEEDS = 3
LARGEST_RANK = 3
RIDGE = 1.0
"""Penalty on the strength of a cause in a question, beside weights of unit length: a question has
few known entries, and without it causes fit their noise."""


def residual_factors(
    residuals: FloatArray, known: BoolArray, rank: int, seed: int, iterations: int = 40
) -> FloatArray:
    """Fit residuals (m, q) by weights (m, r) · nonnegative causes (r, q); return the product.

    Alternating ridge regression on the known entries; weights may have either sign, since a
    residual does (semi-nonnegative factorization, Ding et al. 2010).
    """
    rng = np.random.default_rng(seed)
    x, mask = np.where(known, residuals, 0.0), known.astype(np.float64)
    causes = rng.random((rank, x.shape[1]))
    weights = np.zeros((x.shape[0], rank))
    for _ in range(iterations):
        for row in range(x.shape[0]):
            gram = (causes * mask[row]) @ causes.T + 1e-3 * np.eye(rank)
            weights[row] = np.linalg.solve(gram, causes @ x[row])
        weights /= np.maximum(np.linalg.norm(weights, axis=0, keepdims=True), 1e-12)
        grams = np.einsum("mr,ms,mq->qrs", weights, weights, mask) + RIDGE * np.eye(rank)
        causes = np.maximum(np.linalg.solve(grams, (weights.T @ x).T[:, :, None])[:, :, 0].T, 0.0)
    return weights @ causes


def held_out_errors(errors: FloatArray, seed: int) -> dict[int, float]:
    """Compute the mean squared error on held-out entries by rank beyond difficulty.

    Rank 0 predicts σ(difficulty - ability) from the known entries; rank r adds r causes of its
    residuals.
    """
    known: BoolArray = ~np.isnan(errors)
    hidden: BoolArray = known & (np.random.default_rng(seed).random(errors.shape) < HIDDEN)
    fitted: FloatArray = np.where(hidden, np.nan, errors)
    base = marginal_rasch(fitted).chance()
    left: FloatArray = np.where(hidden, 0.0, np.nan_to_num(errors) - base)
    gap: FloatArray = (errors - base)[hidden]
    scores = {0: float((gap**2).mean())}
    for rank in range(1, min(LARGEST_RANK, errors.shape[0] - 2) + 1):
        made = base + residual_factors(left, known & ~hidden, rank, seed)
        gap = (errors - np.clip(made, 0, 1))[hidden]
        scores[rank] = float((gap**2).mean())
    return scores


def _findings(frame: pd.DataFrame) -> list[str]:
    lines = []
    for task, own in frame.groupby("task", sort=False):
        rank = int(own.loc[own["chosen"].astype(bool), "rank"].iloc[0])
        if rank:
            causes = "1 shared cause" if rank == 1 else f"{rank} shared causes"
            lines.append(f"{task}: {causes} of errors beyond the difficulty of the questions.")
        else:
            lines.append(
                f"{task}: no shared structure beyond difficulty; causes found above say which "
                "topics are hard, and no more."
            )
    return lines


@benchmark_analysis(
    file="shared_structure",
    title="Shared structure of errors beyond difficulty",
    meaning="Held-out squared error of errors predicted from ability and difficulty alone (rank "
    "0), and with r more causes that models share. If no rank beats 0, models differ in ability "
    "alone.",
    limits="With few models or few questions the test has little power: no structure found is not "
    "evidence of none.",
    requires="four models on one task",
    source="Ding et al. 2010, doi 10.1109/TPAMI.2008.277; Reichenbach 1956",
    columns=(
        Shown("task", "task", "text"),
        Shown("models", "models", "count"),
        Shown("questions", "questions", "count"),
        Shown("causes beyond difficulty", "rank", "count"),
        Shown("held-out squared error", "held_out_error", "plain3"),
        Shown("standard error of the gain", "spread", "plain3"),
        Shown("chosen", "chosen", "yes"),
    ),
    findings=_findings,
)
def compute_shared_structure(study: Study) -> pd.DataFrame:
    """Choose the number of causes beyond difficulty per task by held-out error.

    The rank is the smallest within one standard error (over seeds, of the difference to the best)
    of the best one.
    """
    records: list[dict[str, Any]] = []
    for task in study.tasks:
        errors = study.matrix(task).errors
        if errors.shape[0] < 4 or errors.shape[1] < 20:
            continue
        drawn = [held_out_errors(errors, study.seed + seed) for seed in range(SEEDS)]
        values = {rank: np.array([scores[rank] for scores in drawn]) for rank in drawn[0]}
        best = min(values, key=lambda rank: float(values[rank].mean()))
        spread = {
            rank: float((own - values[best]).std(ddof=1) / np.sqrt(SEEDS))
            for rank, own in values.items()
        }
        chosen = next(
            rank
            for rank in sorted(values)
            if values[rank].mean() <= values[best].mean() + spread[rank]
        )
        records += [
            {
                **{"task": task, "models": errors.shape[0], "questions": errors.shape[1]},
                **{"rank": rank, "held_out_error": float(own.mean()), "spread": spread[rank]},
                "chosen": rank == chosen,
            }
            for rank, own in values.items()
        ]
    return pd.DataFrame.from_records(records, columns=list(STRUCTURE_COLUMNS))
