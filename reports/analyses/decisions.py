"""Decisions based on a score: cascade of two models, split by difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..metrics.evaluation import Evaluation
from ..statistics.intervals import NONE, SMALLEST_CLASS, percentile_interval
from ..statistics.ranking import FloatArray, IntArray
from ..statistics.short_repr import short_repr
from .model_comparisons import common_rows

POINTS = 101


@short_repr
@dataclass(frozen=True)
class Cascade:
    """Cascade: the most uncertain answers of a small model are replaced by a large model's.

    Attributes:
        small, large: names of the models.
        estimator: score of the small model by which questions are routed.
        n: number of common questions with a score.
        shares: (points,) share of the questions routed to the large model, from 0 to 1.
        accuracy: (points,) accuracy of the cascade, averaged over ties.
        costs: (points,) mean cost per question.
        area: mean gain in accuracy over random routing of the same share, with its 95 % interval
            (area_low, area_high) by paired bootstrap over questions, NaN where the models differ
            on fewer than `SMALLEST_CLASS` of them.
        best_share: share with the highest accuracy.
    """

    small: str
    large: str
    task: str
    estimator: str
    n: int
    shares: FloatArray
    accuracy: FloatArray
    costs: FloatArray
    area: float
    area_low: float
    area_high: float
    best_share: float

    @property
    def random(self) -> FloatArray:
        """(points,) accuracy of random routing of the same share."""
        ends = self.accuracy[0], self.accuracy[-1]
        line: FloatArray = ends[0] + self.shares * (ends[1] - ends[0])
        return line

    def frame(self) -> pd.DataFrame:
        """Convert the curve to a frame, one row per share."""
        return pd.DataFrame(
            {
                **{"task": self.task, "small": self.small, "large": self.large},
                **{"estimator": self.estimator, "n": self.n, "share_escalated": self.shares},
                **{"accuracy": self.accuracy, "accuracy_random": self.random, "cost": self.costs},
            }
        )


def compute_cascade(
    small: Evaluation,
    large: Evaluation,
    estimator: str,
    costs: tuple[float, float] = (1.0, 10.0),
    replicates: int = 1000,
    seed: int = 0,
) -> Cascade:
    """Evaluate a cascade of two models on their common questions.

    Args:
        small: Answers of the small model.
        large: Answers of the large model on the same task.
        estimator: Score of the small model by which questions are routed, most uncertain first.
        costs: Cost per answer of the small and of the large model, in any unit.
        replicates: Number of bootstrap resamples.
        seed: Seed of the resamples.

    Returns:
        Accuracy and cost by the share of questions routed to the large model.

    Raises:
        ValueError: There are no common questions with a score.
    """
    first, second = common_rows(small, large)
    scores = small.scores[first, small.estimators.index(estimator)]
    known = ~np.isnan(scores)
    if not known.any():
        raise ValueError(
            f"Expected common questions with a score by {estimator}, got none for {small.model} "
            f"and {large.model}."
        )
    right_small = (~small.errors[first])[known].astype(np.float64)
    right_large = (~large.errors[second])[known].astype(np.float64)
    gain, n = right_large - right_small, right_small.size
    order = np.argsort(-scores[known], kind="stable")
    _, block = np.unique(-scores[known][order], return_inverse=True)
    mean = np.bincount(block, weights=gain[order]) / np.bincount(block)
    total = np.concatenate(([0.0], np.cumsum(mean[block])))
    shares = np.linspace(0, 1, POINTS)
    accuracy = right_small.mean() + np.interp(shares * n, np.arange(n + 1), total) / n
    area = _area(gain[order], block, np.ones(n))
    drawn = _area_replicates(gain[order], block, replicates, seed)
    few = np.count_nonzero(gain) < SMALLEST_CLASS
    low, high = NONE if few else percentile_interval(drawn)
    best = float(shares[int(np.argmax(accuracy))])
    names = (small.model, large.model, small.task, estimator)
    return Cascade(*names, n, shares, accuracy, costs[0] + shares * costs[1], area, low, high, best)


def _area_replicates(gain: FloatArray, block: IntArray, replicates: int, seed: int) -> FloatArray:
    """Compute `_area` on paired resamples of the questions, (replicates,)."""
    rng, n = np.random.default_rng(seed), gain.size
    drawn = np.empty(replicates)
    for index in range(replicates):
        weights = np.bincount(rng.integers(n, size=n), minlength=n)
        drawn[index] = _area(gain, block, weights.astype(np.float64))
    return drawn


def _area(gain: FloatArray, block: IntArray, weights: FloatArray) -> float:
    """Average (gain of the cascade - gain of random routing) over all shares; rows are weighted."""
    size = np.bincount(block, weights=weights)
    total = np.bincount(block, weights=weights * gain)
    before = np.cumsum(total) - total
    n = weights.sum()
    return float((size * (before + total / 2)).sum() / n**2 - total.sum() / (2 * n))


def compute_split(
    evaluation: Evaluation,
    estimator: str,
    groups: Sequence[str] = ("easy", "medium", "hard"),
    weights: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Split the scored questions into groups of difficulty by their score.

    Args:
        evaluation: Answers of one model on one task.
        estimator: Name of the score.
        groups: Names of the groups, most certain first.
        weights: Relative sizes of the groups, equal by default; ties are kept together, in the
            group that contains their middle.

    Returns:
        One row per question: model, task, question_id, topic, estimator, score, correct, group.
    """
    scores = evaluation.scores[:, evaluation.estimators.index(estimator)]
    known = np.flatnonzero(~np.isnan(scores))
    parts = np.asarray(weights if weights is not None else np.ones(len(groups)), np.float64)
    edges = np.cumsum(parts / parts.sum())[:-1]
    _, block, size = np.unique(scores[known], return_inverse=True, return_counts=True)
    middle = (np.cumsum(size) - size / 2)[block] / max(known.size, 1)
    group = np.array(groups, dtype=object)[np.searchsorted(edges, middle)]
    topics = np.full(evaluation.errors.size, "", dtype=object)
    for name, members in evaluation.topics.items():
        topics[members] = name
    return pd.DataFrame(
        {
            **{"model": evaluation.model, "task": evaluation.task},
            **{"question_id": evaluation.question_ids[known], "topic": topics[known]},
            **{"estimator": estimator, "score": scores[known]},
            **{"correct": ~evaluation.errors[known], "group": group},
        }
    )


def summarize_split(split: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """Summarize a split: n, share, accuracy and range of scores per model, task and group.

    Args:
        split: Frame from `compute_split`; several may be concatenated.
        groups: Names of the groups, in order.

    Returns:
        One row per model, task and group; NaN for empty groups.
    """
    records = []
    for (model, task), own in split.groupby(["model", "task"], sort=False):
        for name in groups:
            part = own[own["group"] == name]
            records.append(
                {
                    **{"model": model, "task": task, "group": name, "n": len(part)},
                    "share": len(part) / len(own),
                    "accuracy": part["correct"].mean() if len(part) else np.nan,
                    **{"score_low": part["score"].min(), "score_high": part["score"].max()},
                }
            )
    return pd.DataFrame.from_records(records)
