"""Logistic regression for the estimators that learn: small, exact, deterministic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..signals.estimator_errors import EstimatorError
from ..signals.tables import FloatArray

_NEWTON_FEATURES = 256
"""Up to here the Hessian is cheap, and Newton's steps reach full precision."""
_STEPS = 100


@dataclass(frozen=True)
class LogisticModel:
    """P(1 | x) = σ(intercept + weights · (x - centre) / scale)."""

    centre: FloatArray
    scale: FloatArray
    weights: FloatArray
    intercept: float

    def predict(self, features: FloatArray) -> FloatArray:
        """(n,) probabilities for (n, d) features; NaN where a feature that counts is missing."""
        used = self.weights != 0
        x = (features[:, used] - self.centre[used]) / self.scale[used]
        return sigmoid(self.intercept + x @ self.weights[used])


def sigmoid(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), without overflow."""
    positive = 1.0 / (1.0 + np.exp(-np.abs(logits)))
    return np.where(logits >= 0, positive, 1.0 - positive)


def fit_logistic(features: FloatArray, target: FloatArray, penalty: float) -> LogisticModel:
    """Minimise Σ cross-entropy + penalty/2 · ‖weights‖² on standardised features.

    ``features`` is (n, d), ``target`` (n,) in [0, 1]; the intercept is not penalised. Features that
    do not vary get weight 0. Raises EstimatorError where a feature is not finite.
    """
    if not np.isfinite(features).all():
        raise EstimatorError("Expected finite features to learn from, but got NaN or infinity")
    centre = features.mean(axis=0)
    spread = features.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(centre), 1e-300)
    scale = np.where(varies, spread, 1.0)
    design = np.concatenate([np.ones((len(features), 1)), (features - centre) / scale], axis=1)
    kept = np.concatenate([[True], varies])
    ridge = np.concatenate([[0.0], np.full(int(varies.sum()), penalty)])
    solve = _newton if kept.sum() <= _NEWTON_FEATURES else _quasi_newton
    solution = np.zeros(len(kept))
    solution[kept] = solve(design[:, kept], target, ridge)
    return LogisticModel(centre, scale, solution[1:], float(solution[0]))


def _loss(design: FloatArray, target: FloatArray, ridge: FloatArray, beta: FloatArray) -> float:
    logits = design @ beta
    # -t ln σ(x) - (1 - t) ln(1 - σ(x)) = ln(1 + e^x) - t x
    entropy = np.logaddexp(0.0, logits) - target * logits
    return float(entropy.sum() + (ridge * beta**2).sum() / 2)


def _gradient(
    design: FloatArray, target: FloatArray, ridge: FloatArray, beta: FloatArray
) -> FloatArray:
    gradient: FloatArray = design.T @ (sigmoid(design @ beta) - target) + ridge * beta
    return gradient


def _newton(design: FloatArray, target: FloatArray, ridge: FloatArray) -> FloatArray:
    beta = np.zeros(design.shape[1])
    loss = _loss(design, target, ridge, beta)
    last = np.inf
    for _ in range(_STEPS):
        p = sigmoid(design @ beta)
        hessian = (design.T * (p * (1 - p))) @ design + np.diag(ridge)
        gradient = _gradient(design, target, ridge, beta)
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        size = float(np.abs(step).max())
        # At the optimum the loss is flat to its last digits, the step is not: go by the step.
        if size < 1e-6 and size >= last / 2:
            break
        moved, length = beta - step, 1.0
        while size >= 1e-6 and length > 1e-10:
            if _loss(design, target, ridge, moved) <= loss:
                break
            length /= 2
            moved = beta - length * step
        beta, loss, last = moved, _loss(design, target, ridge, moved), size
        if size < 1e-15:
            break
    return beta


def _quasi_newton(design: FloatArray, target: FloatArray, ridge: FloatArray) -> FloatArray:
    from scipy.optimize import minimize

    found: Any = minimize(
        lambda beta: _loss(design, target, ridge, beta),
        np.zeros(design.shape[1]),
        jac=lambda beta: _gradient(design, target, ridge, beta),
        method="L-BFGS-B",
        options={"maxiter": 1000, "gtol": 1e-8, "ftol": 1e-14},
    )
    return np.asarray(found.x, dtype=np.float64)
