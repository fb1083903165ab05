"""Scores and metrics of arrays against scikit-learn and SciPy."""

from __future__ import annotations

import apprehend as ap
import numpy as np
import pandas as pd
import pytest
from apprehend.reports import bootstrap_roc_auc, metric
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.metrics import brier_score_loss, roc_auc_score


def distributions(n: int = 400, options: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Option probabilities, and right options drawn from them."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(options, 0.5), n)
    return probs, np.array([rng.choice(options, p=row) for row in probs])


def test_scores_equal_scipy_and_carry_right_and_wrong() -> None:
    probs, gold = distributions()
    frame = ap.score(
        option_probs=probs, gold=gold, estimators=["option_entropy", "max_probability"]
    )
    assert list(frame) == [
        *("question_id", "topic", "answer", "correct", "option_entropy", "max_probability")
    ]
    np.testing.assert_allclose(frame["option_entropy"], entropy(probs, axis=1), atol=1e-12)
    np.testing.assert_allclose(frame["max_probability"], 1 - probs.max(axis=1), atol=1e-12)
    assert (frame["correct"] == (probs.argmax(axis=1) == gold)).all()
    assert (frame["answer"] == np.array(list("ABCDE"))[probs.argmax(axis=1)]).all()


def test_logits_letters_and_rows_of_other_lengths() -> None:
    frame = ap.score(
        option_logprobs=[[2.0, 0.0, 0.0], [5.0, 3.0]],
        gold=["A", None],
        question_id=["q1", "q2"],
        estimators="option_entropy",
    )
    assert frame["correct"].tolist() == [True, pd.NA]
    expected = [entropy(np.exp([2.0, 0.0, 0.0])), entropy(np.exp([5.0, 3.0]))]
    np.testing.assert_allclose(frame["option_entropy"], expected, atol=1e-12)


def test_every_computable_estimator_is_the_default() -> None:
    probs, gold = distributions()
    blind = ap.score(option_probs=probs)
    labeled = ap.score(option_probs=probs, gold=gold, topic=["a", "b"] * 200)
    assert {"option_entropy", "max_probability"} <= set(blind)
    assert "temperature_scaled" not in blind
    learned = set(labeled) - set(blind)
    assert "conformal_set_size" in learned
    assert not labeled.drop(columns=["question_id", "topic"]).isna().all().any()


def test_own_functions_and_classes_are_estimators() -> None:
    @ap.estimator(needs="answer", is_probability=True)
    def doubt(signals: ap.Signals) -> np.ndarray:
        """1 - max p."""
        return 1 - np.nanmax(signals.answer.option_probs, axis=1)

    probs, gold = distributions(60)
    frame = ap.score(option_probs=probs, gold=gold, estimators=[doubt])
    np.testing.assert_allclose(frame["doubt"], 1 - probs.max(axis=1))
    assert issubclass(doubt, ap.Estimator)
    assert doubt.is_probability
    assert doubt.summary() == "1 - max p."
    with pytest.raises(ap.ApprehendError, match="unknown signal 'answr'; did you mean"):
        ap.estimator(needs="answr")


def test_metrics_equal_scikit_learn_by_group() -> None:
    rng = np.random.default_rng(1)
    topics = rng.choice(["law", "math"], 600)
    errors = rng.random(600) < 0.4
    scores = np.clip(errors * 0.2 + rng.random(600) * 0.8, 0, 1)
    frame = ap.evaluate(errors, scores, by=topics, metrics=["roc_auc", "brier", "augrc"])
    values = frame.set_index(["group", "metric"])["value"]
    for group, inside in (("all", slice(None)), *((t, topics == t) for t in ("law", "math"))):
        assert values[group, "roc_auc"] == pytest.approx(
            roc_auc_score(errors[inside], scores[inside]), abs=1e-12
        )
        assert values[group, "brier"] == pytest.approx(
            brier_score_loss(errors[inside], scores[inside]), abs=1e-12
        )
    mean = (values["law", "roc_auc"] + values["math", "roc_auc"]) / 2
    assert values["macro", "roc_auc"] == pytest.approx(mean, abs=1e-12)
    assert (frame["low"] < frame["value"]).all()
    assert (frame["value"] < frame["high"]).all()
    pooled = frame[frame["group"] == "all"].iloc[0]
    assert (pooled["n"], pooled["errors"]) == (600, errors.sum())


def test_interval_of_the_auc_is_the_one_of_reports_and_others_are_close_to_it() -> None:
    """The bootstrap of any metric, applied to the AUC itself, nearly gives the AUC's interval."""
    rng = np.random.default_rng(2)
    errors = rng.random(500) < 0.5
    scores = errors * 0.5 + rng.normal(size=500)

    @metric(better="higher", name="area_again")
    def area_again(errors: np.ndarray, scores: np.ndarray) -> float:
        """ROC AUC once more."""
        return float(roc_auc_score(errors, scores))

    frame = ap.evaluate(errors, scores, metrics=["roc_auc", area_again]).set_index("metric")
    expected = bootstrap_roc_auc(errors, scores)
    again = frame.loc["area_again"]
    assert again["value"] == pytest.approx(expected.estimate)
    assert again["low"] == pytest.approx(expected.low, abs=0.008)
    assert again["high"] == pytest.approx(expected.high, abs=0.008)


def test_too_few_answers_have_no_interval() -> None:
    frame = ap.evaluate([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.3], metrics=["roc_auc", "augrc"])
    assert frame["low"].isna().all()
    assert frame["value"].notna().all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_orientation_and_missing_scores(seed: int, rate: float) -> None:
    """Turned scores give 1 - AUC; rows without a score change n alone."""
    rng = np.random.default_rng(seed)
    errors, scores = rng.random(80) < rate, rng.normal(size=80)
    both = ap.evaluate(errors, {"up": scores, "down": -scores}, replicates=20)
    up, down = both["value"]
    assert np.isnan(up) == np.isnan(down) == (errors.all() or not errors.any())
    if not np.isnan(up):
        assert up + down == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (ap.score, "Expected one of option_logprobs and option_probs"),
        (lambda: ap.score(option_probs=[[0.5, 0.7], [2.0, 0.1]]), r"\[0, 1\].*row 1"),
        (lambda: ap.score(option_probs=[[0.5, 0.5]], gold=["C"]), "'C' in row 0.*2 options"),
        (lambda: ap.score(option_probs=[[0.5, 0.5]], gold=[0, 1]), "gold of shape"),
        (lambda: ap.evaluate([0, 1, 2], [0.1, 0.2, 0.3]), "each true .wrong."),
        (lambda: ap.evaluate([0, 1], [0.1, 0.2, 0.3]), "score of shape"),
        (lambda: ap.evaluate([0, 1], [0.1, 0.2], metrics=["roc_acu"]), "did you mean 'roc_auc'"),
        (lambda: ap.evaluate([0, 1], [0.1, 1.2], metrics=["ece"]), "probabilities.*row 1"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]
