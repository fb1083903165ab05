"""Estimators of consensus: how firmly do option orders, or prompts, stand behind one answer?"""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..signals.batch import Need, Signal, Signals
from ..signals.probabilities import pick, shares, stack_distributions
from ..signals.tables import BoolArray, FloatArray, IntArray
from .perturbations import FAMILY

PROMPTS = tuple(f"paraphrase_{i}" for i in range(1, 5))
_NEEDS: dict[str, frozenset[Signal | Need]] = {
    "orders": frozenset({Signal.PERMUTED_ANSWERS}),
    "prompts": frozenset(Signal.PROMPTED_ANSWERS.variant(name) for name in PROMPTS),
}


class _ConsensusEstimator(Estimator):
    """``over`` is "orders" (cyclic option orders) or "prompts" (the four prompt variants)."""

    needs = _NEEDS["orders"]
    family = FAMILY
    cost = "x"

    def __init__(self, over: str = "orders") -> None:
        self.over = one_of("over", over, tuple(_NEEDS))
        self.needs = _NEEDS[self.over]

    def _answers(self, signals: Signals) -> tuple[IntArray, BoolArray, FloatArray]:
        """Return answers (n, r), whether they were asked for (n, r), and p (n, r, K)."""
        if self.over == "orders":
            table = signals.permuted_answers
            return table.answers, table.shifts >= 0, table.option_probs
        tables = [signals.prompted_answers[name].only for name in PROMPTS]
        answers = np.stack([one.answer for one in tables], axis=1)
        asked = np.stack([one.present for one in tables], axis=1)
        return answers, asked, stack_distributions([one.option_probs for one in tables])

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        answers, asked, _ = self._answers(signals)
        if not asked[row].any():
            return None
        if asked[row].sum() < 2:
            return "fewer than two answers to compare"
        named = (asked[row] & (answers[row] >= 0)).any()
        return "no option probabilities stored" if named else "no answer named an option"


class MajorityMargin(_ConsensusEstimator):
    """1 - (share of the most frequent answer - share of the second), in [0, 1].

    Over the option orders or prompts; one under which no option was chosen agrees with none.
    """

    name = "majority_margin"
    reference = "arXiv 2510.14242; margin: Scheffer et al. 2001"

    def score(self, signals: Signals) -> FloatArray:
        answers, asked, _ = self._answers(signals)
        votes: FloatArray = shares(answers, asked.astype(np.float64))[:, :-1]
        ordered: FloatArray = np.sort(np.pad(votes, ((0, 0), (2, 0))), axis=1)
        named: BoolArray = (asked & (answers >= 0)).any(axis=1)
        margin = ordered[:, -1] - ordered[:, -2]
        return np.where((asked.sum(axis=1) > 1) & named, 1.0 - margin, np.nan)


class ConsensusCrossEntropy(_ConsensusEstimator):
    """-(1/R) Σ_r ln p_r(c), nats, in [0, ∞], with c the most frequent answer of all R.

    Among equally frequent answers, c is the one of the largest mean probability, then the first
    option. Orders or prompts without probabilities do not count.
    """

    name = "consensus_cross_entropy"
    reference = "arXiv 2510.14242"

    def score(self, signals: Signals) -> FloatArray:
        answers, asked, p = self._answers(signals)
        if not p.shape[2]:  # no question of the batch has options
            return np.full(len(signals), np.nan)
        there: BoolArray = asked & ~np.isnan(p).all(axis=2)
        count: IntArray = np.maximum(there.sum(axis=1), 1)
        votes: IntArray = ((answers[:, :, None] == np.arange(p.shape[2])) & asked[:, :, None]).sum(
            axis=1
        )
        total: FloatArray = np.where(there[:, :, None], np.nan_to_num(p), 0.0).sum(axis=1)
        mean = total / count[:, None]
        leading: BoolArray = votes == votes.max(axis=1, initial=0)[:, None]
        # Rounded, so that means which differ by their last bit are tied.
        best: IntArray = np.where(leading, np.round(mean, 12), -1.0).argmax(axis=1)
        chosen = np.stack([pick(p[:, r], best) for r in range(p.shape[1])], axis=1)
        surprise: FloatArray = np.where(there, -np.log(np.where(there, chosen, 1.0)), 0.0)
        loss: FloatArray = surprise.sum(axis=1) / count
        usable: BoolArray = (asked.sum(axis=1) > 1) & (votes.sum(axis=1) > 0) & there.any(axis=1)
        return np.where(usable, loss + 0.0, np.nan)
