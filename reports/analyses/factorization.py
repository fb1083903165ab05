"""Shared causes of errors: nonnegative factors of the model × question error matrix.

If errors of models on a question are independent once their common cause is known (the principle
of the common cause), a few causes predict errors that were held out; the number of causes is the
one that predicts them best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ..statistics.ranking import BoolArray, FloatArray, IntArray
from ..statistics.short_repr import short_repr
from .difficulty import ErrorMatrix

_TINY = 1e-9


@short_repr
@dataclass(frozen=True)
class Factors:
    """errors ≈ weights · causes.

    Attributes:
        rank: number of causes r.
        weights: (m, r) how much each model suffers from each cause.
        causes: (r, q) how much of each cause is in each question.
        scores: rank → mean squared error on held-out entries, mean over seeds.
        spreads: rank → its standard error over seeds.
        stability: mean cosine of matched causes between seeds, in [0, 1].
        cluster: (q,) strongest cause of each question, -1 for one that no model gets wrong.
        names: r names, from the topics that are overrepresented in a cluster.
        shares: (r, t) share of each topic's questions in each cluster; topics as in `topics`.
        topics: t names.
    """

    rank: int
    weights: FloatArray
    causes: FloatArray
    scores: dict[int, float]
    spreads: dict[int, float]
    stability: float
    cluster: IntArray
    names: list[str]
    shares: FloatArray
    topics: list[str]


def factorize(
    errors: FloatArray, known: BoolArray, rank: int, seed: int, iterations: int = 150
) -> tuple[FloatArray, FloatArray]:
    """Weights (m, r) and causes (r, q) that fit the known entries of errors (m, q).

    Multiplicative updates for masked squared error (Lee and Seung, 2001), with a small ridge so
    that a question known of few models stays bounded. Causes are scaled to a largest value of 1.
    """
    rng = np.random.default_rng(seed)
    x = np.where(known, np.nan_to_num(errors), 0.0)
    mask = known.astype(np.float64)
    weights = rng.random((x.shape[0], rank)) + 0.1
    causes = rng.random((rank, x.shape[1])) + 0.1
    for _ in range(iterations):
        fitted = mask * (weights @ causes)
        causes *= (weights.T @ x) / (weights.T @ fitted + 0.05 * causes + _TINY)
        fitted = mask * (weights @ causes)
        weights *= (x @ causes.T) / (fitted @ causes.T + _TINY)
    scale = np.maximum(causes.max(axis=1), _TINY)
    return weights * scale, causes / scale[:, None]


def held_out_error(
    errors: FloatArray, rank: int, seed: int, share: float = 0.1, iterations: int = 150
) -> float:
    """Mean squared error on a random share of the known entries, fitted without them."""
    known = ~np.isnan(errors)
    hidden = known & (np.random.default_rng(seed).random(errors.shape) < share)
    weights, causes = factorize(errors, known & ~hidden, rank, seed, iterations)
    fitted = np.clip(weights @ causes, 0, 1)
    return float(((errors - fitted)[hidden] ** 2).mean())


def compute_factors(
    matrix: ErrorMatrix, largest_rank: int = 5, seeds: int = 4, iterations: int = 120
) -> Factors | None:
    """Factors with the rank that predicts held-out errors best; None with fewer than four models.

    Of ranks within one standard error of the best the smallest is taken.
    """
    errors = matrix.errors
    if errors.shape[0] < 4 or errors.shape[1] < 20:
        return None
    ranks = range(1, min(largest_rank, errors.shape[0] - 1) + 1)
    found = {
        rank: [held_out_error(errors, rank, seed, iterations=iterations) for seed in range(seeds)]
        for rank in ranks
    }
    scores = {rank: float(np.mean(values)) for rank, values in found.items()}
    base = {rank: np.array(values) - np.array(found[1]) for rank, values in found.items()}
    spreads = {r: float(v.std(ddof=1) / np.sqrt(seeds)) for r, v in base.items()}
    best = min(scores, key=lambda rank: scores[rank])
    rank = next(r for r in ranks if scores[r] <= scores[best] + spreads[best])
    known = ~np.isnan(errors)
    fits = [factorize(errors, known, rank, seed, iterations) for seed in range(seeds)]
    weights, causes = fits[0]
    stability = float(np.mean([_similarity(causes, other) for _, other in fits[1:]]))
    order = np.argsort(-causes.sum(axis=1), kind="stable")
    weights, causes = weights[:, order], causes[order]
    wrong = np.nansum(errors, axis=0) > 0
    cluster = np.where(wrong, np.argmax(causes, axis=0), -1)
    names, shares, topics = _named(cluster, matrix.topics, rank)
    return Factors(
        rank, weights, causes, scores, spreads, stability, cluster, names, shares, topics
    )


def _similarity(a: FloatArray, b: FloatArray) -> float:
    """Mean cosine between the rows of a and b (r, q), matched as well as can be."""
    first = a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), _TINY)
    second = b / np.maximum(np.linalg.norm(b, axis=1, keepdims=True), _TINY)
    cosine = first @ second.T
    rows, columns = linear_sum_assignment(-cosine)
    return float(cosine[rows, columns].mean())


def _named(
    cluster: IntArray, topics: NDArray[np.object_], rank: int
) -> tuple[list[str], FloatArray, list[str]]:
    """Names from the two topics with the largest share in a cluster, against their average."""
    known = sorted({str(topic) for topic in topics})
    table = pd.crosstab(cluster, topics.astype(str), normalize="columns")
    shares = table.reindex(index=range(rank), columns=known).fillna(0.0).to_numpy(dtype=np.float64)
    lift = shares - shares.mean(axis=1, keepdims=True)
    names = []
    for row in range(rank):
        most = [known[i] for i in np.argsort(-lift[row], kind="stable")[:2] if lift[row, i] > 0]
        names.append(f"{row + 1}: {', '.join(most) or 'all topics alike'}")
    return names, shares, known
