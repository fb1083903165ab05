"""Estimators that read the distribution at the answer token. One forward pass per question.

``p`` is the distribution over the K options of a question (label variants merged, renormalised),
``q`` the one over the full vocabulary. Entropies are in nats.
"""

from __future__ import annotations

import numpy as np

from .base import Estimator
from .signals import Signal, Signals
from .tables import FloatArray

FAMILY = "answer distribution"


def entropy(probabilities: FloatArray) -> FloatArray:
    """Shannon entropy over the last axis, nats; NaN entries are absent options, 0 ln 0 = 0.

    A row without any probability gives NaN.
    """
    terms = np.where(probabilities > 0, -probabilities * np.log(probabilities), 0.0)
    total = terms.sum(axis=-1)
    absent = np.isnan(probabilities).all(axis=-1)
    return np.where(absent, np.nan, np.maximum(total, 0.0))


class TokenEntropy(Estimator):
    """-Σ q ln q at the answer token, in [0, ln V].

    The distribution from which the answer token is drawn: raw logits, softmax in float32.
    Source: arXiv 2506.21220; arXiv 2503.01688 defines it so, and computes ``post_answer_entropy``.
    """

    name = "token_entropy"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "arXiv 2506.21220"

    def score(self, signals: Signals) -> FloatArray:
        return signals.answer.entropy


class PostAnswerEntropy(Estimator):
    """-Σ q ln q one token after the answer, in [0, ln V].

    What the reference paper's released code reads: the last position of prompt + answer. It says
    how sure the model is about what follows its answer, not about the answer.
    """

    name = "post_answer_entropy"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "arXiv 2503.01688 (released code)"

    def score(self, signals: Signals) -> FloatArray:
        return signals.answer.post_answer_entropy


class OptionEntropy(Estimator):
    """-Σ p ln p over the options, in [0, ln K]."""

    name = "option_entropy"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "Shannon 1948"

    def score(self, signals: Signals) -> FloatArray:
        return entropy(signals.answer.option_probs)


class NormalizedOptionEntropy(Estimator):
    """-Σ p ln p ÷ ln K, in [0, 1]: comparable between questions with other numbers of options."""

    name = "normalized_option_entropy"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "Shannon 1948"

    def score(self, signals: Signals) -> FloatArray:
        probabilities = signals.answer.option_probs
        count = (~np.isnan(probabilities)).sum(axis=1)
        scale = np.where(count > 1, np.log(np.maximum(count, 2)), np.nan)
        normalized: FloatArray = entropy(probabilities) / scale
        return normalized


class MaxProbability(Estimator):
    """1 - max p, in [0, 1 - 1/K]; also called MSP, and the score behind LAC conformal sets."""

    name = "max_probability"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "arXiv 1610.02136"

    def score(self, signals: Signals) -> FloatArray:
        return 1.0 - top_two(signals.answer.option_probs)[0]


class ProbabilityMargin(Estimator):
    """1 - (p₁ - p₂), the gap between the two most probable options, in [0, 1]."""

    name = "probability_margin"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "Scheffer et al. 2001"

    def score(self, signals: Signals) -> FloatArray:
        first, second = top_two(signals.answer.option_probs)
        return 1.0 - (first - second)


class OffOptionMass(Estimator):
    """1 - Σ_labels q: the probability that the model's next token is no option, in [0, 1]."""

    name = "off_option_mass"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "apprehend"

    def score(self, signals: Signals) -> FloatArray:
        logprobs = signals.answer.option_logprobs
        mass = np.nansum(np.exp(logprobs), axis=1)
        known = ~np.isnan(logprobs).all(axis=1) & ~np.isnan(signals.answer.entropy)
        return np.where(known, np.clip(1.0 - mass, 0.0, 1.0), np.nan)


def top_two(probabilities: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(n,) largest and second largest of each row; NaN where a row has too few values."""
    if probabilities.shape[1] < 2:
        pad = np.full((len(probabilities), 2 - probabilities.shape[1]), np.nan)
        probabilities = np.concatenate([probabilities, pad], axis=1)
    ordered = np.sort(np.where(np.isnan(probabilities), -np.inf, probabilities), axis=1)
    first, second = ordered[:, -1], ordered[:, -2]
    return (
        np.where(np.isinf(first), np.nan, first),
        np.where(np.isinf(second), np.nan, second),
    )
