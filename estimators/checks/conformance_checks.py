"""The checks of the conformance suite, one function each; see ``conformance``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.estimator import Estimator, evaluate, fresh, reasons
from ..learning.cross_fitting import Folds, cross_fit
from ..signals.batch import Need, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray
from .alterations import (
    all_tables,
    certain,
    more_padding,
    other_outcomes,
    rotated_options,
    unobserved,
)
from .synthetic import SyntheticQuestions

TOLERANCE = 1e-9


class CheckSkipped(Exception):
    """The check does not apply; the message says why."""


class CheckFailed(Exception):
    """The estimator does not conform; the message says where."""


class Bench:
    """An estimator with questions, scored out of fold if it learns."""

    def __init__(self, estimator: Estimator, made: SyntheticQuestions) -> None:
        self.estimator = estimator
        self.signals = made.signals
        self.pristine = made.signals.take(np.arange(len(made.signals)))
        self.correct = made.correct
        plan = Folds(count=3)
        self.folds = plan.assign(self.signals, self.correct.astype(np.int64), topics=False)
        self._scores: FloatArray | None = None

    @property
    def scores(self) -> FloatArray:
        """Return the (n,) scores of the unaltered questions."""
        if self._scores is None:
            self._scores = self.score(self.signals)
        return self._scores

    def score(self, signals: Signals, correct: BoolArray | None = None) -> FloatArray:
        """Return the (n,) scores of a new instance, on the same folds."""
        if not self.estimator.learns:
            return evaluate(fresh(self.estimator), signals)
        labels = self.correct if correct is None else correct
        return cross_fit(self.estimator, signals, labels, self.folds).scores

    def same(self, scores: FloatArray, expected: FloatArray, what: str) -> None:
        """Fail if scores differ from those expected; NaN equals NaN."""
        close = np.isclose(scores, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        if not close.all():
            row = int(np.flatnonzero(~close)[0])
            raise CheckFailed(
                f"{what}: {int((~close).sum())} of {len(scores)} scores changed, the first is "
                f"scores[{row}]: {expected[row]:.12g} became {scores[row]:.12g}"
            )

    def per_question(self) -> None:
        """Skip the check for estimators whose scores come from folds of many questions."""
        if self.estimator.learns:
            raise CheckSkipped("learns: a score depends on the questions it was fitted on")


def check_metadata(bench: Bench) -> None:
    """Check ``name``, ``needs``, a docstring, and parameters kept as attributes."""
    cls = type(bench.estimator)
    if not isinstance(getattr(cls, "name", None), str) or not cls.name:
        raise CheckFailed(f"Expected `name` to be a text, but got {getattr(cls, 'name', None)!r}")
    if not (cls.__doc__ or "").strip():
        raise CheckFailed("Expected a docstring that says what the score is, but got none")
    for need in bench.estimator.requirements():
        if not isinstance(need, Need):
            raise CheckFailed(f"Expected `needs` to hold signals, but got {need!r}")
    fresh(bench.estimator)


def check_shape(bench: Bench) -> None:
    """Check for (n,) numbers, with a score for every question (all have all signals)."""
    missing = int(np.isnan(bench.scores).sum())
    if missing:
        raise CheckFailed(f"{missing} of {len(bench.scores)} complete questions have no score")


def check_orientation(bench: Bench) -> None:
    """Check that wrong answers score higher than right ones, significantly above chance."""
    if bench.estimator.is_control:
        raise CheckSkipped("a control: it claims nothing of correctness")
    from scipy.stats import rankdata

    wrong = ~bench.correct
    errors, right = int(wrong.sum()), int(bench.correct.sum())
    total = float(rankdata(bench.scores)[wrong].sum())
    auc = (total - errors * (errors + 1) / 2) / (errors * right)
    chance = 2.0 * np.sqrt((errors + right + 1) / (12.0 * errors * right))
    if auc < 0.5 + chance:
        side = "below" if auc < 0.5 - chance else "not above"
        raise CheckFailed(f"AUC of errors is {auc:.3f}, {side} chance: higher must mean more wrong")


def check_probability(bench: Bench) -> None:
    """Check that a score that claims to be a probability lies in [0, 1]."""
    if not bench.estimator.is_probability:
        raise CheckSkipped("does not claim to be a probability (`is_probability`)")
    outside = (bench.scores < -TOLERANCE) | (bench.scores > 1 + TOLERANCE)
    if outside.any():
        raise CheckFailed(
            f"Expected probabilities in [0, 1], but got {bench.scores.min():.6g} to "
            f"{bench.scores.max():.6g}"
        )


def check_determinism(bench: Bench) -> None:
    """Check that the same questions give the same scores, also from a new instance."""
    again = bench.score(bench.signals)
    if not np.array_equal(again, bench.scores, equal_nan=True):
        raise CheckFailed("a second evaluation gives other scores")


def check_inputs_unchanged(bench: Bench) -> None:
    """Check that ``score`` and ``fit`` do not modify the signals."""
    shown = bench.pristine.take(np.arange(len(bench.signals)))
    bench.score(shown)
    kept, after = all_tables(bench.pristine), all_tables(shown)
    for old, new in zip(kept, after, strict=True):
        for name in old.kinds():
            if not _equal(getattr(old, name), getattr(new, name)):
                raise CheckFailed(f"{type(old).__name__}.{name} was changed in place")


def _equal(old: Any, new: Any) -> bool:
    if old.dtype.kind == "f":
        return bool(np.array_equal(old, new, equal_nan=True))
    return bool(np.array_equal(old, new))


def check_row_order(bench: Bench) -> None:
    """Check that scores do not depend on the order of the questions."""
    order = np.random.default_rng(1).permutation(len(bench.signals))
    shuffled = bench.signals.take(order)
    if bench.estimator.learns:
        folds = bench.folds[order]
        scores = cross_fit(bench.estimator, shuffled, bench.correct[order], folds).scores
    else:
        scores = bench.score(shuffled)
    bench.same(scores, bench.scores[order], "after reordering the questions")


def check_batches(bench: Bench) -> None:
    """Check that a question's score does not depend on the others in its batch."""
    bench.per_question()
    rows = np.arange(len(bench.signals))
    parts = [bench.score(bench.signals.take(part)) for part in np.array_split(rows, 7)]
    bench.same(np.concatenate(parts), bench.scores, "in smaller batches")


def check_padding(bench: Bench) -> None:
    """Check that longer padding, as in a batch with more options or tokens, changes nothing."""
    bench.same(bench.score(more_padding(bench.signals)), bench.scores, "with more padding")


def check_one_question(bench: Bench) -> None:
    """Check batches of one question and of none."""
    bench.per_question()
    for row in (0, len(bench.signals) - 1):
        one = np.array([row])
        bench.same(bench.score(bench.signals.take(one)), bench.scores[one], "alone")
    bench.score(bench.signals.take(np.empty(0, dtype=np.int64)))


def check_ties(bench: Bench) -> None:
    """Check that questions with the same signals get the same score."""
    if bench.estimator.is_control:
        raise CheckSkipped("a control may depend on the question's id")
    bench.per_question()
    rows = np.repeat(np.arange(10), 2)
    twins = bench.signals.take(rows)
    scores = bench.score(twins)
    bench.same(scores[1::2], scores[::2], "for the same signals twice")


def check_option_names(bench: Bench) -> None:
    """Check that renaming the options, with all references to them, changes nothing."""
    if bench.estimator.reads_positions:
        raise CheckSkipped("reads_positions: an option's place is part of the evidence")
    renamed = rotated_options(bench.signals)
    bench.same(bench.score(renamed), bench.scores, "after renaming the options")


def check_missing(bench: Bench) -> None:
    """Check that unobserved questions get NaN and a reason, and the others keep their scores."""
    if not bench.estimator.requirements():
        raise CheckSkipped("needs no signals")
    rows = np.arange(1, len(bench.signals), 5)
    holes = unobserved(bench.signals, rows)
    scores = bench.score(holes)
    scored = np.flatnonzero(~np.isnan(scores[rows]))
    if len(scored):
        row = int(rows[scored[0]])
        raise CheckFailed(
            f"scores[{row}] of a question that was not observed is {scores[row]:.6g}, not NaN"
        )
    if bench.estimator.learns:
        why = cross_fit(bench.estimator, holes, bench.correct, bench.folds).reasons
    else:
        why = reasons(fresh(bench.estimator), holes, scores)
        others = np.setdiff1d(np.arange(len(scores)), rows)
        bench.same(scores[others], bench.scores[others], "beside missing questions")
    if not all(isinstance(why[row], str) and why[row] for row in rows):
        raise CheckFailed("Expected a reason for every missing score, but got none for some")


def check_certainty(bench: Bench) -> None:
    """Check that probabilities of exactly 0 and 1 give a score, not NaN."""
    rows = np.arange(0, len(bench.signals), 4)
    scores = bench.score(certain(bench.signals, rows))
    lost = rows[np.isnan(scores[rows])]
    if len(lost):
        raise CheckFailed(
            f"{len(lost)} of {len(rows)} questions with certain answers have no score"
        )


def check_unfitted(bench: Bench) -> None:
    """Check that an estimator that learns refuses to score before ``fit``."""
    if not bench.estimator.learns:
        raise CheckSkipped("does not learn")
    try:
        evaluate(fresh(bench.estimator), bench.signals)
    except EstimatorError:
        return
    raise CheckFailed("gives scores before `fit`; raise EstimatorError (see require_fit)")


def check_held_out(bench: Bench) -> None:
    """Check that outcomes of a fold do not influence its scores."""
    if not bench.estimator.learns:
        raise CheckSkipped("does not learn")
    held_out = bench.folds == 0
    flipped = np.where(held_out, ~bench.correct, bench.correct)
    changed = other_outcomes(bench.signals, np.flatnonzero(held_out))
    scores = bench.score(changed, flipped)
    bench.same(scores[held_out], bench.scores[held_out], "after flipping held-out outcomes")


CHECKS: dict[str, Callable[[Bench], None]] = {
    "metadata": check_metadata,
    "shape": check_shape,
    "orientation": check_orientation,
    "probability": check_probability,
    "determinism": check_determinism,
    "inputs unchanged": check_inputs_unchanged,
    "row order": check_row_order,
    "batches": check_batches,
    "padding": check_padding,
    "one question": check_one_question,
    "ties": check_ties,
    "option names": check_option_names,
    "missing questions": check_missing,
    "certain answers": check_certainty,
    "unfitted": check_unfitted,
    "held out": check_held_out,
}
"""Name → check; each raises where the estimator does not conform."""
