"""Which scores are worth having together: stacked out of fold, chosen greedily within a budget."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from ...metrics.evaluation import Evaluation
from ...statistics.bootstrap import roc_auc_replicates
from ...statistics.intervals import percentile_interval
from ...statistics.ranking import BoolArray, FloatArray, IntArray, roc_auc
from ...statistics.short_repr import short_repr
from .recommending import COST_ORDER

FOLDS, INNER = 5, 3
REPLICATES = 400
LEAST = 5
"""Errors, and right answers, per fold; with fewer nothing is said."""
_ROWS = 4000
"""Questions of a training part that the choice is made on; the fit takes all."""


@short_repr
@dataclass(frozen=True)
class Combination:
    """Scores stacked by logistic regression, beside the best single one.

    Attributes:
        estimators: those stacked, in the order in which they were chosen on all questions.
        costs: cost class of each, "c", "m" or "x".
        value: ROC AUC of the stacked score out of fold, mean over topics.
        single: that of the best single one, chosen in the training parts in the same way.
        gain, gain_low, gain_high: how much more, with a 95 % interval (bootstrap within topics).
        topics: names of the topics averaged.
        n, n_errors: questions and errors.
    """

    estimators: list[str]
    costs: list[str]
    value: float
    single: float
    gain: float
    gain_low: float
    gain_high: float
    topics: list[str]
    n: int
    n_errors: int


def combine(
    evaluation: Evaluation,
    costs: Mapping[str, str],
    budget: str = "x",
    most: int = 2,
    named: Sequence[str] = (),
    without: Sequence[str] = (),
    topics: Sequence[str] = (),
    seed: int = 0,
) -> Combination | None:
    """Stack several scores, and measure the gain over the best single one.

    Scores become normal quantiles of their ranks. Everything that learns from right and wrong (the
    choice, the weights) happens in the training part of each of five folds; choices in it are made
    by the ROC AUC in three inner folds, adding one score at a time (Wolpert 1992,
    doi 10.1016/S0893-6080(05)80023-1).

    Args:
        evaluation: Answers of one model on one task.
        costs: Estimator → cost class "c", "m" or "x"; unknown ones count as "x".
        budget: The dearest class to consider.
        most: Number of scores to stack, at least 2.
        named: Stack these instead of choosing; `budget` and `most` do not matter then.
        without: Estimators not to consider, e.g. controls.
        topics: Topics to use; all of them if empty.
        seed: Seed of folds and resamples.

    Returns:
        The combination; None with fewer than two able scores, or too few errors or right answers.
    """
    able = [
        k
        for k, name in enumerate(evaluation.estimators)
        if (name in named if named else name not in without)
        and (named or COST_ORDER.index(costs.get(name, "x")) <= COST_ORDER.index(budget))
        and (~np.isnan(evaluation.scores[:, k])).mean() >= 0.9
    ]
    if len(able) < max(2, len(named)):
        return None
    groups = {name: evaluation.topics[name] for name in topics or evaluation.topics}
    inside = np.zeros(len(evaluation.errors), dtype=np.bool_)
    inside[np.concatenate(list(groups.values()))] = True
    rows: IntArray = np.flatnonzero(inside & ~np.isnan(evaluation.scores[:, able]).any(axis=1))
    errors: BoolArray = evaluation.errors[rows]
    if min(errors.sum(), (~errors).sum()) < LEAST * FOLDS:
        return None
    features = quantiles(evaluation.scores[rows][:, able])
    size = len(named) or most
    fixed = list(range(len(able))) if named else None
    stacked, single = out_of_fold(features, errors, size, fixed, seed)
    chosen = fixed or greedy(features, errors, size, seed)
    values = np.stack([stacked, single], axis=1)
    measured = _by_topic(evaluation, groups, rows, errors, values, seed)
    if measured is None:
        return None
    areas, drawn, averaged = measured
    low, high = percentile_interval(drawn[:, 0] - drawn[:, 1])
    names = [evaluation.estimators[able[k]] for k in chosen]
    return Combination(
        names,
        [costs.get(name, "x") for name in names],
        *(float(areas[0]), float(areas[1]), float(areas[0] - areas[1]), low, high),
        averaged,
        *(int(errors.size), int(errors.sum())),
    )


def quantiles(scores: FloatArray) -> FloatArray:
    """Map each column (n, k) to the standard normal quantiles of its mid-ranks."""
    ranks = np.stack([rankdata(column) for column in scores.T], axis=1)
    mapped: FloatArray = norm.ppf((ranks - 0.5) / len(scores))
    return mapped


def folds_of(errors: BoolArray, count: int, seed: int) -> list[tuple[IntArray, IntArray]]:
    """Return training and test rows of each fold, errors spread evenly."""
    split = StratifiedKFold(count, shuffle=True, random_state=seed)
    return list(split.split(np.zeros(errors.size), errors))


def fitted(features: FloatArray, errors: BoolArray) -> LogisticRegression:
    """Fit the logistic regression that stacks scores."""
    return LogisticRegression(solver="newton-cholesky").fit(features, errors)


def greedy(features: FloatArray, errors: BoolArray, size: int, seed: int) -> list[int]:
    """Choose columns one at a time by the ROC AUC in three inner folds; ties go to the first."""
    if errors.size > _ROWS:
        picked = np.random.default_rng(seed).choice(errors.size, _ROWS, replace=False)
        features, errors = features[picked], errors[picked]
    inner = folds_of(errors, INNER, seed)
    chosen: list[int] = []
    while len(chosen) < min(size, features.shape[1]):
        left = [k for k in range(features.shape[1]) if k not in chosen]
        areas = [_inner_area(features[:, [*chosen, k]], errors, inner) for k in left]
        chosen.append(left[int(np.argmax(areas))])
    return chosen


def _inner_area(
    features: FloatArray, errors: BoolArray, inner: Sequence[tuple[IntArray, IntArray]]
) -> float:
    areas = []
    for train, test in inner:
        model = fitted(features[train], errors[train])
        areas.append(roc_auc(errors[test], model.decision_function(features[test])))
    return float(np.mean(areas))


def out_of_fold(
    features: FloatArray, errors: BoolArray, size: int, fixed: list[int] | None, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return P(error) out of fold, of the stacked scores and of the best single one.

    Args:
        features: (n, k) scores.
        errors: (n,) true where the answer is wrong.
        size: How many to choose.
        fixed: The columns to stack instead of choosing.
        seed: Seed of the folds.
    """
    stacked, single = np.full((2, errors.size), np.nan)
    for train, test in folds_of(errors, FOLDS, seed):
        order = greedy(features[train], errors[train], size if fixed is None else 1, seed)
        for found, columns in ((stacked, fixed or order), (single, order[:1])):
            model = fitted(features[train][:, columns], errors[train])
            found[test] = model.predict_proba(features[test][:, columns])[:, 1]
    return stacked, single


def _by_topic(
    evaluation: Evaluation,
    groups: Mapping[str, IntArray],
    rows: IntArray,
    errors: BoolArray,
    values: FloatArray,
    seed: int,
) -> tuple[FloatArray, FloatArray, list[str]] | None:
    """Return ROC AUCs (2,) and their resamples (replicates, 2), means over the topics averaged."""
    areas, drawn, averaged = [], [], []
    for name, members in groups.items():
        own = np.isin(rows, members)
        wrong = errors[own]
        if not 2 <= wrong.sum() <= wrong.size - 2:
            continue
        averaged.append(name)
        areas.append([roc_auc(wrong, column) for column in values[own].T])
        text = "\0".join((evaluation.model, evaluation.task, name, "together"))
        stream = [seed, zlib.crc32(text.encode("utf-8", "surrogatepass"))]
        drawn.append(roc_auc_replicates(wrong, values[own], REPLICATES, stream))
    if not averaged:
        return None
    return np.mean(areas, axis=0), np.mean(drawn, axis=0), averaged
