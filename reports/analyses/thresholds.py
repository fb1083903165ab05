"""Thresholds on a score: thresholds.csv, and the choice of one for a target risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from ..metrics.evaluation import Evaluation
from ..statistics.intervals import exact_share
from ..statistics.ranking import BoolArray, FloatArray, IntArray, TieBlocks
from .task_analysis import task_analysis

SMALLEST_KEPT = 30
COVERAGES = tuple(round(0.1 * k, 1) for k in range(1, 11))
THRESHOLD_COLUMNS = (
    *("model", "task", "estimator", "threshold", "n_kept", "n_errors_kept", "coverage"),
    *("accuracy", "accuracy_low", "accuracy_high"),
)


@task_analysis(file="thresholds")
def compute_thresholds(evaluation: Evaluation) -> pd.DataFrame:
    """Evaluate ten thresholds per estimator, pooled: keep answers with score ≤ threshold.

    The thresholds are the smallest that keep at least 10, 20, … 100 % of the scored rows; ties are
    kept together, so that there may be fewer than ten. `accuracy` of the rows kept has an exact
    95 % interval. These thresholds are descriptive; `apprehend threshold` chooses one for a target
    risk and tests it on held-out questions.
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


@dataclass(frozen=True)
class ThresholdChoice:
    """Threshold chosen on development questions and evaluated on held-out test questions.

    Attributes:
        model, task, estimator: names.
        target_risk: highest acceptable error rate of the answers kept.
        threshold: keep an answer if its score is at most this; NaN where none meets the target.
        development_n, development_coverage, development_risk: on the development questions.
        n, coverage: number of test questions, and the share of them kept.
        n_kept, n_errors_kept, risk, risk_low, risk_high: on the test questions kept, with the exact
            95 % interval; NaN where none is kept.
        n_missing: questions without a score, never kept and not counted in n.
        seed: seed of the split.
    """

    model: str
    task: str
    estimator: str
    target_risk: float
    threshold: float
    development_n: int
    development_coverage: float
    development_risk: float
    n: int
    coverage: float
    n_kept: int
    n_errors_kept: int
    risk: float
    risk_low: float
    risk_high: float
    n_missing: int
    seed: int


def upper_risk(errors: IntArray, rows: IntArray, level: float) -> FloatArray:
    """Compute Clopper and Pearson's one-sided upper bound of error rates (k,) at `level`."""
    bound = beta.ppf(level, errors + 1, rows - errors)
    return np.where(errors < rows, bound, 1.0).astype(np.float64)


def choose_threshold(
    evaluation: Evaluation,
    estimator: str,
    target_risk: float,
    development: float = 0.5,
    confidence: float | None = None,
    seed: int = 0,
) -> ThresholdChoice:
    """Choose the threshold of largest coverage that meets a target risk on development questions.

    Args:
        evaluation: Answers of one model on one task.
        estimator: Name of the score.
        target_risk: Highest acceptable error rate of the answers kept, in (0, 1).
        development: Share of the scored questions to choose on, drawn at random within topics.
        confidence: If given, the upper bound of the risk at this level must meet the target.
            Otherwise the risk itself must, and at least max(`SMALLEST_KEPT`, 1 / target_risk)
            answers must be kept, since fewer could meet the target by chance.
        seed: Seed of the split.

    Returns:
        The threshold with its coverage and risk on the remaining questions.

    Raises:
        ValueError: `estimator` is unknown.
    """
    column = evaluation.estimators.index(estimator)
    scores = evaluation.scores[:, column]
    known = ~np.isnan(scores)
    chosen = development_rows(evaluation, known, development, seed)
    rest = known & ~chosen
    blocks = TieBlocks.from_rows(evaluation.errors[chosen], scores[chosen])
    rows, wrong = blocks.kept()
    finite = np.isfinite(blocks.scores)
    risk = wrong / np.maximum(rows, 1)
    bound = risk if confidence is None else upper_risk(wrong, rows, confidence)
    if confidence is None:
        finite &= (rows >= SMALLEST_KEPT) & (rows * target_risk >= 1 - 1e-9)
    fitting = np.flatnonzero((bound <= target_risk) & finite)
    at = int(fitting[-1]) if fitting.size else -1
    threshold = float(blocks.scores[at]) if fitting.size else float("nan")
    kept = rest & (scores <= threshold)
    n, n_kept, n_wrong = int(rest.sum()), int(kept.sum()), int(evaluation.errors[kept].sum())
    low, high = exact_share(n_wrong, n_kept)
    return ThresholdChoice(
        model=evaluation.model,
        task=evaluation.task,
        estimator=estimator,
        target_risk=target_risk,
        threshold=threshold,
        development_n=int(chosen.sum()),
        development_coverage=float(rows[at] / blocks.n) if fitting.size else 0.0,
        development_risk=float(risk[at]) if fitting.size else float("nan"),
        n=n,
        coverage=n_kept / n if n else float("nan"),
        n_kept=n_kept,
        n_errors_kept=n_wrong,
        risk=n_wrong / n_kept if n_kept else float("nan"),
        risk_low=low,
        risk_high=high,
        n_missing=int((~known).sum()),
        seed=seed,
    )


def development_rows(
    evaluation: Evaluation, known: BoolArray, share: float, seed: int
) -> BoolArray:
    """Draw a share of the known questions (n,) at random within topics."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(known.size, dtype=np.bool_)
    groups = list(evaluation.topics.values())
    without_topic = np.ones(known.size, dtype=np.bool_)
    for members in groups:
        without_topic[members] = False
    for group in [*groups, np.flatnonzero(without_topic)]:
        members = group[known[group]]
        size = int(np.floor(share * members.size + rng.random()))
        chosen[rng.permutation(members)[:size]] = True
    return chosen
