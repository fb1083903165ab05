"""Cross-fitting of estimators that learn: no question is scored by an instance trained on it.

Every fold gets a new instance, fitted on the rows of the other folds alone; ``score`` then sees the
fold's signals without outcomes. Folds depend on question ids, topics and a seed, not on row order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..core.estimator import Estimator, evaluate, fresh, reasons
from ..core.parameters import one_of, whole_number
from ..signals.batch import Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray, IntArray, ObjectArray


@dataclass(frozen=True)
class Folds:
    """How questions are divided into folds.

    Attributes:
        count: number of folds, at least 2; with "topic", no more than there are topics.
        by: "topic" keeps each topic in one fold; "stratified" gives every fold the same share of
            right answers; "auto" is "topic" if there are at least ``count`` topics, else
            "stratified".
        seed: seed of the order within equals.
    """

    count: int = 5
    by: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        whole_number("count", self.count, 2)
        one_of("by", self.by, ("auto", "topic", "stratified"))

    def assign(self, signals: Signals, outcome: IntArray, topics: bool = True) -> IntArray:
        """Assign each question to a fold.

        Args:
            signals: the batch of n questions.
            outcome: (n,) 1 right, 0 wrong, -1 unknown.
            topics: whether topics may be held out.

        Returns:
            (n,) folds in 0..count-1.

        Raises:
            EstimatorError: there are fewer than two topics to hold out.
        """
        names = sorted({str(topic) for topic in signals.topic.tolist()})
        by_topic = self.by == "topic" or (self.by == "auto" and len(names) >= self.count)
        if by_topic and topics:
            if len(names) < 2:
                raise EstimatorError(
                    f"Expected two topics or more to hold out, but got {', '.join(names) or 'none'}"
                )
            return self._by_topic(signals.topic, min(self.count, len(names)))
        return self._stratified(signals.question_id, outcome)

    def _by_topic(self, topic: ObjectArray, count: int) -> IntArray:
        """Put topics, largest first, into the smallest fold; equal sizes in a seeded order."""
        texts = [str(t) for t in topic.tolist()]
        sizes = {name: texts.count(name) for name in set(texts)}
        filled = [0] * count
        chosen: dict[str, int] = {}
        for name in sorted(sizes, key=lambda n: (-sizes[n], _rank(self.seed, n))):
            smallest = filled.index(min(filled))
            chosen[name] = smallest
            filled[smallest] += sizes[name]
        return np.array([chosen[name] for name in texts], dtype=np.int64)

    def _stratified(self, question_id: npt.NDArray[Any], outcome: IntArray) -> IntArray:
        """Deal out the questions of each outcome in turn, in a seeded order of their ids."""
        ranks = _ranks(self.seed, tuple(map(str, question_id.tolist())))
        order: IntArray = np.lexsort((ranks, outcome))
        fold = np.empty(len(outcome), dtype=np.int64)
        fold[order] = np.arange(len(outcome)) % self.count
        return fold


def _rank(seed: int, name: object) -> int:
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


@lru_cache(maxsize=1)
def _ranks(seed: int, names: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """Return the ranks of ids; all estimators that learn ask for those of the same questions."""
    return np.array([_rank(seed, name) for name in names], dtype=np.uint64)


@dataclass(frozen=True)
class CrossFitted:
    """Out-of-fold scores, with the fold of each question."""

    scores: FloatArray
    """(n,) higher = more likely wrong, NaN = no score."""
    fold: IntArray
    """(n,) the fold of the question; the instance that scored it was fitted without that fold."""
    reasons: ObjectArray
    """(n,) why a score is missing; None where there is one."""

    def __repr__(self) -> str:
        folds = len(np.unique(self.fold))
        return f"{type(self).__name__}(<{len(self.scores)} scores, {folds} folds>)"


def cross_fit(
    estimator: Estimator,
    signals: Signals,
    correct: npt.ArrayLike,
    folds: Folds | IntArray | None = None,
) -> CrossFitted:
    """Score every question with an instance fitted on the other folds.

    Args:
        estimator: an estimator that learns; right options, if it needs them, are ``signals.gold``.
        signals: the batch of n questions.
        correct: (n,) bool, or 1, 0 and -1 for unknown; questions with an unknown outcome are scored
            but not learned from.
        folds: how to divide the questions, or the (n,) fold of each.

    Returns:
        Scores, folds and reasons. If the other folds have one class of outcomes only, or fitting
        fails, the scores of a fold are NaN with the reason.
    """
    outcome = np.asarray(correct).astype(np.int64)
    if outcome.shape != (len(signals),):
        raise EstimatorError(
            f"Expected `correct` to be of shape ({len(signals)},), but got {outcome.shape}"
        )
    plan = Folds() if folds is None else folds
    if isinstance(plan, Folds):
        fold = plan.assign(signals, outcome, estimator.holds_out_topics)
    else:
        fold = np.asarray(plan, dtype=np.int64)
    scores = np.full(len(signals), np.nan)
    why: ObjectArray = np.full(len(signals), None, dtype=object)
    for number in np.unique(fold):
        held_out = np.flatnonzero(fold == number)
        train = np.flatnonzero((fold != number) & (outcome >= 0))
        test = signals.take(held_out).blind()
        try:
            fitted = fit_fresh(estimator, signals.take(train), outcome[train] == 1, plan)
        except EstimatorError as error:
            why[held_out] = str(error)
            continue
        scores[held_out] = evaluate(fitted, test)
        why[held_out] = reasons(fitted, test, scores[held_out])
    return CrossFitted(scores, fold, why)


def fit_fresh(
    estimator: Estimator, signals: Signals, correct: BoolArray, plan: Folds | IntArray | None = None
) -> Estimator:
    """Fit a new instance on these rows.

    Raises EstimatorError if they have one class of outcomes only, or if ``fit`` raises.
    """
    if len(np.unique(correct)) < 2:
        outcomes = "none" if len(correct) == 0 else "right ones" if correct[0] else "wrong ones"
        raise EstimatorError(f"Expected right and wrong answers to learn from, but got {outcomes}")
    fitted = fresh(estimator)
    if isinstance(plan, Folds) and hasattr(fitted, "inner_folds"):
        fitted.inner_folds = plan
    fit = cast("Callable[[Signals, BoolArray], None]", getattr(fitted, "fit", None))
    try:
        with np.errstate(all="ignore"):
            fit(signals, correct)
    except EstimatorError:
        raise
    except Exception as error:
        raise EstimatorError(
            f"estimator {estimator.label!r} failed in fit: {type(error).__name__}: {error}"
        ) from error
    return fitted
