"""Estimators that read a greedy chain of thought, token by token. One generation per question."""

from __future__ import annotations

import numpy as np

from .base import Estimator
from .signals import Signal, Signals
from .tables import FloatArray

FAMILY = "chain of thought"


class _TraceEstimator(Estimator):
    needs = frozenset({Signal.TRACE})
    family = FAMILY
    cost = "m"
    reference = "arXiv 2506.21220"

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if signals.trace.present[row] and signals.trace.answer[row] < 0:
            return "no answer found in the chain of thought"
        return None


class CotAnswerEntropy(_TraceEstimator):
    """-Σ q ln q at the answer token inside the last marker, in [0, ln V]; NaN if none is found."""

    name = "cot_answer_entropy"

    def score(self, signals: Signals) -> FloatArray:
        trace = signals.trace
        rows = np.flatnonzero(trace.answer_position >= 0)
        result = np.full(len(signals), np.nan)
        result[rows] = trace.token_entropies[rows, trace.answer_position[rows]]
        return result


class CotMeanEntropy(_TraceEstimator):
    """Mean over the generated tokens of the full-vocabulary entropy, in [0, ln V]."""

    name = "cot_mean_entropy"

    def score(self, signals: Signals) -> FloatArray:
        entropies = signals.trace.token_entropies
        count = (~np.isnan(entropies)).sum(axis=1)
        return np.where(count > 0, np.nansum(entropies, axis=1) / np.maximum(count, 1), np.nan)


class CotMaxEntropy(_TraceEstimator):
    """Largest full-vocabulary entropy of any generated token, in [0, ln V]."""

    name = "cot_max_entropy"

    def score(self, signals: Signals) -> FloatArray:
        entropies = signals.trace.token_entropies
        if entropies.shape[1] == 0:
            return np.full(len(signals), np.nan)
        top = np.where(np.isnan(entropies), -np.inf, entropies).max(axis=1)
        return np.where(np.isinf(top), np.nan, top)
