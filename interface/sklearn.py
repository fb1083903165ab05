"""Estimators of uncertainty as scikit-learn transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .arrays import answer_signals
from .chosen import Chosen, computable, instances
from .estimators import evaluate
from .estimators.signals.tables import FloatArray

__all__ = ["UncertaintyScores"]


class UncertaintyScores(TransformerMixin, BaseEstimator):
    """Turn option log-probabilities into uncertainty scores, for pipelines.

    Args:
        estimators: Specifications, classes or instances of estimators that need the answer alone
            and do not learn; None for every built-in one.
    """

    def __init__(self, estimators: str | Sequence[Chosen] | None = None) -> None:
        self.estimators = estimators

    def fit(self, X: npt.ArrayLike, y: Any = None) -> UncertaintyScores:
        """Create the estimators; nothing is learned.

        Args:
            X: (n, K) log-probabilities (nats) or logits of the options.
            y: Ignored.

        Returns:
            The transformer itself.

        Raises:
            ValueError: An estimator learns, so that it needs labels and folds: use
                `apprehend.score`.
        """
        logprobs = validate_data(self, X, ensure_min_features=2, dtype=np.float64)
        if self.estimators is None:
            chosen = computable(answer_signals(logprobs))
        else:
            chosen = instances(self.estimators)
        learners = [estimator.label for estimator in chosen if estimator.learns]
        if learners:
            raise ValueError(
                f"{', '.join(learners)}: learns from labels; use apprehend.score(gold=…), which "
                "fits it out of fold"
            )
        self.estimators_ = chosen
        return self

    def transform(self, X: npt.ArrayLike) -> FloatArray:
        """Return the (n, estimators) scores; higher = more uncertain, NaN = no score."""
        check_is_fitted(self)
        logprobs = validate_data(self, X, reset=False, dtype=np.float64)
        signals = answer_signals(logprobs)
        return np.stack([evaluate(e, signals) for e in self.estimators_], axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the labels of the estimators."""
        check_is_fitted(self)
        return np.array([estimator.label for estimator in self.estimators_], dtype=object)
