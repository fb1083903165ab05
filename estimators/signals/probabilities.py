"""Arithmetic on padded rows of probabilities: NaN = absent option, entropies in nats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .tables import FloatArray, IntArray


def softmax(logits: FloatArray) -> FloatArray:
    """Compute the softmax over the last axis, ignoring NaN; NaN for rows without finite values."""
    finite = np.where(np.isnan(logits), -np.inf, logits)
    if finite.shape[-1] == 0:
        return finite
    top = finite.max(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        weights = np.exp(finite - top)
    total = weights.sum(axis=-1, keepdims=True)
    probs = weights / total
    return np.where(np.isnan(logits), np.nan, probs)


def entropy(probabilities: FloatArray) -> FloatArray:
    """Compute the Shannon entropy over the last axis, nats; NaN is an absent option, 0 ln 0 = 0.

    A row without any probability gives NaN.
    """
    return absent_as_nan(probabilities, np.maximum(surprisal(probabilities).sum(axis=-1), 0.0))


def surprisal(probabilities: FloatArray) -> FloatArray:
    """Compute -p ln p elementwise; 0 where p is 0 or absent."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(probabilities > 0, -probabilities * np.log(probabilities), 0.0)


def absent_as_nan(probabilities: FloatArray, values: FloatArray) -> FloatArray:
    """Return ``values``, NaN where a row (last axis) of ``probabilities`` is all absent."""
    return np.where(np.isnan(probabilities).all(axis=-1), np.nan, values)


def divergence(first: FloatArray, second: FloatArray) -> FloatArray:
    """Compute KL(first ‖ second) over the last axis, nats, in [0, ∞].

    An option absent from either is ignored; NaN where a row of either is all absent.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(first > 0, first * (np.log(first) - np.log(second)), 0.0)
    total = np.maximum(np.nansum(terms, axis=-1), 0.0)
    return absent_as_nan(first, absent_as_nan(second, total))


def mean_distribution(probabilities: FloatArray) -> FloatArray:
    """Return the (n, K) mean over axis 1 of (n, m, K) rows; rows that are all absent do not count.

    An option that is present in some rows only counts as 0 in the others.
    """
    there = ~np.isnan(probabilities).all(axis=2)
    total = np.nansum(probabilities, axis=1) / np.maximum(there.sum(axis=1), 1)[:, None]
    return np.where(np.isnan(probabilities).all(axis=1), np.nan, total)


def mutual_information(probabilities: FloatArray) -> FloatArray:
    """(n,) H(mean of the rows) - mean of H(row) for (n, m, K): generalized Jensen-Shannon, nats.

    In [0, ln m]; rows that are all absent do not count; NaN where fewer than two are left.
    """
    separate = entropy(probabilities)
    count = (~np.isnan(separate)).sum(axis=1)
    mean = np.nansum(separate, axis=1) / np.maximum(count, 1)
    gap = np.maximum(entropy(mean_distribution(probabilities)) - mean, 0.0)
    return np.where(count > 1, gap, np.nan)


def stack_distributions(distributions: Sequence[FloatArray]) -> FloatArray:
    """Return the (n, m, K) distributions of m tables, padded to the widest."""
    width = max(d.shape[1] for d in distributions)
    return np.stack(
        [
            np.pad(d, ((0, 0), (0, width - d.shape[1])), constant_values=np.nan)
            for d in distributions
        ],
        axis=1,
    )


def shares(answers: IntArray, counted: FloatArray | None = None) -> FloatArray:
    """Return the (n, K + 1) share of each option, and last of "none" (-1), among (n, k) picks.

    ``counted`` (n, k) is 1 for picks that were made, 0 for padding; without it all count. NaN for
    a row without picks.
    """
    weight = np.ones(answers.shape) if counted is None else counted
    width = int(answers.max(initial=0)) + 1
    classes = np.concatenate([np.arange(width), [-1]])
    votes = ((answers[:, :, None] == classes) * weight[:, :, None]).sum(axis=1)
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return votes / np.where(total > 0, total, np.nan)[:, None]


def pick(values: FloatArray, columns: IntArray) -> FloatArray:
    """Return (n,) ``values[row, columns[row]]``; NaN where the column is -1 or beyond the last."""
    result = np.full(len(values), np.nan)
    rows = np.flatnonzero((columns >= 0) & (columns < values.shape[1]))
    result[rows] = values[rows, columns[rows]]
    return result


def row_mean(values: FloatArray) -> FloatArray:
    """Return the mean over the last axis, ignoring NaN; NaN if all values are."""
    count = (~np.isnan(values)).sum(axis=-1)
    mean = np.nansum(values, axis=-1) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan)


def top_two(probabilities: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the (n,) largest and second largest of each row; NaN if a row has too few values.

    Works on log-probabilities too: -inf is a value, NaN is not.
    """
    count = (~np.isnan(probabilities)).sum(axis=1)
    pad = np.full((len(probabilities), 2), -np.inf)
    known = np.where(np.isnan(probabilities), -np.inf, probabilities)
    ordered = np.sort(np.concatenate([known, pad], axis=1), axis=1)
    return (
        np.where(count > 0, ordered[:, -1], np.nan),
        np.where(count > 1, ordered[:, -2], np.nan),
    )
