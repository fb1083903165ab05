"""Decisions: a threshold for a target risk, a cascade of two models, a split by difficulty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import beta

from ..metrics.evaluation import Evaluation
from ..statistics.intervals import NONE, SMALLEST_CLASS, exact_share, percentile_interval
from ..statistics.ranking import BoolArray, FloatArray, IntArray, TieBlocks
from ..statistics.short_repr import short_repr
from .model_comparisons import common_rows

POINTS = 101
SMALLEST_KEPT = 30


@dataclass(frozen=True)
class ThresholdChoice:
    """A threshold chosen on development questions and tested on the others.

    Attributes:
        model, task, estimator: what it is for.
        target_risk: highest error rate wanted among the answers kept.
        threshold: keep an answer if its score is at most this; NaN where none reaches the target.
        development_n, development_coverage, development_risk: where it was chosen.
        n, coverage: test questions, and the share kept of them.
        n_kept, n_errors_kept, risk, risk_low, risk_high: of the test questions kept, with the exact
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
    """Clopper and Pearson's one-sided upper bound of error rates (k,) at `level`."""
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
    """The threshold with the largest coverage whose risk on development questions is in bounds.

    `development` is the share of the scored questions, drawn at random within each topic, that it
    is chosen on. With `confidence`, the upper bound of the risk at that level, not the risk itself,
    must be at most `target_risk`. Without, at least `SMALLEST_KEPT` answers and at least
    1 / `target_risk` must be kept: fewer cannot show such a risk, and a few right ones are luck.
    """
    column = evaluation.estimators.index(estimator)
    scores = evaluation.scores[:, column]
    known = ~np.isnan(scores)
    chosen = _development(evaluation, known, development, seed)
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


def _development(evaluation: Evaluation, known: BoolArray, share: float, seed: int) -> BoolArray:
    rng = np.random.default_rng(seed)
    chosen = np.zeros(known.size, dtype=np.bool_)
    groups = list(evaluation.topics.values())
    loose = np.ones(known.size, dtype=np.bool_)
    for members in groups:
        loose[members] = False
    for group in [*groups, np.flatnonzero(loose)]:
        members = group[known[group]]
        size = int(np.floor(share * members.size + rng.random()))
        chosen[rng.permutation(members)[:size]] = True
    return chosen


@short_repr
@dataclass(frozen=True)
class Cascade:
    """Answers of a small model, the most uncertain ones replaced by a large model's.

    Attributes:
        small, large: names of the models.
        estimator: the small model's score that decides.
        n: common questions with a score.
        shares: (points,) share of the questions that go to the large model, 0 to 1.
        accuracy: (points,) accuracy of the mixture, ties averaged.
        costs: (points,) mean cost per question: small's, plus large's for those sent on.
        area: mean gain in accuracy over sending the same share at random; with its 95 % interval
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
        """(points,) accuracy of a random choice of the same share."""
        ends = self.accuracy[0], self.accuracy[-1]
        line: FloatArray = ends[0] + self.shares * (ends[1] - ends[0])
        return line

    def frame(self) -> pd.DataFrame:
        """The curve, one row per share."""
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
    """The cascade on the common questions; `costs` are those of one answer of small and large.

    Raises ValueError without common, scored questions.
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
    return Cascade(
        small=small.model,
        large=large.model,
        task=small.task,
        estimator=estimator,
        n=n,
        shares=shares,
        accuracy=accuracy,
        costs=costs[0] + shares * costs[1],
        area=area,
        area_low=low,
        area_high=high,
        best_share=float(shares[int(np.argmax(accuracy))]),
    )


def _area_replicates(gain: FloatArray, block: IntArray, replicates: int, seed: int) -> FloatArray:
    """`_area` on paired resamples of the questions, (replicates,)."""
    rng, n = np.random.default_rng(seed), gain.size
    drawn = np.empty(replicates)
    for index in range(replicates):
        weights = np.bincount(rng.integers(n, size=n), minlength=n)
        drawn[index] = _area(gain, block, weights.astype(np.float64))
    return drawn


def _area(gain: FloatArray, block: IntArray, weights: FloatArray) -> float:
    """Mean over all shares of (gain of the cascade - gain of random routing), rows weighted."""
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
    """Scored questions cut by the score into groups, most certain first; equal scores stay whole.

    Columns: model, task, question_id, topic, estimator, score, correct, group. `weights` are the
    groups' shares (equal by default); a tie block goes where its middle falls.
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
    """Per model, task and group: n, share, accuracy, lowest and highest score."""
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
