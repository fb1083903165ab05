"""Estimators of the entropy that the most probable tokens of a chain of thought produce."""

from __future__ import annotations

import numpy as np

from ..core.estimator import require_fit
from ..core.logistic import LogisticModel, fit_logistic
from ..core.parameters import number_above, whole_number
from ..core.trace_parts import OverTokens
from ..signals.batch import Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.probabilities import row_mean, surprisal
from ..signals.tables import BoolArray, FloatArray


class EntropyProductionRate(OverTokens):
    """(1/T) Σ_t Σ_{i ≤ k} -q_t(i) ln q_t(i) over the k most probable tokens, nats, in [0, ln V].

    Not renormalized: a lower bound of the mean entropy. All stored ranks, or the first ``k``.
    """

    name = "entropy_production_rate"
    reference = "arXiv 2509.04492"
    lacking = "no top log-probabilities stored"

    def __init__(self, k: int = 15, part: str = "all") -> None:
        super().__init__(part)
        self.k = whole_number("k", k, 1)

    def score(self, signals: Signals) -> FloatArray:
        tops = self.tokens(signals, "token_top_logprobs")[:, :, : self.k]
        there = ~np.isnan(tops).all(axis=2)
        rates = surprisal(np.exp(tops)).sum(axis=2)
        return row_mean(np.where(there, rates, np.nan))


class WeightedEpr(OverTokens):
    """σ(β + Σ_i a_i mean_t s_ti + Σ_i b_i max_t s_ti), the probability of error, in [0, 1].

    s_ti = -q_t(i) ln q_t(i) is what the i-th most probable token adds to the entropy at token t,
    i ≤ ``k``. The weights are those of a logistic regression on standardized features with
    ``penalty`` / 2 · ‖weights‖², fitted out of fold; they may have either sign.
    """

    name = "weighted_epr"
    reference = "arXiv 2509.04492"
    lacking = "no top log-probabilities stored"

    def __init__(self, k: int = 15, penalty: float = 1.0, part: str = "all") -> None:
        super().__init__(part)
        self.k = whole_number("k", k, 1)
        self.penalty = number_above("penalty", penalty, 0.0)
        self._model: LogisticModel | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit the weights on the training part's traces."""
        features = rank_features(self.tokens(signals, "token_top_logprobs"), self.k)
        rows = np.flatnonzero(np.isfinite(features).all(axis=1))
        if len(np.unique(correct[rows])) < 2:
            raise EstimatorError(
                "Expected top log-probabilities of right and wrong answers to learn from, but got "
                f"{len(rows)} of one kind"
            )
        wrong = np.where(correct[rows], 0.0, 1.0)
        self._model = fit_logistic(features[rows], wrong, self.penalty)

    def score(self, signals: Signals) -> FloatArray:
        model = require_fit(self, self._model)
        return model.predict(rank_features(self.tokens(signals, "token_top_logprobs"), self.k))


def rank_features(top_logprobs: FloatArray, k: int) -> FloatArray:
    """(n, 2k) mean and maximum over the tokens of -q ln q at each of the first k ranks.

    ``top_logprobs`` is (n, T, at least k). A rank beyond those stored of a token adds 0; a row
    without tokens is NaN.
    """
    tops = top_logprobs[:, :, :k]
    tops = np.pad(tops, ((0, 0), (0, 0), (0, k - tops.shape[2])), constant_values=np.nan)
    count = np.count_nonzero(~np.isnan(tops).all(axis=2), axis=1)[:, None]
    parts = surprisal(np.exp(tops))
    mean = parts.sum(axis=1) / np.maximum(count, 1)
    features = np.concatenate([mean, parts.max(axis=1, initial=0.0)], axis=1)
    return np.where(count > 0, features, np.nan)
