"""Estimators that learn where hidden states of right, or of undecided, answers lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..answers.samples import VoteEntropy
from ..core.estimator import Estimator, require_fit
from ..core.logistic import LogisticModel, fit_logistic
from ..core.parameters import number_above, number_of_layer, one_of
from ..signals.batch import Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray

FAMILY = "supervised"


@dataclass(frozen=True)
class _Cloud:
    """Where states lie: their (d,) mean, and the (d, d) inverse of their covariance."""

    mean: FloatArray
    precision: FloatArray

    @classmethod
    def of(cls, states: FloatArray) -> _Cloud:
        """Estimate from (n, d) states, the covariance shrunk after Ledoit and Wolf."""
        from sklearn.covariance import LedoitWolf

        fitted = LedoitWolf().fit(states)
        return cls(fitted.location_, fitted.precision_)

    def distance(self, states: FloatArray) -> FloatArray:
        """Return the (n,) squared Mahalanobis distances of (n, d) states."""
        away = states - self.mean
        squared: FloatArray = np.einsum("ij,jk,ik->i", away, self.precision, away, optimize=True)
        return squared


def _stored(signals: Signals, layer: int) -> BoolArray:
    """Return (n,) whether the question's hidden state after a layer is stored."""
    table = signals.hidden_state
    states = table.after(layer)
    known = np.isfinite(states).all(axis=1) & (states.shape[1] > 0)
    stored: BoolArray = known & table.present
    return stored


def not_stored(layer: int) -> str:
    """Return why a state is missing of a question that has been asked."""
    if not layer:
        return "hidden state not stored"
    return f"hidden state of layer {layer} not stored (--hidden_layers {layer} stores it)"


class _StateEstimator(Estimator):
    family = FAMILY
    layer: int

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return not_stored(self.layer) if signals.hidden_state.present[row] else None


class MahalanobisDistance(_StateEstimator):
    """Squared distance of the hidden state from those of right answers, (h - μ)ᵀ Σ⁻¹ (h - μ).

    μ and Σ (shrunk after Ledoit and Wolf) are those of the right answers of the training part.
    ``form`` "plain" is in [0, ∞); "relative" subtracts the distance from all answers, right and
    wrong, and is in (-∞, ∞). ``layer`` as in ``hidden_state_probe``.
    """

    name = "mahalanobis_distance"
    needs = frozenset({Signal.HIDDEN_STATE})
    reference = "arXiv 1807.03888; relative: arXiv 2106.09022"

    def __init__(self, form: str = "plain", layer: int = 0) -> None:
        self.layer = number_of_layer(layer)
        self.form = one_of("form", form, ("plain", "relative"))
        self._clouds: tuple[_Cloud, _Cloud] | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Estimate mean and covariance on the training part."""
        stored = _stored(signals, self.layer)
        right = stored & correct
        if right.sum() < 2:
            raise EstimatorError(
                "Expected hidden states of at least two right answers to learn from, but got "
                f"{int(right.sum())}"
            )
        states = signals.hidden_state.after(self.layer)
        self._clouds = _Cloud.of(states[right]), _Cloud.of(states[stored])

    def score(self, signals: Signals) -> FloatArray:
        of_right, of_all = require_fit(self, self._clouds)
        result, rows = np.full(len(signals), np.nan), _stored(signals, self.layer)
        states = signals.hidden_state.after(self.layer)[rows]
        if len(states):
            background = of_all.distance(states) if self.form == "relative" else 0.0
            result[rows] = of_right.distance(states) - background
        return result


class SemanticEntropyProbe(_StateEstimator):
    """P(the samples disagree much), given the hidden state, in [0, 1]; no right answers needed.

    Logistic regression on standardized dimensions with ``penalty`` / 2 · ‖w‖², fitted out of fold.
    Its target is whether the ``vote_entropy`` of the samples is above the threshold that splits
    the training part's entropies into two groups of least variance. ``layer`` as in
    ``hidden_state_probe``.
    """

    name = "semantic_entropy_probe"
    needs = frozenset({Signal.HIDDEN_STATE, Signal.SAMPLES.variant("direct")})
    reference = "arXiv 2406.15927"
    cost = "x"

    def __init__(self, penalty: float = 100.0, layer: int = 0) -> None:
        self.layer = number_of_layer(layer)
        self.penalty = number_above("penalty", penalty, 0.0)
        self._model: LogisticModel | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit w and b on the training part's states and samples; ``correct`` is not used."""
        entropies = VoteEntropy().score(signals)
        rows = np.flatnonzero(_stored(signals, self.layer) & ~np.isnan(entropies))
        if len(np.unique(entropies[rows])) < 2:
            raise EstimatorError(
                "Expected samples that agree on some questions more than on others, but got "
                f"{len(rows)} questions alike"
            )
        high = entropies[rows] > best_split(entropies[rows])
        states = signals.hidden_state.after(self.layer)[rows]
        self._model = fit_logistic(states, high.astype(np.float64), self.penalty)

    def score(self, signals: Signals) -> FloatArray:
        model = require_fit(self, self._model)
        result, rows = np.full(len(signals), np.nan), _stored(signals, self.layer)
        if rows.any():
            result[rows] = model.predict(signals.hidden_state.after(self.layer)[rows])
        return result


def best_split(values: FloatArray) -> float:
    """Return the value t for which the groups ≤ t and > t have the least summed squared deviation.

    Args:
        values: (n,) with at least two different values.

    Returns:
        The smallest such value among them; never the largest of all, so that no group is empty.
    """
    ordered = np.sort(values)
    count = np.arange(1, len(ordered))
    sums, squares = np.cumsum(ordered)[:-1], np.cumsum(ordered**2)[:-1]
    rest = len(ordered) - count
    below = squares - sums**2 / count
    above = (ordered**2).sum() - squares - (ordered.sum() - sums) ** 2 / rest
    deviation = np.where(ordered[:-1] < ordered[1:], np.round(below + above, 12), np.inf)
    return float(ordered[int(np.argmin(deviation))])
