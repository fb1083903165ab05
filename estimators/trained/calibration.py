"""Calibrated probabilities of error, learned from labels out of fold.

``temperature_scaled`` rescales the option logits; ``platt`` and ``isotonic`` map another
estimator's score to the probability that the answer is wrong, ``correctness_aware`` the answers
under all option orders.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..answers.answer_distribution import MaxProbability
from ..core.estimator import Estimator, require_fit
from ..core.logistic import LogisticModel, fit_logistic
from ..core.parameters import number_above
from ..learning.score_learner import ScoreLearner, known_gold
from ..signals.batch import Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.probabilities import (
    entropy,
    mean_distribution,
    mutual_information,
    pick,
    softmax,
    top_two,
)
from ..signals.tables import BoolArray, FloatArray, IntArray

FAMILY = "calibrated"
TEMPERATURES = (0.01, 100.0)
"""Bounds of T; a model that is always right, or at chance, ends at one of them."""


def fit_temperature(option_logprobs: FloatArray, gold: IntArray) -> float:
    """Fit the T in [0.01, 100] that minimizes -Σ ln softmax(z / T)[gold], a loss convex in 1/T.

    Args:
        option_logprobs: (n, K) log-probabilities of the options, nats.
        gold: (n,) indices of the right options. Questions whose right option has probability 0
            carry no information on T and are skipped.

    Raises:
        EstimatorError: no question remains.
    """
    from scipy.optimize import brentq

    rows = np.flatnonzero((gold >= 0) & (gold < option_logprobs.shape[1]))
    right = option_logprobs[rows, gold[rows]]
    rows, right = rows[np.isfinite(right)], right[np.isfinite(right)]
    if len(rows) == 0:
        raise EstimatorError("Expected questions whose right option has a probability, got none")
    z = option_logprobs[rows] - right[:, None]
    finite = np.isfinite(z)

    def slope(log_inverse: float) -> float:
        """Return the derivative of the loss by 1/T: the mean logit minus the right option's."""
        p = softmax(z * np.exp(log_inverse))
        return float(np.where(finite, p * np.where(finite, z, 0.0), 0.0).sum())

    low, high = -np.log(TEMPERATURES[1]), -np.log(TEMPERATURES[0])
    if slope(low) >= 0:
        return TEMPERATURES[1]
    if slope(high) <= 0:
        return TEMPERATURES[0]
    return float(np.exp(-brentq(slope, low, high, xtol=1e-14, rtol=1e-14)))


class TemperatureScaled(Estimator):
    """1 - max softmax(z / T), in [0, 1 - 1/K]; T is fitted by the log loss of the right options.

    One T for all questions keeps each question's most probable option, but for K > 2 it reorders
    questions, so AUC changes too.
    """

    name = "temperature_scaled"
    is_probability = True
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "arXiv 1706.04599"

    def __init__(self) -> None:
        self._temperature: float | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit T on the training part's option log-probabilities and right options."""
        self._temperature = fit_temperature(signals.answer.option_logprobs, known_gold(signals))

    def score(self, signals: Signals) -> FloatArray:
        temperature = require_fit(self, self._temperature)
        return 1.0 - top_two(softmax(signals.answer.option_logprobs / temperature))[0]

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return "no option probabilities stored" if signals.answer.present[row] else None


class Platt(ScoreLearner):
    """σ(a · s + b), the probability of error given another estimator's score s, in [0, 1].

    a and b minimize the log loss against Platt's smoothed targets (n₊ + 1)/(n₊ + 2) and
    1/(n₋ + 2). ``base`` names the estimator; where it learns too, a and b are fitted on its
    out-of-fold scores. a < 0 if its scores are reversed on the training part.
    """

    name = "platt"
    is_probability = True
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "Platt 1999"

    def __init__(self, base: str = MaxProbability.name) -> None:
        super().__init__((base,))
        self.base = base
        self._model: LogisticModel | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit a and b on the base's scores of the training part."""
        scores, wrong = self.training_scores(signals, correct)
        count, errors = len(wrong), int(wrong.sum())
        high, low = (errors + 1) / (errors + 2), 1 / (count - errors + 2)
        self._model = fit_logistic(scores, np.where(wrong, high, low), penalty=0.0)

    def score(self, signals: Signals) -> FloatArray:
        return require_fit(self, self._model).predict(self.base_scores(signals))


class Isotonic(ScoreLearner):
    """Probability of error given another estimator's score, as an increasing step function.

    The increasing fit with the least squares to the training part's errors, in [0, 1], linear in
    between and constant outside. ``base`` as in ``platt``. Makes ties, so AUC changes.
    """

    name = "isotonic"
    is_probability = True
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "Zadrozny & Elkan 2002, doi 10.1145/775047.775151"

    def __init__(self, base: str = MaxProbability.name) -> None:
        super().__init__((base,))
        self.base = base
        self._steps: Any = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit the steps on the base's scores of the training part."""
        from sklearn.isotonic import IsotonicRegression

        scores, wrong = self.training_scores(signals, correct)
        self._steps = IsotonicRegression().fit(_rounded(scores[:, 0]), wrong)

    def score(self, signals: Signals) -> FloatArray:
        steps = require_fit(self, self._steps)
        base = _rounded(self.base_scores(signals)[:, 0])
        known = ~np.isnan(base)
        scores = np.full(len(base), np.nan)
        if known.any():
            scores[known] = steps.predict(np.clip(base[known], steps.X_min_, steps.X_max_))
        return scores


class CorrectnessAware(Estimator):
    """σ(w · x + b), the probability of error given p under all option orders, in [0, 1].

    x: mean and smallest p_r(answer) over the cyclic orders r, share of the orders that choose the
    answer, H(p̄) / ln K, and H(p̄) - mean H(p_r). Logistic regression on standardized features with
    ``penalty`` / 2 · ‖w‖², fitted out of fold: unlike a temperature it is trained on correctness.
    """

    name = "correctness_aware"
    is_probability = True
    needs = frozenset({Signal.ANSWER, Signal.PERMUTED_ANSWERS})
    cost = "x"
    family = FAMILY
    reference = "apprehend"

    def __init__(self, penalty: float = 1.0) -> None:
        self.penalty = number_above("penalty", penalty, 0.0)
        self._model: LogisticModel | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit w and b on the training part's answers under all orders."""
        features = order_features(signals)
        rows = np.flatnonzero(np.isfinite(features).all(axis=1))
        if len(np.unique(correct[rows])) < 2:
            raise EstimatorError(
                "Expected right and wrong answers under several option orders to learn from, but "
                f"got {len(rows)} of one kind"
            )
        wrong = np.where(correct[rows], 0.0, 1.0)
        self._model = fit_logistic(features[rows], wrong, self.penalty)

    def score(self, signals: Signals) -> FloatArray:
        model, features = require_fit(self, self._model), order_features(signals)
        known = np.isfinite(features).all(axis=1)
        return np.where(known, model.predict(features), np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if not signals.answer.present[row] or not signals.permuted_answers.present[row]:
            return None
        if signals.answer.answer[row] < 0:
            return "the model gave no answer"
        return "fewer than two option orders with probabilities"


def order_features(signals: Signals) -> FloatArray:
    """Return the (n, 5) features of ``correctness_aware``; NaN for fewer than two orders."""
    table = signals.permuted_answers
    p, answer = table.option_probs, signals.answer.answer
    there = ~np.isnan(p).all(axis=2)
    chosen = np.stack([pick(p[:, r], answer) for r in range(p.shape[1])], axis=1)
    count = np.maximum(there.sum(axis=1), 1)
    mean = np.where(there, np.nan_to_num(chosen), 0.0).sum(axis=1) / count
    least = np.where(there, np.nan_to_num(chosen), np.inf).min(axis=1, initial=np.inf)
    asked = table.shifts >= 0
    same = (asked & (table.answers == answer[:, None])).sum(axis=1) / np.maximum(
        asked.sum(axis=1), 1
    )
    total = entropy(mean_distribution(p)) / np.log(np.maximum(signals.option_count, 2))
    features = np.stack([mean, least, same, total, mutual_information(p)], axis=1)
    usable = (there.sum(axis=1) > 1) & (answer >= 0) & (answer < p.shape[2])
    return np.where(usable[:, None], features, np.nan)


def _rounded(scores: FloatArray) -> FloatArray:
    """To 14 decimals: scores that differ by their last bit are tied."""
    return np.round(scores, 14)
