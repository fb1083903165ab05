"""Which estimator to use: the best macro ROC AUC within a budget, and what cheaper ones lose."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ...metrics.evaluation import Evaluation
from ...statistics.bootstrap import roc_auc_replicates
from ...statistics.delong import delong_covariance
from ...statistics.intervals import enough, percentile_interval
from ...statistics.ranking import BoolArray, FloatArray, IntArray, roc_auc
from ...statistics.selection import Selection, select_best
from ...statistics.short_repr import short_repr

REPLICATES = 400
COST_ORDER = ("c", "m", "x")
COST_WORDS = {
    "c": "one forward pass, or what is stored anyway",
    "m": "one more pass or a long generation",
    "x": "many passes",
}


@dataclass(frozen=True)
class TopicSize:
    """Whether a topic has enough questions.

    Attributes:
        topic: its name.
        n, n_errors: questions and errors scored by the recommended estimator.
        half_width: half of the 95 % interval of the ROC AUC now; NaN with too few of a class.
        needed: questions needed for the wanted half-width, from the variance here; NaN if unknown.
    """

    topic: str
    n: int
    n_errors: int
    half_width: float
    needed: float


@short_repr
@dataclass(frozen=True)
class Recommendation:
    """Recommended estimator of one model on some topics of one task.

    Attributes:
        model, task: names.
        topics: the topics averaged.
        estimators: names of those within the budget that can be compared, with `costs`.
        costs: cost class of each, "c", "m" or "x".
        areas: (k,) macro ROC AUC of each.
        choice: the best of them, corrected for the choice.
        cheaper: index of the best one of a cheaper class; None if there is none.
        loss, loss_low, loss_high: macro ROC AUC that it loses, with a 95 % interval.
        sizes: per topic, whether it has enough questions for `half_width`.
        half_width: wanted half of the 95 % interval of a topic's ROC AUC.
        left_out: reason → names of estimators that could not be compared.
    """

    model: str
    task: str
    topics: list[str]
    estimators: list[str]
    costs: list[str]
    areas: FloatArray
    choice: Selection
    cheaper: int | None
    loss: float
    loss_low: float
    loss_high: float
    sizes: list[TopicSize]
    half_width: float
    left_out: Mapping[str, list[str]]


def recommend(
    evaluation: Evaluation,
    costs: Mapping[str, str],
    budget: str = "x",
    topics: Sequence[str] = (),
    half_width: float = 0.05,
    without: Sequence[str] = (),
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Recommendation | None:
    """Recommend the estimator with the best macro ROC AUC within a budget.

    Args:
        evaluation: Answers of one model on one task.
        costs: Estimator → cost class "c", "m" or "x"; unknown ones count as "x".
        budget: The dearest class to consider.
        topics: Topics to average over; all of them if empty.
        half_width: Wanted half of the 95 % interval of a topic's ROC AUC.
        without: Estimators not to consider, e.g. controls.
        replicates: Number of bootstrap resamples, stratified within topics.
        seed: Seed of the resamples.

    Returns:
        The recommendation; None where no estimator, or no topic, can be compared.
    """
    chosen = {name: evaluation.topics[name] for name in topics or evaluation.topics}
    left: dict[str, list[str]] = {}
    columns: list[int] = []
    for k, name in enumerate(evaluation.estimators):
        kind = costs.get(name, "x")
        covered = ~np.isnan(evaluation.scores[:, k])
        if name in without:
            left.setdefault("a control", []).append(name)
        elif COST_ORDER.index(kind) > COST_ORDER.index(budget):
            left.setdefault(f"dearer than {budget}", []).append(name)
        elif covered.mean() < 0.9:
            left.setdefault("scores for fewer than 90 % of the questions", []).append(name)
        else:
            columns.append(k)
    groups = _groups(evaluation, chosen, columns)
    if not groups or not columns:
        return None
    values = np.mean([_areas(evaluation, rows, columns) for rows in groups.values()], axis=0)
    drawn = np.mean(
        [
            _replicates(evaluation, name, rows, columns, replicates, seed)
            for name, rows in groups.items()
        ],
        axis=0,
    )
    choice = select_best(values, drawn)
    names = [evaluation.estimators[k] for k in columns]
    kinds = [costs.get(name, "x") for name in names]
    cheaper, loss = _cheaper(kinds, values, drawn, choice.best)
    best = columns[choice.best]
    sizes = [_size(evaluation, name, rows, best, half_width) for name, rows in chosen.items()]
    found = (evaluation.model, evaluation.task, list(groups), names, kinds, values, choice)
    return Recommendation(*found, cheaper, *loss, sizes, half_width, left)


def _groups(
    evaluation: Evaluation, topics: Mapping[str, IntArray], columns: list[int]
) -> dict[str, IntArray]:
    """Select the questions of each topic that all columns scored; topics with both classes."""
    common = ~np.isnan(evaluation.scores[:, columns]).any(axis=1)
    groups = {}
    for name, members in topics.items():
        rows = members[common[members]]
        errors = evaluation.errors[rows]
        if 2 <= errors.sum() <= errors.size - 2:
            groups[name] = rows
    return groups


def _areas(evaluation: Evaluation, rows: IntArray, columns: list[int]) -> FloatArray:
    errors: BoolArray = evaluation.errors[rows]
    return np.array([roc_auc(errors, evaluation.scores[rows, k]) for k in columns])


def _replicates(
    evaluation: Evaluation,
    name: str,
    rows: IntArray,
    columns: list[int],
    replicates: int,
    seed: int,
) -> FloatArray:
    text = "\0".join((evaluation.model, evaluation.task, name))
    stream = [seed, zlib.crc32(text.encode("utf-8", "surrogatepass"))]
    block = evaluation.scores[rows][:, columns]
    return roc_auc_replicates(evaluation.errors[rows], block, replicates, stream)


def _cheaper(
    kinds: list[str], values: FloatArray, drawn: FloatArray, best: int
) -> tuple[int | None, tuple[float, float, float]]:
    rank = COST_ORDER.index(kinds[best])
    below = [k for k, kind in enumerate(kinds) if COST_ORDER.index(kind) < rank]
    if not below:
        return None, (float("nan"),) * 3
    other = max(below, key=lambda k: values[k])
    low, high = percentile_interval(drawn[:, best] - drawn[:, other])
    return other, (float(values[best] - values[other]), low, high)


def _size(
    evaluation: Evaluation, topic: str, members: IntArray, best: int, wanted: float
) -> TopicSize:
    rows = members[~np.isnan(evaluation.scores[members, best])]
    errors = evaluation.errors[rows]
    n, wrong = int(errors.size), int(errors.sum())
    if not enough(wrong, n):
        return TopicSize(topic, n, wrong, float("nan"), float("nan"))
    _, covariance = delong_covariance(errors, evaluation.scores[rows, best][:, None])
    half = float(norm.ppf(0.975) * np.sqrt(max(float(covariance[0, 0]), 0.0)))
    return TopicSize(topic, n, wrong, half, float(np.ceil(n * (half / wanted) ** 2)))
