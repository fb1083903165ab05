"""Estimators that learn to predict errors: from the hidden state, or from other estimators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..answers.answer_distribution import (
    OffOptionMass,
    OptionEntropy,
    ProbabilityMargin,
    TokenEntropy,
)
from ..core.estimator import Estimator, require_fit
from ..core.logistic import LogisticModel, fit_logistic
from ..core.parameters import names, number_above, number_of_layer
from ..learning.score_learner import ScoreLearner
from ..signals.batch import Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray
from .state_space import not_stored

FAMILY = "supervised"
BASES = tuple(cls.name for cls in (TokenEntropy, OptionEntropy, ProbabilityMargin, OffOptionMass))


class HiddenStateProbe(Estimator):
    """σ(w · h + b), the probability of error given the hidden state h, in [0, 1].

    Logistic regression on standardized dimensions with ``penalty`` / 2 · ‖w‖² against overfitting
    (states have thousands of dimensions), fitted out of fold. h is what the output head reads, or
    the state after ``layer``, counted from 1, if ``--hidden_layers`` stored it.
    """

    name = "hidden_state_probe"
    is_probability = True
    needs = frozenset({Signal.HIDDEN_STATE})
    family = FAMILY
    reference = "arXiv 2304.13734"

    def __init__(self, penalty: float = 100.0, layer: int = 0) -> None:
        self.penalty = number_above("penalty", penalty, 0.0)
        self.layer = number_of_layer(layer)
        self._model: LogisticModel | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit w and b on the training part's hidden states."""
        states = signals.hidden_state.after(self.layer)
        rows = np.flatnonzero(np.isfinite(states).all(axis=1) & signals.hidden_state.present)
        if len(np.unique(correct[rows])) < 2:
            raise EstimatorError(
                "Expected hidden states of right and wrong answers to learn from, but got "
                f"{len(rows)} of one kind"
            )
        wrong = np.where(correct[rows], 0.0, 1.0)
        self._model = fit_logistic(states[rows], wrong, self.penalty)

    def score(self, signals: Signals) -> FloatArray:
        model = require_fit(self, self._model)
        table = signals.hidden_state
        states = table.after(self.layer)
        if states.shape[1] != len(model.weights):
            # A batch in which no state is stored has no dimensions.
            return np.full(len(signals), np.nan)
        return np.where(table.present, model.predict(states), np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return not_stored(self.layer) if signals.hidden_state.present[row] else None


class Stacked(ScoreLearner):
    """σ(w · s + b), the probability of error given the scores s of other estimators, in [0, 1].

    Logistic regression on standardized scores with ``penalty`` / 2 · ‖w‖², fitted out of fold.
    ``bases`` names the estimators; scores of those that learn are out of fold within the training
    part. A base without any score in the training part is skipped; a question that lacks the score
    of another base has none.
    """

    name = "stacked"
    is_probability = True
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "Wolpert 1992, doi 10.1016/S0893-6080(05)80023-1"

    def __init__(self, bases: Sequence[str] = BASES, penalty: float = 1.0) -> None:
        self.bases = names("bases", bases)
        if not self.bases:
            raise ValueError(f"Expected `bases` to be several names, but got {bases!r}")
        super().__init__(self.bases)
        self.penalty = number_above("penalty", penalty, 0.0)
        self._model: LogisticModel | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit w and b on the bases' scores of the training part."""
        scores, wrong = self.training_scores(signals, correct)
        self._model = fit_logistic(scores, wrong.astype(np.float64), self.penalty)

    def score(self, signals: Signals) -> FloatArray:
        model = require_fit(self, self._model)
        scores = self.base_scores(signals)
        known = np.isfinite(scores).all(axis=1)
        return np.where(known, model.predict(scores), np.nan)
