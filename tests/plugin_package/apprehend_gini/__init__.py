"""One estimator, installed through the entry point ``apprehend.estimators``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from apprehend.estimators import Estimator, Signal, Signals


class OptionGini(Estimator):
    """1 - Σ p² over the options, in [0, 1 - 1/K]."""

    name = "option_gini"
    needs = frozenset({Signal.ANSWER})
    family = "answer distribution"
    reference = "Gini 1912"

    def score(self, signals: Signals) -> npt.NDArray[np.float64]:
        p = signals.answer.option_probs
        return np.where(np.isnan(p).all(axis=1), np.nan, 1 - np.nansum(p**2, axis=1))
