"""Known defects of other packages: each test fails on the wrong implementation that it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from apprehend.estimators import (
    Estimator,
    Signal,
    Signals,
    builtin_estimators,
    evaluate,
    load_estimator,
    reasons,
)
from apprehend.estimators.answers.answer_distribution import truncated_entropy_bounds
from apprehend.estimators.answers.position_bias import at_positions
from apprehend.estimators.checks.alterations import unobserved
from apprehend.estimators.checks.synthetic import synthetic_questions
from apprehend.estimators.core.prediction_sets import (
    conformal_sets,
    conformal_threshold,
    nonconformity,
)
from apprehend.estimators.learning.cross_fitting import Folds, cross_fit
from apprehend.estimators.signals.batch import (
    AnswerTable,
    Panel,
    SamplesTable,
    SelfReportTable,
    TraceTable,
    Variants,
)
from apprehend.estimators.signals.probabilities import divergence, softmax
from sklearn.metrics import roc_auc_score

PLAIN = [name for name, cls in builtin_estimators().items() if not cls().learns and cls().needs]


def signals(count: int, **tables: Any) -> Signals:
    return Signals(
        question_id=np.arange(count),
        topic=np.array(["law"] * count, dtype=object),
        option_count=np.full(count, 4),
        tables={Signal(name): table for name, table in tables.items()},
    )


def answers(*probabilities: Any) -> Signals:
    """Questions with these option probabilities."""
    with np.errstate(divide="ignore"):
        records = [
            {"option_logprobs": np.log(p), "answer": int(np.argmax(p))} for p in probabilities
        ]
    return signals(len(records), answer=AnswerTable.from_records(records))


def test_an_unparsed_confidence_is_missing_not_certain() -> None:
    table = SelfReportTable.from_records(
        [{"value": 0.3}, {"reason": 'confidence not parsed: "quite"'}, None]
    )
    asked = signals(3, self_report=Variants(Signal.SELF_REPORT, {"p_true": Panel({"": table})}))
    estimator = load_estimator("p_true")
    scores = evaluate(estimator, asked)
    np.testing.assert_array_equal(np.isnan(scores), [False, True, True])
    assert reasons(estimator, asked, scores).tolist() == [
        None,
        'confidence not parsed: "quite"',
        "no self_report[p_true] stored",
    ]


def test_unparsed_samples_count_as_disagreement() -> None:
    """Left out of k, nine unparsed samples and one vote would be full agreement."""
    table = SamplesTable.from_records(
        [{"answers": [0] + [-1] * 9, "count": 10}, {"answers": [0, 0], "count": 2}]
    )
    made = signals(
        2,
        answer=AnswerTable.from_records([{"answer": 0}, {"answer": 0}]),
        samples=Variants(Signal.SAMPLES, {"direct": Panel({"": table})}),
    )
    np.testing.assert_allclose(evaluate(load_estimator("vote_share"), made), [0.9, 0.0])
    entropies = evaluate(load_estimator("vote_entropy"), made)
    assert entropies[0] > entropies[1] == 0.0


def test_padding_is_no_sample() -> None:
    table = SamplesTable.from_records(
        [{"answers": [1], "count": 1}, {"answers": [1, 1, 2], "count": 3}]
    )
    made = signals(
        2,
        answer=AnswerTable.from_records([{"answer": 1}, {"answer": 1}]),
        samples=Variants(Signal.SAMPLES, {"direct": Panel({"": table})}),
    )
    estimator = load_estimator("vote_share")
    scores = evaluate(estimator, made)
    np.testing.assert_allclose(scores, [np.nan, 1 / 3])
    assert reasons(estimator, made, scores)[0] == "fewer than two samples"


@pytest.mark.parametrize(
    "spec",
    ["renyi_entropy(alpha=0.5)", "renyi_entropy", "tsallis_entropy(q=0.5)", "tsallis_entropy"],
)
def test_generalized_entropies_grow_with_uncertainty(spec: str) -> None:
    """Rényi with the wrong sign orders these the other way round."""
    made = answers([1.0, 0, 0, 0], [0.7, 0.1, 0.1, 0.1], [0.25] * 4)
    scores = evaluate(load_estimator(spec), made)
    assert scores[0] == 0.0
    assert (np.diff(scores) > 0).all()


def test_entropy_of_uniform_and_certain_answers() -> None:
    made = answers([0.25] * 4, [0, 0, 1.0, 0])
    for spec in ("option_entropy", "renyi_entropy", "renyi_entropy(alpha=7.5)"):
        np.testing.assert_allclose(evaluate(load_estimator(spec), made), [np.log(4), 0], atol=1e-12)
    np.testing.assert_allclose(
        evaluate(load_estimator("normalized_option_entropy"), made), [1, 0], atol=1e-12
    )


@pytest.mark.parametrize("family", ["tsallis_entropy(q={})", "renyi_entropy(alpha={})"])
def test_generalized_entropies_meet_shannon_at_one(family: str) -> None:
    made = answers([0.5, 0.3, 0.2, 0.0], [0.97, 0.01, 0.01, 0.01])
    shannon = evaluate(load_estimator("option_entropy"), made)
    for near in (1 - 1e-9, 1.0, 1 + 1e-9):
        scores = evaluate(load_estimator(family.format(near)), made)
        np.testing.assert_allclose(scores, shannon, rtol=1e-7)


def test_an_impossible_option_is_no_sentinel() -> None:
    """-9999 for -inf would change every score of log-probabilities."""
    with_it, without = answers([0.6, 0.4, 0.0]), answers([0.6, 0.4])
    for name in ("option_entropy", "max_probability", "logit_margin", "renyi_entropy"):
        estimator = load_estimator(name)
        np.testing.assert_allclose(evaluate(estimator, with_it), evaluate(estimator, without))
    assert evaluate(load_estimator("logit_margin"), answers([1.0, 0.0])) == -np.inf


def test_top_probabilities_are_not_renormalized() -> None:
    """Renormalized, half the mass in two equal tokens would look like all of it."""
    top = np.log([[0.25, 0.25]])
    half = AnswerTable.from_records([{"top_logprobs": top[0], "missing_mass": 0.5}])
    score = evaluate(load_estimator("truncated_entropy(k=2)"), signals(1, answer=half))[0]
    assert score == pytest.approx(np.log(4))
    assert score != pytest.approx(np.log(2))
    trace = TraceTable.from_records(
        [{"token_top_logprobs": top, "token_logprobs": [top[0, 0]], "answer": 0}]
    )
    rate = evaluate(load_estimator("entropy_production_rate"), signals(1, trace=trace))[0]
    assert rate == pytest.approx(0.5 * np.log(4))


def test_truncated_entropy_grows_to_the_full_entropy_within_its_bounds() -> None:
    q = np.sort(np.random.default_rng(0).dirichlet(np.full(50, 0.3)))[::-1]
    full, previous = float(-(q * np.log(q)).sum()), 0.0
    for k in range(1, 51):
        low, high = truncated_entropy_bounds(np.log(q[None, :k]), np.array([q[k:].sum()]), 50)
        assert previous - 1e-12 <= low[0] <= full + 1e-12
        assert high[0] >= full - 1e-12
        previous = low[0]
    assert previous == pytest.approx(full)


def test_entropy_splits_into_options_and_the_rest() -> None:
    """H_full = h(m) + m·H_K + (1 - m)·H_rest, with m the mass on the labels."""
    made = synthetic_questions(50).signals
    m = 1 - evaluate(load_estimator("off_option_mass"), made)
    options = evaluate(load_estimator("option_entropy"), made)
    full = evaluate(load_estimator("token_entropy"), made)
    binary = -m * np.log(m) - (1 - m) * np.log(1 - m)
    rest = (full - binary - m * options) / (1 - m)
    assert (rest > 0).all()
    assert (rest < np.log(20) + 1e-9).all()


def test_a_one_letter_answer_is_scored_by_that_letter_alone() -> None:
    """With the end-of-sequence token mixed in, the mean would be another one."""
    trace = TraceTable.from_records([{"token_logprobs": [np.log(0.2)], "answer": 0}])
    made = signals(1, trace=trace)
    assert evaluate(load_estimator("perplexity"), made)[0] == pytest.approx(5.0)
    assert evaluate(load_estimator("sequence_nll"), made)[0] == pytest.approx(np.log(5.0))


@pytest.mark.parametrize("name", PLAIN)
def test_one_failed_request_shifts_no_later_row(name: str) -> None:
    made = synthetic_questions(30, seed=2).signals
    whole = evaluate(load_estimator(name), made)
    holed = evaluate(load_estimator(name), unobserved(made, np.array([4])))
    assert np.isnan(holed[4])
    np.testing.assert_allclose(np.delete(holed, 4), np.delete(whole, 4), rtol=1e-12, atol=1e-12)


def test_missing_scores_taken_as_confident_would_hide_the_loss() -> None:
    """AUC with a fifth of the wrong answers unparsed: NaN keeps what is known apart."""
    made = synthetic_questions(300, seed=1)
    lost = np.flatnonzero(~made.correct)[::5]
    scores = evaluate(load_estimator("p_true"), unobserved(made.signals, lost))
    assert set(np.flatnonzero(np.isnan(scores))) == set(lost.tolist())
    kept = ~np.isnan(scores)
    honest = roc_auc_score(~made.correct[kept], scores[kept])
    assert honest > roc_auc_score(~made.correct, np.nan_to_num(scores)) + 0.02


def test_permuted_options_keep_their_gold() -> None:
    """Under order r, position i shows option (i + shift) mod K; mapped back, nothing moves."""
    p = np.array([0.5, 0.2, 0.2, 0.1])
    shifts = np.arange(4)
    content_only = np.tile(p, (1, 4, 1))
    by_position = at_positions(content_only, shifts[None], np.array([4]))
    for shift in shifts:
        np.testing.assert_array_equal(by_position[0, shift], np.roll(p, -shift))
    assert at_positions(content_only, np.array([[0, 1, 2, -1]]), np.array([4]))[0, 3].size == 4


def test_a_content_only_model_has_no_position_bias() -> None:
    made = synthetic_questions(60, seed=3)
    logs = made.signals.answer.option_logprobs
    table = made.signals.permuted_answers
    plain = np.where(table.shifts[:, :, None] >= 0, logs[:, None, :], np.nan)
    permuted = replace(table, option_logprobs=plain)
    tables = {**made.signals.tables, Signal.PERMUTED_ANSWERS: permuted}
    unbiased = replace(made.signals, tables=tables)
    fitted = cross_fit(load_estimator("pride_debiased_probability"), unbiased, made.correct)
    expected = evaluate(load_estimator("max_probability"), unbiased)
    np.testing.assert_allclose(fitted.scores, expected, atol=1e-9)
    information = evaluate(load_estimator("permutation_mutual_information"), unbiased)
    np.testing.assert_allclose(information, 0.0, atol=1e-12)


def test_divergences_of_impossible_options() -> None:
    first, second = np.array([[0.5, 0.5, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    assert divergence(first, second)[0] == np.inf
    assert divergence(second, first)[0] == pytest.approx(np.log(2))


def test_temperature_changes_the_order_of_questions_for_more_than_two_options() -> None:
    logits = np.array([[2.0, 1.9, -9.0], [2.0, 1.0, 0.9]])
    plain, hot = 1 - softmax(logits).max(axis=1), 1 - softmax(logits / 5).max(axis=1)
    assert (plain[0] > plain[1]) != (hot[0] > hot[1])


@pytest.mark.parametrize("rule", ["lac", "aps"])
@pytest.mark.parametrize("quantile", ["rank", "higher"])
def test_conformal_sets_hold_the_right_option_often_enough(rule: str, quantile: str) -> None:
    made = synthetic_questions(4000, seed=4)
    p, gold = made.signals.answer.option_probs, made.signals.gold
    assert gold is not None
    rows, half = np.arange(2000), 2000
    scores = nonconformity(p[:half], rule)[rows, gold[:half]]
    sets = conformal_sets(p[half:], rule, conformal_threshold(scores, 0.1, quantile))
    coverage = sets[rows, gold[half:]].mean()
    assert coverage >= 0.9 - 3 * np.sqrt(0.09 / half) * np.sqrt(2)
    assert sets.any(axis=1).all()


def test_a_calibrated_model_needs_no_temperature() -> None:
    from apprehend.estimators.trained.calibration import fit_temperature

    made = synthetic_questions(4000, seed=6).signals
    assert made.gold is not None
    assert fit_temperature(made.answer.option_logprobs, made.gold) == pytest.approx(1.0, abs=0.1)
    doubled = fit_temperature(2 * made.answer.option_logprobs, made.gold)
    once = fit_temperature(made.answer.option_logprobs, made.gold)
    assert doubled == pytest.approx(2 * once, rel=1e-9)


def test_a_temperature_needs_option_probabilities() -> None:
    from apprehend.estimators.signals.estimator_errors import EstimatorError
    from apprehend.estimators.trained.calibration import fit_temperature

    with pytest.raises(EstimatorError, match="right option has a probability, got none"):
        fit_temperature(np.empty((3, 0)), np.array([0, 4, -1]))


def test_platt_scores_are_calibrated_probabilities_of_error() -> None:
    made = synthetic_questions(3000, seed=7)
    fitted = cross_fit(
        load_estimator("platt(base='logit_margin')"),
        made.signals,
        made.correct,
        Folds(by="stratified"),
    )
    assert fitted.scores.mean() == pytest.approx((~made.correct).mean(), abs=0.01)


def test_no_full_vocabulary_is_said() -> None:
    made = signals(1, answer=AnswerTable.from_records([{"option_logprobs": [-0.1, -3.0]}]))
    for name in ("token_entropy", "post_answer_entropy", "off_option_mass"):
        estimator: Estimator = load_estimator(name)
        scores = evaluate(estimator, made)
        assert reasons(estimator, made, scores).tolist() == ["engine has no full vocabulary"]


def test_no_answer_in_the_chain_of_thought_is_said() -> None:
    trace = TraceTable.from_records([{"token_entropies": [0.1], "answer_position": -1}])
    made = signals(1, trace=trace)
    for name in ("cot_answer_entropy", "cot_max_probability"):
        estimator: Estimator = load_estimator(name)
        scores = evaluate(estimator, made)
        assert reasons(estimator, made, scores)[0] == "no answer found in the chain of thought"
