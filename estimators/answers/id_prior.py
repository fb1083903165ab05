"""Entropies that know the model's preference for option ids: debiased, and adaptive Tsallis."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator, require_fit
from ..core.parameters import number_above, whole_number
from ..signals.batch import Signal, Signals
from ..signals.probabilities import entropy
from ..signals.tables import BoolArray, FloatArray
from .perturbations import FAMILY
from .position_bias import debiased_probabilities, position_priors


class _PriorEstimator(Estimator):
    """Fits the prior over ids from questions answered under all option orders."""

    needs = frozenset({Signal.ANSWER, Signal.PERMUTED_ANSWERS})
    family = FAMILY
    reads_positions = True
    questions: int

    def __init__(self) -> None:
        self._priors: dict[int, FloatArray] | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit the prior over ids for each K; ``correct`` is not used."""
        self._priors = position_priors(signals, self.questions)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        count = int(signals.option_count[row])
        if not signals.answer.present[row]:
            return "no answer stored"
        if count not in require_fit(self, self._priors):
            return f"no prior over ids for questions with {count} options"
        return "no option probabilities stored, or an id that was never given any"


class IdDebiasedEntropy(_PriorEstimator):
    """-Σ p̃ ln p̃ with p̃ ∝ p / prior, nats, in [0, ln K]: entropy without the id's preference.

    The prior is that of ``pride_debiased_probability``, from at most ``questions`` questions per K.
    """

    name = "id_debiased_entropy"
    reference = "arXiv 2602.11743; prior: arXiv 2309.03882"

    def __init__(self, questions: int = 500) -> None:
        super().__init__()
        self.questions = whole_number("questions", questions, 1)

    def score(self, signals: Signals) -> FloatArray:
        return entropy(debiased_probabilities(signals, require_fit(self, self._priors)))


class AdaptiveTsallisEntropy(_PriorEstimator):
    """Σ_i (p_i - p_i^q_i) / (q_i - 1) with an order q_i per id, nats, at least 0.

    q_i = ``low`` + (``high`` - ``low``) (prior_i - min) / (max - min) over the ids of a K, their
    mean where the prior is even; → -p ln p where q_i = 1. An id that the model prefers counts with
    a larger order, and so adds less to the uncertainty. ``questions`` as in
    ``id_debiased_entropy``.
    """

    name = "adaptive_tsallis_entropy"
    reference = "arXiv 2602.11743 (its normalization of the bias: apprehend)"

    def __init__(self, low: float = 0.5, high: float = 1.5, questions: int = 500) -> None:
        super().__init__()
        self.low = number_above("low", low, 0.0)
        self.high = number_above("high", high, 0.0)
        if high < low:
            raise ValueError(f"Expected `high` to be at least `low`, but got {high!r} < {low!r}")
        self.questions = whole_number("questions", questions, 1)

    def score(self, signals: Signals) -> FloatArray:
        p = signals.answer.option_probs
        scores = np.full(len(signals), np.nan)
        for count, prior in require_fit(self, self._priors).items():
            rows = np.flatnonzero(signals.option_count == count)
            if count > p.shape[1]:
                continue
            orders = id_orders(prior, self.low, self.high)
            scores[rows] = tsallis_terms(p[rows, :count], orders).sum(axis=1)
        return scores


def id_orders(prior: FloatArray, low: float, high: float) -> FloatArray:
    """Map the prior (K,) linearly to orders in [low, high]; their mean where it is even."""
    spread = float(np.ptp(prior))
    if spread < 1e-12:
        return np.full(prior.shape, (low + high) / 2)
    return low + (high - low) * (prior - prior.min()) / spread


def tsallis_terms(p: FloatArray, orders: FloatArray) -> FloatArray:
    """Compute (p - p^q) / (q - 1) elementwise, -p ln p at q = 1; 0 where p is 0.

    Written with expm1, so that it stays exact near q = 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(p)
        gap = orders - 1.0
        near = np.abs(gap) < 1e-12
        terms = np.where(near, -p * logs, -p * np.expm1(gap * logs) / np.where(near, 1.0, gap))
    return np.where(p == 0, 0.0, terms)
