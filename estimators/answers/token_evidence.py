"""Estimators that read the raw logits at the answer token as evidence."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of, whole_number
from ..signals.batch import Signal, Signals
from ..signals.tables import FloatArray


class LogTokU(Estimator):
    """AU · EU of the k largest raw logits z, read as a Dirichlet distribution, in [0, ln k).

    α = max(z, 0) counts the evidence for each token, α₀ = Σ α. The aleatoric part
    AU = Σ (α / α₀) (ψ(α₀ + 1) - ψ(α + 1)), nats, is the expected entropy; the epistemic part
    EU = k / (α₀ + k), in (0, 1], is large where there is little evidence. ``measure`` "product",
    "aleatoric" or "epistemic". Log-probabilities do not determine it: logits that differ by a
    constant have the same ones. Without a score where fewer than ``k`` are stored.
    """

    name = "logtoku"
    needs = frozenset({Signal.ANSWER})
    family = "answer distribution"
    reference = "arXiv 2502.00290"

    def __init__(self, measure: str = "product", k: int = 10) -> None:
        self.measure = one_of("measure", measure, ("product", "aleatoric", "epistemic"))
        self.k = whole_number("k", k, 2)

    def score(self, signals: Signals) -> FloatArray:
        from scipy.special import digamma

        logits = self._logits(signals)
        if logits.shape[1] < self.k:
            return np.full(len(signals), np.nan)
        evidence = np.maximum(logits, 0.0)
        total = evidence.sum(axis=1)
        epistemic = self.k / (total + self.k)
        if self.measure == "epistemic":
            return epistemic
        share = evidence / np.where(total > 0, total, np.nan)[:, None]
        gaps = digamma(total + 1.0)[:, None] - digamma(evidence + 1.0)
        aleatoric = np.maximum((share * gaps).sum(axis=1), 0.0)
        return np.asarray(aleatoric * epistemic if self.measure == "product" else aleatoric)

    def _logits(self, signals: Signals) -> FloatArray:
        """(n, k) the largest raw logits; fewer columns if fewer are stored."""
        answer = signals.answer
        return answer.top_logprobs[:, : self.k] + answer.log_normalizer[:, None]

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        answer = signals.answer
        if not answer.present[row]:
            return None
        if np.isnan(answer.log_normalizer[row]):
            return "no raw logits stored"
        if (~np.isnan(answer.top_logprobs[row])).sum() < self.k:
            return f"fewer than {self.k} logits stored"
        return "no logit above 0, thus no evidence"
