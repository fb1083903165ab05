"""Shared code of estimators that learn: labels, and scores of other estimators as features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.estimator import Estimator, evaluate, reasons, require_fit
from ..signals.batch import Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray, IntArray
from .cross_fitting import Folds, cross_fit, fit_fresh


def known_gold(signals: Signals) -> IntArray:
    """Return the (n,) right options of the training part, -1 where unknown.

    Raises EstimatorError if none is known.
    """
    if signals.gold is None or not (signals.gold >= 0).any():
        raise EstimatorError("Expected the right option of each question to learn from, got none")
    return signals.gold


class ScoreLearner(Estimator):
    """Learns from the scores of other estimators, its bases.

    Bases that learn are cross-fitted within the training part, so that their scores are out of fold
    here too. For scoring they are fitted on
    the whole training part.
    """

    inner_folds: Folds = Folds()
    """How the training part is divided for bases that learn; the outer folds' kind."""

    def __init__(self, bases: Sequence[str]) -> None:
        from ..registry import load_estimator

        self._bases = [load_estimator(spec) for spec in bases]
        self._fitted: list[Estimator] | None = None
        self.needs = frozenset(need for base in self._bases for need in base.requirements())
        # "c" < "m" < "x": it costs what its dearest base costs.
        self.cost = max(base.cost for base in self._bases)

    def training_scores(self, signals: Signals, correct: BoolArray) -> tuple[FloatArray, BoolArray]:
        """Compute the bases' scores of the training part, and fit the bases for scoring.

        Returns:
            (m, b) scores on the m rows where all bases have a finite one, and (m,) whether the
            answer was wrong. A base without any finite score is skipped.

        Raises:
            EstimatorError: the rows have one class of outcomes only.
        """
        columns, fitted = [], []
        for base in self._bases:
            scores = self._out_of_fold(base, signals, correct)
            if np.isfinite(scores).any():
                columns.append(scores)
                fitted.append(
                    fit_fresh(base, signals, correct, self.inner_folds) if base.learns else base
                )
        known = np.stack(columns, axis=1) if columns else np.empty((0, 0))
        rows = np.flatnonzero(np.isfinite(known).all(axis=1))
        wrong = ~np.asarray(correct, dtype=np.bool_)[rows]
        if len(np.unique(wrong)) < 2:
            names = ", ".join(base.label for base in self._bases)
            raise EstimatorError(
                f"Expected scores of {names} for right and wrong answers to learn from, but got "
                f"{len(rows)} of one kind"
            )
        self._fitted = fitted
        return known[rows], wrong

    def _out_of_fold(self, base: Estimator, signals: Signals, correct: BoolArray) -> FloatArray:
        if base.learns:
            return cross_fit(base, signals, correct, self.inner_folds).scores
        return evaluate(base, signals)

    def base_scores(self, signals: Signals) -> FloatArray:
        """Return the (n, b) scores of the fitted bases."""
        fitted = require_fit(self, self._fitted)
        return np.stack([evaluate(base, signals) for base in fitted], axis=1)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        one = signals.take(np.array([row]))
        for base in require_fit(self, self._fitted):
            score = evaluate(base, one)
            if np.isnan(score[0]):
                return f"{base.label}: {reasons(base, one, score)[0]}"
            if np.isinf(score[0]):
                return f"{base.label}: score is infinite"
        return None
