"""The size of conformal prediction sets as an estimator."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator, require_fit
from ..core.parameters import number_between, one_of
from ..core.prediction_sets import (
    QUANTILES,
    RULES,
    calibration_scores,
    conformal_sets,
    conformal_threshold,
)
from ..learning.score_learner import known_gold
from ..signals.batch import Signal, Signals
from ..signals.probabilities import absent_as_nan
from ..signals.tables import BoolArray, FloatArray

FAMILY = "conformal"


class ConformalSetSize(Estimator):
    """Number of options in the conformal prediction set at error rate α, in 1..K.

    ``rule`` "lac" or "aps"; the threshold is calibrated out of fold on the right options, by the
    ``quantile`` "rank" or "higher" (see ``conformal_threshold``). Whole numbers, so most questions
    are tied.
    """

    name = "conformal_set_size"
    needs = frozenset({Signal.ANSWER})
    family = FAMILY
    reference = "arXiv 2401.12794; LAC arXiv 1609.00451; APS arXiv 2006.02544"

    def __init__(self, rule: str = "lac", alpha: float = 0.1, quantile: str = "rank") -> None:
        self.rule = one_of("rule", rule, RULES)
        self.alpha = number_between("alpha", alpha, 0.0, 1.0)
        self.quantile = one_of("quantile", quantile, QUANTILES)
        self._threshold: float | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Calibrate the threshold on the training part's right options."""
        p = signals.answer.option_probs
        scores = calibration_scores(p, known_gold(signals), self.rule)
        self._threshold = conformal_threshold(scores, self.alpha, self.quantile)

    def score(self, signals: Signals) -> FloatArray:
        threshold = require_fit(self, self._threshold)
        p = signals.answer.option_probs
        size = conformal_sets(p, self.rule, threshold).sum(axis=1)
        return absent_as_nan(p, size.astype(np.float64))

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return "no option probabilities stored" if signals.answer.present[row] else None
