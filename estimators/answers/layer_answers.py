"""Estimators that read the answer which each layer of the model would give."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..signals.batch import LayerAnswersTable, Signal, Signals
from ..signals.probabilities import entropy, row_mean
from ..signals.tables import BoolArray, FloatArray


class LayerDisagreement(Estimator):
    """Share of the layers in the upper half whose option differs from the last layer's, in [0, 1].

    p_l is the distribution over the K options under the output head after layer l of L (logit
    lens); the layers are those above L / 2 but the last one. ``measure`` "entropy" is the mean of
    H(p_l) over them, nats, in [0, ln K]. Without a score for models of fewer than three layers.
    """

    name = "layer_disagreement"
    needs = frozenset({Signal.LAYER_ANSWERS})
    family = "answer distribution"
    reference = "logit lens: arXiv 2303.08112; share: apprehend"

    def __init__(self, measure: str = "option") -> None:
        self.measure = one_of("measure", measure, ("option", "entropy"))

    def score(self, signals: Signals) -> FloatArray:
        p = signals.table(LayerAnswersTable).option_probs
        known = ~np.isnan(p).all(axis=2)
        upper = known & _upper_half(known)
        if self.measure == "entropy":
            return row_mean(np.where(upper, entropy(p), np.nan))
        differs = np.where(upper, _differs_from_last(p, known), np.nan)
        return row_mean(differs)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        table = signals.table(LayerAnswersTable)
        if not table.present[row]:
            return None
        known = ~np.isnan(table.option_logprobs[row]).all(axis=1)
        return "fewer than three layers" if known.any() else "the model's layers cannot be read"


def _upper_half(known: BoolArray) -> BoolArray:
    """Return (n, L) whether a layer is above half of its row's layers, and not the last of them."""
    count = known.sum(axis=1)[:, None]
    place = np.arange(known.shape[1])
    inside: BoolArray = (place >= count // 2) & (place < count - 1)
    return inside


def _differs_from_last(p: FloatArray, known: BoolArray) -> FloatArray:
    """Return (n, L) 1 where no option is the most probable one both there and in the last layer."""
    filled = np.where(np.isnan(p), -1.0, p)
    best = (filled == filled.max(axis=2, keepdims=True, initial=-1.0)) & ~np.isnan(p)
    last = np.maximum(known.sum(axis=1) - 1, 0)
    if not best.shape[1]:
        return np.zeros(known.shape)
    final = np.take_along_axis(best, last[:, None, None], axis=1)
    return 1.0 - (best & final).any(axis=2).astype(np.float64)
