"""Estimators that read the course of the entropy over a chain of thought."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..signals.batch import Signal, Signals
from ..signals.tables import FloatArray

FAMILY = "chain of thought"
CONSTANT = 1e-12
"""Range of entropies, nats, below which they differ by rounding alone."""


class TraceProfile(Estimator):
    """Course of the token entropies H_t over the relative position x_t = (t - 1) / (T - 1).

    ``measure`` "slope" is the slope of the least-squares line of H_t on x_t, nats over the whole
    trace, in (-∞, ∞): positive where the model grows less certain. "linearity" is 1 - R² of that
    line, in [0, 1]: the share of the variation that is no steady course; 0 for constant entropies.
    """

    name = "trace_profile"
    needs = frozenset({Signal.TRACE})
    family = FAMILY
    cost = "m"
    reference = "arXiv 2605.07776"

    def __init__(self, measure: str = "slope") -> None:
        self.measure = one_of("measure", measure, ("slope", "linearity"))

    def score(self, signals: Signals) -> FloatArray:
        entropies = signals.trace.token_entropies
        known = ~np.isnan(entropies)
        count = known.sum(axis=1)
        place = np.where(known, np.cumsum(known, axis=1) - 1.0, 0.0)
        x = place / np.maximum(count - 1, 1)[:, None]
        h = np.where(known, entropies, 0.0)
        size = np.maximum(count, 1)[:, None]
        dx = np.where(known, x - x.sum(axis=1, keepdims=True) / size, 0.0)
        dh = np.where(known, h - h.sum(axis=1, keepdims=True) / size, 0.0)
        spread = (dx**2).sum(axis=1)
        slope = (dx * dh).sum(axis=1) / np.where(spread > 0, spread, 1.0)
        if self.measure == "slope":
            return np.where(count > 1, slope, np.nan)
        total = (dh**2).sum(axis=1)
        residual = ((dh - slope[:, None] * dx) ** 2).sum(axis=1)
        highest = np.max(entropies, axis=1, where=known, initial=-np.inf)
        lowest = np.min(entropies, axis=1, where=known, initial=np.inf)
        constant = highest - lowest < CONSTANT
        share = np.where(constant, 0.0, residual / np.where(total > 0, total, 1.0))
        return np.where(count > 1, np.clip(share, 0.0, 1.0), np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        trace = signals.trace
        if not trace.present[row]:
            return None
        return "fewer than two token entropies in the chain of thought"
