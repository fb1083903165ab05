"""Estimators that read a greedy chain of thought, token by token. One generation per question.

``q_t`` is the distribution over the full vocabulary from which token t of T is drawn, ``H_t`` its
entropy in nats. The end-of-sequence token is not one of the T.
"""

from __future__ import annotations

import numpy as np

from .core.estimator import Estimator, require_fit
from .core.logistic import LogisticModel, fit_logistic
from .core.parameters import number_above, one_of, whole_number
from .signals.batch import Signal, Signals
from .signals.estimator_errors import EstimatorError
from .signals.probabilities import pick, row_mean, surprisal, top_two
from .signals.tables import BoolArray, FloatArray

FAMILY = "chain of thought"
NO_VOCABULARY = "engine has no full vocabulary"
NO_ANSWER = "no answer found in the chain of thought"
NO_POSITION = "no token stored for the answer"


class _TraceEstimator(Estimator):
    needs = frozenset({Signal.TRACE})
    family = FAMILY
    cost = "m"
    reference = "arXiv 2506.21220"
    lacking = NO_VOCABULARY
    """What is missing where a trace is there and has tokens."""

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if not signals.trace.present[row]:
            return None
        if _lengths(signals)[row] == 0:
            return "no tokens in the chain of thought"
        return self.lacking


class _AtAnswer(_TraceEstimator):
    def missing_reason(self, signals: Signals, row: int) -> str | None:
        trace = signals.trace
        if not trace.present[row]:
            return None
        if trace.answer[row] < 0:
            return NO_ANSWER
        return self.lacking if trace.answer_position[row] >= 0 else NO_POSITION


class CotAnswerEntropy(_AtAnswer):
    """-Σ q ln q at the answer token inside the last marker, in [0, ln V]; NaN if none is found."""

    name = "cot_answer_entropy"
    is_entropy = True
    look = ("blue", "--")
    in_demo = True
    against_difficulty = True

    def score(self, signals: Signals) -> FloatArray:
        return pick(signals.trace.token_entropies, signals.trace.answer_position)


class CotMaxProbability(_AtAnswer):
    """1 - max p over the options at the answer token of the trace, in [0, 1 - 1/K]."""

    name = "cot_max_probability"
    is_probability = True
    reference = "arXiv 1610.02136"
    lacking = "no option probabilities at the answer token"

    def score(self, signals: Signals) -> FloatArray:
        found = signals.trace.answer_position >= 0
        return np.where(found, 1.0 - top_two(signals.trace.option_probs)[0], np.nan)


class CotMeanEntropy(_TraceEstimator):
    """Mean over the generated tokens of the full-vocabulary entropy, in [0, ln V]."""

    name = "cot_mean_entropy"
    look = ("orange", "--")
    in_demo = True
    against_difficulty = True

    def score(self, signals: Signals) -> FloatArray:
        return row_mean(signals.trace.token_entropies)


class CotMaxEntropy(_TraceEstimator):
    """Largest full-vocabulary entropy of any generated token, in [0, ln V]."""

    name = "cot_max_entropy"
    look = ("vermilion", "--")
    in_demo = True

    def score(self, signals: Signals) -> FloatArray:
        return top_two(signals.trace.token_entropies)[0]


class Perplexity(_TraceEstimator):
    """exp(-(1/T) Σ ln q_t(token)), one over the tokens' geometric mean probability, in [1, ∞]."""

    name = "perplexity"
    reference = "Jelinek et al. 1977; arXiv 2209.15558"
    lacking = "no token log-probabilities stored"

    def score(self, signals: Signals) -> FloatArray:
        return np.exp(-row_mean(signals.trace.token_logprobs))


class SequenceNll(_TraceEstimator):
    """-Σ ln q_t(token): negative log-likelihood of the whole trace, nats, in [0, ∞]."""

    name = "sequence_nll"
    reference = "arXiv 2002.07650"
    lacking = "no token log-probabilities stored"

    def score(self, signals: Signals) -> FloatArray:
        logprobs = signals.trace.token_logprobs
        there = (~np.isnan(logprobs)).any(axis=1)
        return np.where(there, np.maximum(-np.nansum(logprobs, axis=1), 0.0), np.nan)


class TraceLength(_TraceEstimator):
    """T, the number of generated tokens, at least 1; a trace cut by the limit counts as it is."""

    name = "trace_length"
    reference = "arXiv 2510.10409"

    def score(self, signals: Signals) -> FloatArray:
        lengths = _lengths(signals)
        return np.where(lengths > 0, lengths, np.nan)


class WindowedEntropy(_TraceEstimator):
    """Max (or mean) over sliding windows of the mean H_t within a window, in [0, ln V].

    Windows of ``window`` tokens, one step apart; a shorter trace is one window.
    """

    name = "windowed_entropy"
    reference = "arXiv 2508.15260 (groups of tokens)"

    def __init__(self, window: int = 16, aggregate: str = "max") -> None:
        self.window = whole_number("window", window, 1)
        self.aggregate = one_of("aggregate", aggregate, ("max", "mean"))

    def score(self, signals: Signals) -> FloatArray:
        entropies = signals.trace.token_entropies
        count = (~np.isnan(entropies)).sum(axis=1)
        size = np.minimum(self.window, count)
        sums = np.cumsum(np.nan_to_num(entropies), axis=1)
        sums = np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)
        last = np.arange(sums.shape[1])
        first = np.maximum(last - size[:, None], 0)
        means = (sums - np.take_along_axis(sums, first, axis=1)) / np.maximum(size, 1)[:, None]
        whole = (last >= size[:, None]) & (last <= count[:, None]) & (count[:, None] > 0)
        windows = np.where(whole, means, np.nan)
        return row_mean(windows) if self.aggregate == "mean" else top_two(windows)[0]


class HighEntropyShare(_TraceEstimator):
    """Share of tokens with H_t > τ, in [0, 1]; τ in nats.

    The default is the threshold of the 20 % "forking tokens" in the source.
    """

    name = "high_entropy_share"
    reference = "arXiv 2506.01939"

    def __init__(self, tau: float = 0.672) -> None:
        self.tau = number_above("tau", tau, 0.0)

    def score(self, signals: Signals) -> FloatArray:
        entropies = signals.trace.token_entropies
        high = np.where(np.isnan(entropies), np.nan, entropies > self.tau)
        return row_mean(high)


class PrefixEntropy(_TraceEstimator):
    """Mean H_t over the first k tokens (all, if there are fewer), in [0, ln V]."""

    name = "prefix_entropy"
    reference = "apprehend"

    def __init__(self, k: int = 32) -> None:
        self.k = whole_number("k", k, 1)

    def score(self, signals: Signals) -> FloatArray:
        return row_mean(signals.trace.token_entropies[:, : self.k])


class TailConfidence(_TraceEstimator):
    """Mean of C_t = (1/k) Σ ln q_t(i) over the last ``window`` tokens, in [-∞, -ln k].

    The sum runs over the k most probable tokens i; -C_t is the source's token confidence, large
    where one token takes all. The stored log-probabilities are used as they are.
    """

    name = "tail_confidence"
    reference = "arXiv 2508.15260"
    lacking = "no top log-probabilities stored"

    def __init__(self, window: int = 64) -> None:
        self.window = whole_number("window", window, 1)

    def score(self, signals: Signals) -> FloatArray:
        confidence = row_mean(signals.trace.token_top_logprobs)
        there = ~np.isnan(confidence)
        after = np.cumsum(there[:, ::-1], axis=1)[:, ::-1]
        return row_mean(np.where(there & (after <= self.window), confidence, np.nan))


class SelfCertainty(_TraceEstimator):
    """-(1/T) Σ KL(uniform ‖ q_t), nats, in (-∞, 0]: 0 where every token is a uniform guess."""

    name = "self_certainty"
    reference = "arXiv 2502.18581"

    def score(self, signals: Signals) -> FloatArray:
        return -row_mean(signals.trace.token_uniform_kl)


class EntropyProductionRate(_TraceEstimator):
    """(1/T) Σ_t Σ_{i ≤ k} -q_t(i) ln q_t(i) over the k most probable tokens, nats, in [0, ln V].

    Not renormalized: a lower bound of the mean entropy. All stored ranks, or the first ``k``.
    """

    name = "entropy_production_rate"
    reference = "arXiv 2509.04492"
    lacking = "no top log-probabilities stored"

    def __init__(self, k: int = 15) -> None:
        self.k = whole_number("k", k, 1)

    def score(self, signals: Signals) -> FloatArray:
        tops = signals.trace.token_top_logprobs[:, :, : self.k]
        there = ~np.isnan(tops).all(axis=2)
        rates = surprisal(np.exp(tops)).sum(axis=2)
        return row_mean(np.where(there, rates, np.nan))


class WeightedEpr(_TraceEstimator):
    """σ(β + Σ_i a_i mean_t s_ti + Σ_i b_i max_t s_ti), the probability of error, in [0, 1].

    s_ti = -q_t(i) ln q_t(i) is what the i-th most probable token adds to the entropy at token t,
    i ≤ k. The weights are those of a logistic regression on standardized features with
    ``penalty`` / 2 · ‖weights‖², fitted out of fold; they may have either sign.
    """

    name = "weighted_epr"
    reference = "arXiv 2509.04492"
    lacking = "no top log-probabilities stored"

    def __init__(self, k: int = 15, penalty: float = 1.0) -> None:
        self.k = whole_number("k", k, 1)
        self.penalty = number_above("penalty", penalty, 0.0)
        self._model: LogisticModel | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit the weights on the training part's traces."""
        features = rank_features(signals.trace.token_top_logprobs, self.k)
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
        return model.predict(rank_features(signals.trace.token_top_logprobs, self.k))


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


def _lengths(signals: Signals) -> FloatArray:
    """(n,) number of generated tokens, from whatever was stored of them."""
    trace = signals.trace
    counts = [(~np.isnan(c)).sum(axis=1) for c in (trace.token_logprobs, trace.token_entropies)]
    longest: FloatArray = np.maximum(*counts).astype(np.float64)
    return longest
