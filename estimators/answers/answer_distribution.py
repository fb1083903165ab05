"""Estimators that read the distribution at the answer token. One forward pass per question.

``p`` is the distribution over the K options of a question (label variants merged, renormalized),
``z`` its logits up to a constant, ``q`` the distribution over the full vocabulary of size V.
Entropies are in nats.
"""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import number_above, whole_number
from ..signals.batch import Signal, Signals
from ..signals.probabilities import absent_as_nan, entropy, surprisal, top_two
from ..signals.tables import FloatArray

FAMILY = "answer distribution"
NO_VOCABULARY = "engine has no full vocabulary"


class _AnswerEstimator(Estimator):
    needs = frozenset({Signal.ANSWER})
    family = FAMILY

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        answer = signals.answer
        if answer.present[row] and not np.isfinite(answer.option_logprobs[row]).any():
            return "no option probabilities stored"
        return None


class _VocabularyEstimator(_AnswerEstimator):
    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return NO_VOCABULARY if signals.answer.present[row] else None


class TokenEntropy(_VocabularyEstimator):
    """-Σ q ln q at the answer token, in [0, ln V].

    The distribution from which the answer token is drawn: raw logits, softmax in float32.
    Source: arXiv 2506.21220; arXiv 2503.01688 defines it so, and computes ``post_answer_entropy``.
    """

    name = "token_entropy"
    is_entropy = True
    look = ("blue", "-")
    in_demo = True
    against_difficulty = True
    reference = "arXiv 2506.21220"

    def score(self, signals: Signals) -> FloatArray:
        return signals.answer.entropy


class PostAnswerEntropy(_VocabularyEstimator):
    """-Σ q ln q one token after the answer, in [0, ln V].

    The reference paper's released code computes this, at the last position of prompt + answer. It
    measures uncertainty about what follows the answer, not about the answer.
    """

    name = "post_answer_entropy"
    look = ("vermilion", "-")
    in_demo = True
    reference = "arXiv 2503.01688 (released code)"

    def score(self, signals: Signals) -> FloatArray:
        return signals.answer.post_answer_entropy


class OptionEntropy(_AnswerEstimator):
    """-Σ p ln p over the options, in [0, ln K]."""

    name = "option_entropy"
    is_entropy = True
    look = ("sky", "-")
    in_demo = True
    against_difficulty = True
    reference = "Shannon 1948"

    def score(self, signals: Signals) -> FloatArray:
        return entropy(signals.answer.option_probs)


class NormalizedOptionEntropy(_AnswerEstimator):
    """-Σ p ln p ÷ ln K, in [0, 1]: comparable between questions with other numbers of options."""

    name = "normalized_option_entropy"
    is_entropy = True
    look = ("sky", "--")
    in_demo = True
    reference = "Shannon 1948"

    def score(self, signals: Signals) -> FloatArray:
        probabilities = signals.answer.option_probs
        count = (~np.isnan(probabilities)).sum(axis=1)
        scale = np.where(count > 1, np.log(np.maximum(count, 2)), np.nan)
        normalized: FloatArray = entropy(probabilities) / scale
        return normalized


class MaxProbability(_AnswerEstimator):
    """1 - max p, in [0, 1 - 1/K]; also called MSP, and the score behind LAC conformal sets."""

    name = "max_probability"
    is_probability = True
    look = ("green", "-")
    in_demo = True
    against_difficulty = True
    reference = "arXiv 1610.02136"

    def score(self, signals: Signals) -> FloatArray:
        return 1.0 - top_two(signals.answer.option_probs)[0]


class ProbabilityMargin(_AnswerEstimator):
    """1 - (p₁ - p₂), the gap between the two most probable options, in [0, 1]."""

    name = "probability_margin"
    look = ("green", "--")
    in_demo = True
    reference = "Scheffer et al. 2001"

    def score(self, signals: Signals) -> FloatArray:
        first, second = top_two(signals.answer.option_probs)
        return 1.0 - (first - second)


class LogitMargin(_AnswerEstimator):
    """-(z₁ - z₂), the gap between the two largest option logits, nats, in [-∞, 0].

    A difference of log-probabilities, so the constant in z cancels; -∞ where the runner-up is
    impossible. Orders questions as p₁ / p₂ does.
    """

    name = "logit_margin"
    reference = "Scheffer et al. 2001"

    def score(self, signals: Signals) -> FloatArray:
        first, second = top_two(signals.answer.option_logprobs)
        return second - first


class OffOptionMass(_VocabularyEstimator):
    """1 - Σ_labels q: the probability that the model's next token is no option, in [0, 1]."""

    name = "off_option_mass"
    look = ("purple", ":")
    in_demo = True
    reference = "apprehend"

    def score(self, signals: Signals) -> FloatArray:
        logprobs = signals.answer.option_logprobs
        mass = np.nansum(np.exp(logprobs), axis=1)
        known = ~np.isnan(logprobs).all(axis=1) & ~np.isnan(signals.answer.entropy)
        return np.where(known, np.clip(1.0 - mass, 0.0, 1.0), np.nan)


class TsallisEntropy(_AnswerEstimator):
    """(1 - Σ p^q) / (q - 1) over the options, in [0, (1 - K^(1-q)) / (q - 1)].

    q = 1 is the Shannon entropy (its limit), q = 2 the Gini impurity.
    """

    name = "tsallis_entropy"
    reference = "Tsallis 1988, doi 10.1007/BF01016429"

    def __init__(self, q: float = 2.0) -> None:
        self.q = number_above("q", q, 0.0)

    def score(self, signals: Signals) -> FloatArray:
        p = signals.answer.option_probs
        if self.q == 1:
            return entropy(p)
        # 1 - Σ p^q = -Σ p (p^(q-1) - 1), which keeps its digits as q nears 1.
        terms = np.where(p > 0, p * np.expm1((self.q - 1) * np.log(p)), 0.0)
        return absent_as_nan(p, np.maximum(-terms.sum(axis=1) / (self.q - 1), 0.0))


class RenyiEntropy(_AnswerEstimator):
    """ln Σ p^α / (1 - α) over the options, in [0, ln K].

    α = 1 is the Shannon entropy (its limit), α = 2 the collision entropy, α → ∞ -ln max p.
    """

    name = "renyi_entropy"
    reference = "Rényi 1961"

    def __init__(self, alpha: float = 2.0) -> None:
        self.alpha = number_above("alpha", alpha, 0.0)

    def score(self, signals: Signals) -> FloatArray:
        p = signals.answer.option_probs
        first = top_two(p)[0]
        if self.alpha == 1:
            return entropy(p)
        if np.isinf(self.alpha):
            return -np.log(first)
        if abs(self.alpha - 1) < 0.1:
            # Σ p^α is nearly 1: add up its distance from 1 instead.
            gaps = np.where(p > 0, p * np.expm1((self.alpha - 1) * np.log(p)), 0.0).sum(axis=1)
            total = np.log1p(gaps)
        else:
            # The largest p is taken out so that p^α does not underflow.
            ratios = np.where(p > 0, (p / first[:, None]) ** self.alpha, 0.0).sum(axis=1)
            total = self.alpha * np.log(first) + np.log(ratios)
        return absent_as_nan(p, np.maximum(total / (1 - self.alpha), 0.0))


def truncated_entropy_bounds(
    top_logprobs: FloatArray, missing_mass: FloatArray, vocabulary: int | None = None
) -> tuple[FloatArray, FloatArray]:
    """(n,) lower and upper bound of -Σ q ln q, nats, from the k largest log-probabilities.

    ``top_logprobs`` is (n, k) and never renormalized; ``missing_mass`` m is (n,). Each token of the
    tail has at most the k-th probability q_k and at most m, so the tail adds at least
    -m ln min(q_k, m), and at most -m ln(m / (V - k)); without ``vocabulary`` the upper bound is ∞.
    """
    q = np.exp(top_logprobs)
    known = surprisal(q).sum(axis=1)
    smallest = np.fmin.reduce(q, axis=1, initial=1.0)
    mass = np.clip(missing_mass, 0.0, 1.0)
    # A k-th probability of 0 leaves no tail: mass there is rounding.
    real = (mass > 0) & (smallest > 0)
    least = np.where(real, np.minimum(smallest, mass), 1.0)
    tail = -np.where(real, mass, 0.0) * np.log(least)
    if vocabulary is None:
        most = np.where(real, np.inf, 0.0)
    else:
        rest = np.maximum(vocabulary - (~np.isnan(q)).sum(axis=1), 1)
        most = -np.where(real, mass, 0.0) * np.log(np.where(real, mass / rest, 1.0))
    return absent_as_nan(q, known + tail), absent_as_nan(q, known + np.maximum(most, tail))


class TruncatedEntropy(_AnswerEstimator):
    """Lower bound of -Σ q ln q from the k largest log-probabilities and the mass outside them.

    Σ_{i ≤ k} -q ln q plus the least that a tail of mass m can add, -m ln min(q_k, m); in
    [0, ln V], grows to ``token_entropy`` as k → V. For engines that give no full vocabulary;
    of those that are stored, the ``k`` largest are read.
    """

    name = "truncated_entropy"
    reference = "arXiv 2509.04492; bound: apprehend"

    def __init__(self, k: int = 10) -> None:
        self.k = whole_number("k", k, 1)

    def score(self, signals: Signals) -> FloatArray:
        stored = signals.answer.top_logprobs
        top = stored[:, : self.k]
        beyond = np.nansum(np.exp(stored[:, self.k :]), axis=1)
        missing = signals.answer.missing_mass + beyond
        low, _ = truncated_entropy_bounds(top, missing)
        enough = ((~np.isnan(top)).sum(axis=1) >= self.k) | (missing < 1e-9)
        return np.where(enough, low, np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        answer = signals.answer
        if not answer.present[row]:
            return None
        count = int((~np.isnan(answer.top_logprobs[row])).sum())
        if count < self.k:
            return f"only {count} top log-probabilities stored, {self.k} needed"
        return "mass outside the top log-probabilities not stored"
