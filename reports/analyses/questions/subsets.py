"""A small subset of the questions that keeps the ranking of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from ...metrics.evaluation import Evaluation
from ...statistics.marginal_rasch import marginal_rasch
from ...statistics.ranking import FloatArray, IntArray, roc_auc
from ...statistics.short_repr import short_repr
from ..difficulty import ErrorMatrix
from ..study.study import rows_of
from .effective_numbers import effective_number, error_agreement

FOLDS = 10


@short_repr
@dataclass(frozen=True)
class Subset:
    """Questions chosen from those that all models were asked.

    Attributes:
        question_ids, topics: (s,) of the questions, in the order in which they were chosen.
        information: (s,) information of each at the models' abilities.
        held_out_tau: mean Kendall τ of the accuracies on the subset and on all questions, of models
            that were left out of the choice; NaN with fewer than six models.
        held_out_low: its lowest value over the repetitions.
        random_tau: the same for as many questions at random, within topics.
        estimator_tau: model → Kendall τ of its estimators' ROC AUCs on the subset and on all.
        diversity, diversity_all: effective number of questions of the subset and of all.
        repetitions: number of times that half of the models were left out.
        seed: seed of the repetitions.
    """

    question_ids: NDArray[np.str_]
    topics: NDArray[np.object_]
    information: FloatArray
    held_out_tau: float
    held_out_low: float
    random_tau: float
    estimator_tau: dict[str, float]
    diversity: float
    diversity_all: float
    repetitions: int
    seed: int


def question_information(errors: FloatArray) -> FloatArray:
    """Compute how well each question (q,) tells the models (m, q) apart.

    Fisher information of the Rasch model, p (1 - p) averaged over the models' abilities, times the
    part of the correlation of the question's outcome with the models' ability that is positive: a
    question on which able models fail tells nothing about ability, however hard it is.
    """
    fit = marginal_rasch(errors)
    chance = fit.chance()
    fisher = (chance * (1 - chance)).mean(axis=0)
    ability = fit.ability - fit.ability.mean()
    centered = errors - errors.mean(axis=0)
    scale = np.sqrt((centered**2).sum(axis=0) * (ability**2).sum())
    related = -(ability @ centered) / np.where(scale > 0, scale, 1.0)
    return fisher * np.maximum(np.where(scale > 0, related, 0.0), 0.0)


def choose_questions(
    errors: FloatArray, topics: NDArray[np.object_], size: int, seed: int = 0
) -> IntArray:
    """Choose `size` questions greedily: the most informative left, topics in proportion.

    Each step takes a question of the topic that is furthest behind its share of all questions;
    within a topic, the question that adds most where the outcomes chosen so far tell the models
    apart least: information divided by one plus the number of chosen questions with the same
    outcomes. Ties are broken by the seed.

    Args:
        errors: (m, q) outcomes without NaN.
        topics: (q,) topic of each question.
        size: number of questions, at most q.
        seed: seed of the order among equals.

    Returns:
        (size,) indices in the order of choice.
    """
    information = question_information(errors)
    rng = np.random.default_rng(seed)
    order = rng.permutation(errors.shape[1])
    pattern = np.unique(errors.T, axis=0, return_inverse=True)[1].reshape(-1)
    names, code = np.unique(topics.astype(str), return_inverse=True)
    queues: list[list[int]] = []
    for topic in range(len(names)):
        members = order[code[order] == topic]
        # The k-th question with the same outcomes adds a k-th of its information.
        ranked = members[np.argsort(-information[members], kind="stable")]
        seen: dict[int, int] = {}
        gain = np.empty(ranked.size)
        for place, question in enumerate(ranked.tolist()):
            seen[int(pattern[question])] = seen.get(int(pattern[question]), 0) + 1
            gain[place] = information[question] / seen[int(pattern[question])]
        queues.append(ranked[np.argsort(-gain, kind="stable")].tolist())
    share = np.array([len(queue) for queue in queues]) / errors.shape[1]
    taken = np.zeros(len(names))
    chosen: list[int] = []
    for step in range(1, min(size, errors.shape[1]) + 1):
        behind = np.where(taken < [len(queue) for queue in queues], share * step - taken, -np.inf)
        topic = int(behind.argmax())
        chosen.append(queues[topic][int(taken[topic])])
        taken[topic] += 1
    return np.array(chosen, dtype=np.int64)


def choose_subset(
    matrix: ErrorMatrix, evaluated: Sequence[Evaluation], size: int, seed: int = 0
) -> Subset:
    """Choose questions, and measure on models left out of the choice how well they rank models.

    Args:
        matrix: Errors of the models.
        evaluated: The models' evaluations, in the same order.
        size: Number of questions.
        seed: Seed of the choice and of the repetitions.

    Returns:
        The subset.

    Raises:
        ValueError: fewer than three models share questions, or fewer questions than `size`.

    References:
        Polo et al. 2024 (tinyBenchmarks), arXiv 2402.14992; Kendall 1938.
    """
    common = np.flatnonzero(~np.isnan(matrix.errors).any(axis=0))
    errors, topics = matrix.errors[:, common], matrix.topics[common]
    if errors.shape[0] < 3:
        raise ValueError("Expected three models with common questions to choose by.")
    if common.size < size:
        raise ValueError(f"Expected at least {size} common questions, got {common.size}.")
    chosen = choose_questions(errors, topics, size, seed)
    taus, random = _held_out(errors, topics, size, seed)
    nan = float("nan")
    ids = matrix.question_ids[common][chosen]
    return Subset(
        ids,
        topics[chosen],
        question_information(errors)[chosen],
        float(np.mean(taus)) if taus else nan,
        min(taus) if taus else nan,
        float(np.mean(random)) if random else nan,
        {evaluation.model: _estimator_tau(evaluation, ids) for evaluation in evaluated},
        effective_number(error_agreement(errors[:, chosen])),
        effective_number(error_agreement(errors)),
        len(taus),
        seed,
    )


def _held_out(
    errors: FloatArray, topics: NDArray[np.object_], size: int, seed: int
) -> tuple[list[float], list[float]]:
    """Rank halves of the models by questions chosen with the other half, and by random ones."""
    models, rng = errors.shape[0], np.random.default_rng(seed)
    taus: list[float] = []
    random: list[float] = []
    for _ in range(FOLDS if models >= 6 else 0):
        order = rng.permutation(models)
        using, left = order[: models // 2], order[models // 2 :]
        picked = choose_questions(errors[using], topics, size, seed)
        whole = errors[left].mean(axis=1)
        taus.append(float(kendalltau(errors[left][:, picked].mean(axis=1), whole).statistic))
        any_ = rng.permutation(errors.shape[1])[:size]
        random.append(float(kendalltau(errors[left][:, any_].mean(axis=1), whole).statistic))
    return taus, random


def _estimator_tau(evaluation: Evaluation, ids: NDArray[np.str_]) -> float:
    rows = rows_of(evaluation, ids)
    rows = rows[rows >= 0]
    pairs = []
    for column in evaluation.scores.T:
        known = ~np.isnan(column)
        part = rows[known[rows]]
        values = roc_auc(evaluation.errors[known], column[known])
        pairs.append((values, roc_auc(evaluation.errors[part], column[part])))
    usable = [pair for pair in pairs if not np.isnan(pair).any()]
    if len(usable) < 2:
        return float("nan")
    return float(kendalltau(*zip(*usable, strict=True)).statistic)
