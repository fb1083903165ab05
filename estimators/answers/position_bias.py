"""PriDe: remove the model's preference for positions from its answer. One pass after fitting."""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator, require_fit
from ..core.parameters import whole_number
from ..signals.batch import Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.probabilities import pick
from ..signals.tables import BoolArray, FloatArray, IntArray
from .perturbations import FAMILY


class PrideDebiasedProbability(Estimator):
    """1 - the debiased probability of the model's answer, in [0, 1].

    debiased p(i) ∝ p(i) / prior(i), with i a position and label at once. The prior is estimated for
    each number of options K from questions answered under all K cyclic orders: softmax over the
    positions of the mean log-probability of a position, averaged over the questions. It needs no
    outcomes; at most ``questions`` questions of each K, the first by id, are used.
    """

    name = "pride_debiased_probability"
    is_probability = True
    needs = frozenset({Signal.ANSWER, Signal.PERMUTED_ANSWERS})
    family = FAMILY
    reference = "arXiv 2309.03882"
    reads_positions = True

    def __init__(self, questions: int = 500) -> None:
        self.questions = whole_number("questions", questions, 1)
        self._priors: dict[int, FloatArray] | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Fit the prior over positions for each K; ``correct`` is not used."""
        self._priors = position_priors(signals, self.questions)

    def score(self, signals: Signals) -> FloatArray:
        priors = require_fit(self, self._priors)
        return 1.0 - pick(debiased_probabilities(signals, priors), signals.answer.answer)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        priors = require_fit(self, self._priors)
        count = int(signals.option_count[row])
        if not signals.answer.present[row]:
            return "no answer stored"
        if count not in priors:
            return f"no position prior for questions with {count} options"
        if signals.answer.answer[row] < 0:
            return "the model gave no answer"
        return "no option probabilities stored, or a position that was never given any"


def position_priors(signals: Signals, questions: int) -> dict[int, FloatArray]:
    """Estimate the prior over positions for each K, from at most ``questions`` of each, by id.

    Raises EstimatorError if no question was answered under all its option orders.
    """
    table = signals.permuted_answers
    by_position = at_positions(table.option_probs, table.shifts, signals.option_count)
    ids = [str(i) for i in signals.question_id.tolist()]
    order = np.array(sorted(range(len(ids)), key=lambda row: ids[row]), dtype=np.int64)
    priors: dict[int, FloatArray] = {}
    for count in sorted(set(signals.option_count.tolist())):
        rows = order[signals.option_count[order] == count]
        shapes = [position_prior(by_position[row, :, :count]) for row in rows]
        complete = [prior for prior in shapes if prior is not None][:questions]
        if complete:
            priors[count] = np.mean(complete, axis=0)
    if not priors:
        raise EstimatorError("Expected questions answered under all option orders, got none")
    return priors


def debiased_probabilities(signals: Signals, priors: dict[int, FloatArray]) -> FloatArray:
    """Return (n, K) probabilities ∝ p / prior; NaN where there is no prior, or it does not fit."""
    p = signals.answer.option_probs
    debiased = np.full(p.shape, np.nan)
    for count, prior in priors.items():
        rows = np.flatnonzero(signals.option_count == count)
        if count > p.shape[1]:
            continue
        weights = p[np.ix_(rows, np.arange(count))] / prior
        # 0 / 0: an option of probability 0 stays at 0 in any position.
        weights = np.where(p[rows, :count] == 0, 0.0, weights)
        total = weights.sum(axis=1, keepdims=True)
        # Positive probability where the prior is 0: the prior does not fit.
        debiased[rows, :count] = np.where(np.isfinite(total), weights / total, np.nan)
    return debiased


def at_positions(p: FloatArray, shifts: IntArray, option_count: IntArray) -> FloatArray:
    """Convert (n, R, K) distributions over original options to distributions over positions."""
    count = np.maximum(option_count, 1)[:, None, None]
    position = np.arange(p.shape[2])
    option = (position + np.maximum(shifts, 0)[:, :, None]) % count
    there = (position < count) & (shifts >= 0)[:, :, None]
    moved = np.take_along_axis(p, np.minimum(option, max(p.shape[2] - 1, 0)), axis=2)
    return np.where(there, moved, np.nan)


def position_prior(by_position: FloatArray) -> FloatArray | None:
    """Return the (K,) prior of one question from (R, K); None unless all K orders are present."""
    known = by_position[~np.isnan(by_position).any(axis=1)]
    if len(known) < by_position.shape[1]:
        return None
    logs = np.log(known).mean(axis=0)
    if np.isneginf(logs).all():
        return None
    weights = np.exp(logs - logs.max())
    prior: FloatArray = weights / weights.sum()
    return prior
