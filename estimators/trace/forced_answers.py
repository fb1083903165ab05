"""Estimators that read answers forced out of a chain of thought, at its end and on the way.

A cue ("The answer is [[") is appended to the text, so that every trace has an answer distribution,
whether it was finished, cut, or ended without an answer. ``p_r`` is the distribution over the K
options at point r of R, the last of which is the end of the trace; ``q`` the distribution over the
vocabulary there.
"""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..core.trace_parts import FAMILY
from ..signals.batch import ForcedAnswersTable, Signal, Signals
from ..signals.probabilities import entropy, pick, row_mean, top_two
from ..signals.tables import FloatArray, IntArray

_NOISE = 1e-9
"""Entropies of equal distributions differ by less, in whichever order their options are summed."""


class _ForcedEstimator(Estimator):
    needs = frozenset({Signal.FORCED_ANSWERS})
    family = FAMILY
    cost = "m"
    reference = "apprehend"
    lacking = "no option probabilities after the cue"

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return self.lacking if signals.table(ForcedAnswersTable).present[row] else None


class ForcedAnswerEntropy(_ForcedEstimator):
    """-Σ q ln q after the answer cue at the end of the trace, in [0, ln V]."""

    name = "forced_answer_entropy"
    is_entropy = True
    reference = "arXiv 2506.21220; forced: apprehend"
    lacking = "engine has no full vocabulary"

    def score(self, signals: Signals) -> FloatArray:
        table = signals.table(ForcedAnswersTable)
        return pick(table.entropies, _last(table))


class ForcedOptionEntropy(_ForcedEstimator):
    """-Σ p ln p over the options after the answer cue at the end of the trace, in [0, ln K]."""

    name = "forced_option_entropy"
    is_entropy = True
    reference = "Shannon 1948; forced: apprehend"

    def score(self, signals: Signals) -> FloatArray:
        return entropy(_final(signals))


class ForcedMaxProbability(_ForcedEstimator):
    """1 - max p over the options after the answer cue at the end of the trace, in [0, 1 - 1/K]."""

    name = "forced_max_probability"
    is_probability = True
    reference = "arXiv 1610.02136; forced: apprehend"

    def score(self, signals: Signals) -> FloatArray:
        return 1.0 - top_two(_final(signals))[0]


class AnswerConvergence(_ForcedEstimator):
    """Share of the trace after which the forced answer no longer changes, in [0, 1].

    The first of the R points from which on every forced answer is the last one's: 0 where the
    reasoning changes nothing, 1 where the answer comes with its end. A user may stop there.
    """

    name = "answer_convergence"
    lacking = "no forced answers"

    def score(self, signals: Signals) -> FloatArray:
        table = signals.table(ForcedAnswersTable)
        if not table.answers.shape[1]:
            return np.full(len(table.answers), np.nan)
        last = _last(table)
        final = pick(table.answers.astype(np.float64), last)
        places = np.arange(table.answers.shape[1])
        other = (table.answers != final[:, None]) & (places <= last[:, None])
        first = np.where(other.any(axis=1), places.size - np.argmax(other[:, ::-1], axis=1), 0)
        return np.where(last >= 0, pick(table.points, first.astype(np.int64)), np.nan)


class TrajectoryEntropy(_ForcedEstimator):
    """(1/R) Σ_r H(p_r), the mean option entropy over the points of the trace, nats, in [0, ln K].

    Low where the model knows its answer early in its reasoning, whatever it ends in.
    """

    name = "trajectory_entropy"

    def score(self, signals: Signals) -> FloatArray:
        return row_mean(entropy(signals.table(ForcedAnswersTable).option_probs))


class TrajectoryViolations(_ForcedEstimator):
    """Number of rises of the option entropy from one point of the trace to the next, in 0..R-1.

    A rise is H(p_r) > H(p_{r-1}), by more than 1e-9 nats; ``measure`` "share" divides their number
    by R - 1. In the source, chains whose entropy falls at every step are right more often, and how
    far it falls in all does not matter; it samples answers after each step, here p_r is read off
    the forced answer, at about each quarter of the trace.
    """

    name = "trajectory_violations"
    reference = "arXiv 2603.18940"
    lacking = "fewer than two forced answers with option probabilities"

    def __init__(self, measure: str = "count") -> None:
        self.measure = one_of("measure", measure, ("count", "share"))

    def score(self, signals: Signals) -> FloatArray:
        entropies = entropy(signals.table(ForcedAnswersTable).option_probs)
        changes = np.diff(entropies, axis=1)
        steps = (~np.isnan(changes)).sum(axis=1)
        rises = (changes > _NOISE).sum(axis=1).astype(np.float64)
        if self.measure == "share":
            rises = rises / np.maximum(steps, 1)
        return np.where(steps > 0, rises, np.nan)


def _last(table: ForcedAnswersTable) -> IntArray:
    """(n,) index of each row's last point, -1 for a row without points."""
    count: IntArray = (~np.isnan(table.points)).sum(axis=1)
    return count - 1


def _final(signals: Signals) -> FloatArray:
    """(n, K) the options' probabilities at the last point."""
    table = signals.table(ForcedAnswersTable)
    probs = table.option_probs
    last = _last(table)
    shown = (last >= 0) & (last < probs.shape[1])
    result = np.full((len(probs), max(1, probs.shape[2])), np.nan)
    rows = np.flatnonzero(shown)
    result[rows, : probs.shape[2]] = probs[rows, last[rows]]
    return result
