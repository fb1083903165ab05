"""A small subset of the questions that keeps the ranking of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, norm

from ...metrics.evaluation import Evaluation
from ...statistics.ranking import FloatArray, IntArray, roc_auc
from ...statistics.short_repr import short_repr
from ..difficulty import ErrorMatrix
from ..study.study import rows_of
from .effective_numbers import effective_number, error_agreement

FOLDS = 10
FEWEST = 6
"""Models from which on half of them can be left out."""
_NAN = float("nan")


@short_repr
@dataclass(frozen=True)
class Subset:
    """Questions chosen from those that all models were asked.

    Attributes:
        question_ids, topics: (s,) of the questions, in the order in which they were chosen.
        held_out_tau: mean Kendall τ of the accuracies on the subset and on all questions, of models
            that were left out of the choice, over the pairs whose order all questions establish
            (paired test at 95 %); NaN with fewer than six models.
        held_out_low: its lowest value over the repetitions.
        held_out_tau_all: the same over all pairs, those tied up to chance among them.
        held_out_gap: mean absolute difference of the accuracies of models left out.
        random_tau, random_gap: the same for as many questions at random.
        estimator_tau: model → Kendall τ of its estimators' ROC AUCs on the subset and on all.
        diversity, diversity_all: effective number of questions of the subset and of all.
        repetitions: number of times that half of the models were left out.
        seed: seed of the repetitions.
    """

    question_ids: NDArray[np.str_]
    topics: NDArray[np.object_]
    held_out_tau: float
    held_out_low: float
    held_out_tau_all: float
    held_out_gap: float
    random_tau: float
    random_gap: float
    estimator_tau: dict[str, float]
    diversity: float
    diversity_all: float
    repetitions: int
    seed: int


def outcome_features(errors: FloatArray) -> FloatArray:
    """Return standardized features (d, q): each model's error, and each pair's common errors."""
    m, q = errors.shape
    pairs = [errors[i] * errors[j] for i in range(m) for j in range(i)]
    features = np.concatenate([errors, np.array(pairs).reshape(-1, q)])
    spread = features.std(axis=1, keepdims=True)
    centered: FloatArray = features - features.mean(axis=1, keepdims=True)
    return centered / np.where(spread > 0, spread, 1.0)


def choose_questions(
    errors: FloatArray, topics: NDArray[np.object_], size: int, seed: int = 0
) -> IntArray:
    """Choose `size` questions greedily, so that they fail models as all questions do.

    Each step takes a question of the topic that is furthest behind its share, namely the one that
    brings the sums of the features of the chosen questions (each model's errors, and common errors
    of each pair) closest to those of all questions: the most informative about them, given those
    already chosen. Ties are broken by the seed.

    Args:
        errors: (m, q) outcomes without NaN.
        topics: (q,) topic of each question.
        size: number of questions, at most q.
        seed: seed of the order among equals.

    Returns:
        (size,) indices in the order of choice.

    References:
        Welling 2009 (herding), doi 10.1145/1553374.1553517.
    """
    features = outcome_features(errors)
    squares = (features**2).sum(axis=0)
    names, code = np.unique(topics.astype(str), return_inverse=True)
    order = np.random.default_rng(seed).permutation(errors.shape[1])
    left = [order[code[order] == topic] for topic in range(len(names))]
    sizes = np.array([members.size for members in left])
    taken, total = np.zeros(len(names)), np.zeros(features.shape[0])
    chosen: list[int] = []
    for step in range(1, min(size, errors.shape[1]) + 1):
        behind = np.where(taken < sizes, sizes / errors.shape[1] * step - taken, -np.inf)
        topic = int(behind.argmax())
        members = left[topic]
        # |total + f|² less a constant; rounded, so that equal questions are tied.
        distance = np.round(squares[members] + 2 * total @ features[:, members], 9)
        at = int(distance.argmin())
        question = int(members[at])
        chosen.append(question)
        total = total + features[:, question]
        left[topic] = np.delete(members, at)
        taken[topic] += 1
    return np.array(chosen, dtype=np.int64)


def rank_agreement(whole: FloatArray, part: FloatArray, clear: NDArray[np.bool_]) -> float:
    """Compute Kendall's τ over the pairs of models that are `clear`, ties in `part` counting 0.

    Args:
        whole: (m,) accuracies on all questions.
        part: (m,) accuracies on the subset.
        clear: (m, m) pairs to count.

    Returns:
        τ in [-1, 1]; NaN without pairs.
    """
    first, second = np.triu_indices(whole.size, 1)
    counted = clear[first, second]
    signs = np.sign(whole[first] - whole[second]) * np.sign(part[first] - part[second])
    return float(signs[counted].mean()) if counted.any() else float("nan")


def clear_pairs(errors: FloatArray) -> NDArray[np.bool_]:
    """Flag the pairs (m, m) of models whose order all questions establish (McNemar, 95 %)."""
    only = (errors[:, None, :] > errors[None, :, :]).sum(axis=2).astype(np.float64)
    z = np.abs(only - only.T) / np.sqrt(np.maximum(only + only.T, 1.0))
    return z > norm.ppf(0.975)


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
    tried = _held_out(errors, topics, size, seed)
    tau, tau_all, gap, random, random_gap = np.nanmean(tried, axis=0) if len(tried) else [_NAN] * 5
    ids = matrix.question_ids[common][chosen]
    return Subset(
        question_ids=ids,
        topics=topics[chosen],
        held_out_tau=float(tau),
        held_out_low=float(np.nanmin(tried[:, 0])) if len(tried) else _NAN,
        held_out_tau_all=float(tau_all),
        held_out_gap=float(gap),
        random_tau=float(random),
        random_gap=float(random_gap),
        estimator_tau={one.model: _estimator_tau(one, ids) for one in evaluated},
        diversity=effective_number(error_agreement(errors[:, chosen])),
        diversity_all=effective_number(error_agreement(errors)),
        repetitions=len(tried),
        seed=seed,
    )


def _held_out(errors: FloatArray, topics: NDArray[np.object_], size: int, seed: int) -> FloatArray:
    """Rank halves of the models by questions chosen with the other half, and by random ones.

    Returns (repetitions, 5): τ over clear pairs, over all pairs, gap of accuracies; τ over clear
    pairs and gap of random questions.
    """
    models, rng = errors.shape[0], np.random.default_rng(seed)
    clear, rows = clear_pairs(errors), []
    for _ in range(FOLDS if models >= FEWEST else 0):
        order = rng.permutation(models)
        using, left = order[: models // 2], order[models // 2 :]
        whole, known = errors[left].mean(axis=1), clear[np.ix_(left, left)]
        picked = choose_questions(errors[using], topics, size, seed)
        part = errors[left][:, picked].mean(axis=1)
        other = errors[left][:, rng.permutation(errors.shape[1])[:size]].mean(axis=1)
        both = np.ones_like(known)
        taus = (rank_agreement(whole, part, known), rank_agreement(whole, part, both))
        gaps = (np.abs(whole - part).mean(), np.abs(whole - other).mean())
        rows.append((*taus, gaps[0], rank_agreement(whole, other, known), gaps[1]))
    return np.array(rows).reshape(-1, 5)


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
