"""Thresholds by what answers cost: a wrong one, none, and one that is passed on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...statistics.intervals import NONE, Ends, percentile_interval
from ...statistics.ranking import BoolArray, FloatArray, TieBlocks

REPLICATES = 1000


@dataclass(frozen=True)
class Costs:
    """Costs of the outcomes of a question; a right answer costs nothing.

    Attributes:
        wrong: cost of a wrong answer that is given.
        abstain: cost of giving none.
        escalate: cost of passing the question on (to a person, a larger model), without errors of
            what it is passed on to; infinite where that is no option.
        escalated_risk: error rate of what it is passed on to, on the questions passed on.
    """

    wrong: float
    abstain: float = float("inf")
    escalate: float = float("inf")
    escalated_risk: float = 0.0

    @property
    def otherwise(self) -> str:
        """The cheaper of "abstain" and "escalate", the former if equal."""
        return "abstain" if self.abstain <= self.passed_on else "escalate"

    @property
    def passed_on(self) -> float:
        """Expected cost of a question that is escalated."""
        return self.escalate + self.wrong * self.escalated_risk

    @property
    def not_answered(self) -> float:
        """Expected cost of a question that is not answered."""
        return min(self.abstain, self.passed_on)

    @property
    def break_even(self) -> float:
        """Error probability above which not to answer is cheaper, at most 1."""
        return min(self.not_answered / self.wrong, 1.0) if self.wrong else 1.0


def read_costs(text: str, escalated_risk: float = 0.0) -> Costs:
    """Read costs.

    Args:
        text: For example ``wrong=10,abstain=1,escalate=3``.
        escalated_risk: Error rate of what is escalated to, in [0, 1].

    Returns:
        The costs.

    Raises:
        ValueError: A name is unknown, a value is no number of at least 0, or `wrong` or both of the
            others are missing.
    """
    values: dict[str, float] = {}
    for piece in text.split(","):
        name, _, value = piece.strip().partition("=")
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if name not in ("wrong", "abstain", "escalate") or name in values or not 0 <= number < 1e12:
            raise ValueError(
                f"expected wrong=…, abstain=…, escalate=… with numbers of at least 0, got {piece!r}"
            )
        values[name] = number
    if not values.get("wrong") or len(values) < 2:
        raise ValueError(f"expected wrong=… above 0 and abstain=… or escalate=…, got {text!r}")
    return Costs(**values, escalated_risk=escalated_risk)


def mean_cost(errors: BoolArray, kept: BoolArray, costs: Costs) -> float:
    """Compute the mean cost per question of answering those `kept` (n,); NaN without questions."""
    if not errors.size:
        return float("nan")
    paid = costs.wrong * float((errors & kept).sum()) + costs.not_answered * float((~kept).sum())
    return paid / errors.size


def cheapest_threshold(errors: BoolArray, scores: FloatArray, costs: Costs) -> float:
    """Choose the threshold of lowest mean cost; -inf where it is cheapest to answer nothing.

    A threshold keeps tie blocks as a whole. Among equally cheap ones, the largest coverage wins.

    Args:
        errors: (n,) true for an error.
        scores: (n,) without NaN; an infinite score is never answered.
        costs: the costs.

    References:
        Elkan 2001 (cost-sensitive learning); Chow 1970, doi 10.1109/TIT.1970.1054406.
    """
    blocks = TieBlocks.from_rows(errors, scores)
    rows, wrong = blocks.kept()
    paid = costs.wrong * wrong + costs.not_answered * (blocks.n - rows)
    paid = np.where(np.isfinite(blocks.scores), paid, np.inf)
    nothing = costs.not_answered * blocks.n
    usable = np.flatnonzero(paid <= min(nothing, float(paid.min(initial=np.inf))) + 1e-12)
    return float(blocks.scores[usable[-1]]) if usable.size else float("-inf")


def cost_interval(errors: BoolArray, kept: BoolArray, costs: Costs, seed: int) -> Ends:
    """Compute the 95 % percentile interval of the mean cost over resampled questions."""
    if errors.size < 10:
        return NONE
    paid = np.where(kept, np.where(errors, costs.wrong, 0.0), costs.not_answered)
    rng = np.random.default_rng(seed)
    # Costs take three values, so that a resample is a multinomial draw of their counts.
    values, counts = np.unique(paid, return_counts=True)
    drawn = rng.multinomial(paid.size, counts / paid.size, size=REPLICATES) @ values / paid.size
    return percentile_interval(drawn)
