"""Logistic regression for the estimators that learn: scikit-learn's, on standardized features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..signals.estimator_errors import EstimatorError
from ..signals.tables import FloatArray

_NEWTON_FEATURES = 256
"""Up to here the Hessian is cheap, and Newton's steps reach full precision."""
_TOLERANCE = 1e-13
_STEPS = 1000


@dataclass(frozen=True)
class LogisticModel:
    """P(1 | x) = σ(intercept + weights · (x - center) / scale)."""

    center: FloatArray
    scale: FloatArray
    weights: FloatArray
    intercept: float

    def predict(self, features: FloatArray) -> FloatArray:
        """(n,) probabilities for (n, d) features; NaN where a feature that counts is missing."""
        from scipy.special import expit

        used = self.weights != 0
        x = (features[:, used] - self.center[used]) / self.scale[used]
        return np.asarray(expit(self.intercept + x @ self.weights[used]), dtype=np.float64)


def fit_logistic(features: FloatArray, target: FloatArray, penalty: float) -> LogisticModel:
    """Minimize Σ cross-entropy + penalty/2 · ‖weights‖² on standardized features.

    ``features`` is (n, d), ``target`` (n,) in [0, 1], not all 0 and not all 1; the intercept is not
    penalized. Features that do not vary get weight 0. Raises EstimatorError where a feature is not
    finite.
    """
    from sklearn.linear_model import LogisticRegression

    if not np.isfinite(features).all():
        raise EstimatorError("Expected finite features to learn from, but got NaN or infinity")
    center = features.mean(axis=0)
    spread = features.std(axis=0)
    varies = spread > 1e-12 * np.maximum(np.abs(center), 1e-300)
    scale = np.where(varies, spread, 1.0)
    weights = np.zeros(len(center))
    if not varies.any():
        share = float(target.mean())
        return LogisticModel(center, scale, weights, float(np.log(share) - np.log1p(-share)))
    design = ((features - center) / scale)[:, varies]
    # A target between 0 and 1 is a row of each class, weighted by how much it belongs to it.
    ones, zeros = np.flatnonzero(target > 0), np.flatnonzero(target < 1)
    fitted = LogisticRegression(
        C=1 / penalty if penalty else np.inf,
        solver="newton-cholesky" if design.shape[1] <= _NEWTON_FEATURES else "lbfgs",
        tol=_TOLERANCE,
        max_iter=_STEPS,
    ).fit(
        design[np.concatenate([ones, zeros])],
        np.repeat([1, 0], [len(ones), len(zeros)]),
        np.concatenate([target[ones], 1 - target[zeros]]),
    )
    weights[varies] = fitted.coef_[0]
    return LogisticModel(center, scale, weights, float(fitted.intercept_[0]))
