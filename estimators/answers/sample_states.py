"""Estimators over the hidden states in which sampled answers leave the model."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import number_above
from ..signals.batch import OptionStatesTable, Signal, Signals
from ..signals.tables import FloatArray, IntArray

_DIRECT = "direct"


class EigenScore(Estimator):
    """(1/k) ln det(Σ + α I), in [ln α, ∞): how far apart the states of k sampled answers lie.

    Σ is the (k, k) covariance of the samples' states after the middle layer, at the token of the
    answer, each with mean 0 over its dimensions; a sample that named no option is left out. Samples
    with the same answer have the same state, so that k equal answers give the least value for
    states of this length. The source samples texts, whose last token it reads.
    """

    name = "eigen_score"
    needs = frozenset({Signal.SAMPLES.variant(_DIRECT), Signal.OPTION_STATES})
    family = "samples"
    cost = "x"
    reference = "arXiv 2402.03744"
    is_sampled = True

    def __init__(self, alpha: float = 0.001) -> None:
        self.alpha = number_above("alpha", alpha, 0.0)

    def score(self, signals: Signals) -> FloatArray:
        samples = signals.samples[_DIRECT].only
        covariance = signals.table(OptionStatesTable).covariance
        result = np.full(len(signals), np.nan)
        named = samples.drawn & (samples.answers >= 0)
        for row in np.flatnonzero(named.sum(axis=1) > 1):
            picked: IntArray = samples.answers[row, named[row]]
            if picked.max() >= covariance.shape[1]:
                continue
            own: FloatArray = covariance[row, picked[:, None], picked]
            if np.isfinite(own).all():
                result[row] = _mean_log(own, self.alpha)
        return result

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        samples = signals.samples[_DIRECT].only
        states = signals.table(OptionStatesTable)
        if not samples.present[row] or not states.present[row]:
            return None
        if (samples.drawn[row] & (samples.answers[row] >= 0)).sum() < 2:
            return "fewer than two samples named an option"
        return "the states after the options' labels cannot be read"


def _mean_log(covariance: FloatArray, alpha: float) -> float:
    """Return the mean of ln(λ + α) over the eigenvalues λ."""
    found = np.linalg.eigvalsh(covariance)
    # Stored in single precision, the least of them may be below 0.
    spread = np.maximum(np.asarray(found, dtype=np.float64), 0.0) + alpha
    return float(np.log(spread).mean())
