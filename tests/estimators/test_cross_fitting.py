"""Out-of-fold scores: whatever an estimator tries, no question's outcome reaches its own score."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from apprehend.estimators import Estimator, EstimatorError, Signal, Signals, evaluate
from apprehend.estimators.checks.alterations import other_outcomes
from apprehend.estimators.checks.synthetic import synthetic_questions
from apprehend.estimators.controls import TopicErrorRate
from apprehend.estimators.learning.cross_fitting import Folds, cross_fit
from apprehend.estimators.trained.calibration import Isotonic, Platt, TemperatureScaled
from apprehend.estimators.trained.supervised import HiddenStateProbe, Stacked
from sklearn.metrics import roc_auc_score

MADE = synthetic_questions(240, seed=5)
SIGNALS, CORRECT = MADE.signals, MADE.correct


def auc(scores: Any) -> float:
    return float(roc_auc_score(~CORRECT, scores))


class _Memory(Estimator):
    """Tries to leak: remembers the outcome of every question that ``fit`` ever showed it."""

    name = "memory"
    needs = frozenset({Signal.ANSWER})

    def __init__(self) -> None:
        self.seen: dict[Any, float] = {}

    def fit(self, signals: Signals, correct: Any) -> None:
        wrong = (~correct).astype(float)
        self.seen.update(zip(signals.question_id.tolist(), wrong.tolist(), strict=True))

    def score(self, signals: Signals) -> Any:
        return [self.seen.get(question, 0.5) for question in signals.question_id.tolist()]


class _Peeking(Estimator):
    """Tries to leak: reads outcomes and right options from the signals that it scores."""

    name = "peeking"
    needs = frozenset({Signal.ANSWER, Signal.TRACE})

    def fit(self, signals: Signals, correct: Any) -> None:
        assert signals.gold is not None

    def score(self, signals: Signals) -> Any:
        assert signals.gold is None
        return -signals.answer.correct - signals.trace.correct


def test_a_memory_of_outcomes_is_worth_nothing() -> None:
    memory = _Memory()
    memory.fit(SIGNALS, CORRECT)
    assert auc(evaluate(memory, SIGNALS)) == 1.0
    fitted = cross_fit(memory, SIGNALS, CORRECT)
    assert (fitted.scores == 0.5).all()


def test_outcomes_in_the_signals_are_hidden() -> None:
    assert len(np.unique(cross_fit(_Peeking(), SIGNALS, CORRECT).scores)) == 1
    assert len(np.unique(evaluate(_Peeking(), SIGNALS))) == 1


@pytest.mark.parametrize(
    "estimator",
    [
        HiddenStateProbe(),
        TemperatureScaled(),
        Platt(base="weighted_epr"),
        Isotonic(base="stacked"),
        Stacked(bases=("hidden_state_probe", "option_entropy")),
    ],
    ids=lambda e: e.label,
)
def test_scores_do_not_depend_on_the_held_out_outcomes(estimator: Estimator) -> None:
    fold = Folds(count=4, by="stratified").assign(SIGNALS, CORRECT.astype(np.int64))
    before = cross_fit(estimator, SIGNALS, CORRECT, fold).scores
    held_out = fold == 2
    other = other_outcomes(SIGNALS, np.flatnonzero(held_out))
    after = cross_fit(estimator, other, np.where(held_out, ~CORRECT, CORRECT), fold).scores
    np.testing.assert_array_equal(after[held_out], before[held_out])
    assert not np.array_equal(after[~held_out], before[~held_out])


class _Fresh(_Memory):
    """Says how much it had seen before it learned: a base fitted on what it then scores."""

    name = "fresh"

    def score(self, signals: Signals) -> Any:
        known = [self.seen.get(question) for question in signals.question_id.tolist()]
        return [0.5 if wrong is None else wrong for wrong in known]


def test_a_calibrator_learns_from_scores_of_unseen_questions(monkeypatch: Any) -> None:
    """Fitted on in-sample scores of a memorizing base, it would trust them completely."""
    monkeypatch.setattr(
        "apprehend.estimators.registry.load_estimator", lambda spec: _Fresh(), raising=True
    )
    calibrated = Isotonic(base="fresh")
    rows = np.arange(120)
    calibrated.fit(SIGNALS.take(rows), CORRECT[rows])
    wrong_base_score = calibrated.score(SIGNALS.take(rows))
    rate = float((~CORRECT[rows]).mean())
    # Out of fold the base says 0.5 throughout: the calibrator knows the error rate and no more.
    np.testing.assert_allclose(wrong_base_score, rate)


def test_topics_are_held_out_whole() -> None:
    fold = Folds(count=3, by="topic").assign(SIGNALS, CORRECT.astype(np.int64))
    for topic in set(SIGNALS.topic.tolist()):
        assert len(np.unique(fold[SIGNALS.topic == topic])) == 1
    assert set(fold.tolist()) == {0, 1, 2}
    sizes = np.bincount(fold)
    assert sizes.max() - sizes.min() <= 40


def test_stratified_folds_have_equal_shares_and_ignore_the_order_of_rows() -> None:
    plan = Folds(count=4, by="stratified", seed=3)
    outcome = CORRECT.astype(np.int64)
    fold = plan.assign(SIGNALS, outcome)
    shares = [CORRECT[fold == f].mean() for f in range(4)]
    assert max(shares) - min(shares) < 0.03
    order = np.random.default_rng(0).permutation(len(SIGNALS))
    np.testing.assert_array_equal(plan.assign(SIGNALS.take(order), outcome[order]), fold[order])
    other = Folds(count=4, by="stratified", seed=4).assign(SIGNALS, outcome)
    assert not np.array_equal(other, fold)


def test_an_estimator_of_topics_never_has_its_topics_held_out() -> None:
    fitted = cross_fit(TopicErrorRate(), SIGNALS, CORRECT, Folds(count=3, by="topic"))
    assert not np.isnan(fitted.scores).any()


def test_one_topic_cannot_be_held_out() -> None:
    one = replace(SIGNALS, topic=np.full(len(SIGNALS), "law", dtype=object))
    with pytest.raises(EstimatorError, match="Expected two topics or more to hold out, but got"):
        cross_fit(HiddenStateProbe(), one, CORRECT, Folds(by="topic"))
    assert not np.isnan(cross_fit(HiddenStateProbe(), one, CORRECT, Folds(by="auto")).scores).any()


def test_one_class_of_outcomes_gives_no_score_and_a_reason() -> None:
    fitted = cross_fit(HiddenStateProbe(), SIGNALS, np.ones(len(SIGNALS), dtype=bool))
    assert np.isnan(fitted.scores).all()
    assert set(fitted.reasons) == {
        "Expected right and wrong answers to learn from, but got right ones"
    }


def test_one_fold_with_all_errors_leaves_only_its_own_scores_missing() -> None:
    fold = np.where(CORRECT, np.arange(len(SIGNALS)) % 2, 0)
    fitted = cross_fit(HiddenStateProbe(), SIGNALS, CORRECT, fold)
    # Fold 1 holds right answers only, so the rest of fold 0 cannot be learned from.
    np.testing.assert_array_equal(np.isnan(fitted.scores), fold == 0)
    assert all(isinstance(why, str) for why in fitted.reasons[fold == 0])
    np.testing.assert_array_equal(fitted.fold, fold)


def test_unknown_outcomes_are_scored_and_not_learned_from() -> None:
    unknown = np.arange(len(SIGNALS)) % 4 == 0
    outcome = np.where(unknown, -1, CORRECT.astype(np.int64))
    fold = np.arange(len(SIGNALS)) % 3
    scores = cross_fit(HiddenStateProbe(), SIGNALS, outcome, fold).scores
    assert not np.isnan(scores).any()
    kept = np.flatnonzero(~unknown)
    alone = cross_fit(HiddenStateProbe(), SIGNALS.take(kept), CORRECT[kept], fold[kept]).scores
    np.testing.assert_allclose(scores[kept], alone, rtol=1e-12)


def test_missing_right_options_are_said_to_be_missing() -> None:
    fitted = cross_fit(TemperatureScaled(), replace(SIGNALS, gold=None), CORRECT)
    assert np.isnan(fitted.scores).all()
    assert "Expected the right option of each question" in fitted.reasons[0]


def test_an_error_in_fit_names_the_estimator() -> None:
    class Broken(_Memory):
        """Cannot be fitted."""

        name = "broken"

        def fit(self, signals: Signals, correct: Any) -> None:
            raise KeyError("no")

    fitted = cross_fit(Broken(), SIGNALS, CORRECT)
    assert "estimator 'broken' failed in fit: KeyError: 'no'" in fitted.reasons[0]


def test_bases_decide_needs_and_cost() -> None:
    stacked = Stacked(bases=("vote_share", "platt(base='p_true')"))
    assert {str(need) for need in stacked.requirements()} == {
        "samples[direct]",
        "answer or trace",
        "self_report[p_true]",
    }
    assert stacked.cost == "x"
    assert stacked.label == "stacked(bases=('vote_share', \"platt(base='p_true')\"))"


def test_a_base_without_scores_is_left_out() -> None:
    answer = replace(SIGNALS.answer, entropy=np.full(len(SIGNALS), np.nan))
    signals = replace(SIGNALS, tables={**SIGNALS.tables, Signal.ANSWER: answer})
    two = cross_fit(Stacked(bases=("token_entropy", "option_entropy")), signals, CORRECT)
    one = cross_fit(Stacked(bases=("option_entropy",)), signals, CORRECT)
    np.testing.assert_allclose(two.scores, one.scores)
