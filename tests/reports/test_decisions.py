"""Thresholds, cascades, splits, and sizes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import (
    ReportInput,
    choose_threshold,
    compute_cascade,
    compute_split,
    ece,
    evaluations,
    summarize_split,
)
from apprehend.reports.analyses.decisions import upper_risk
from apprehend.reports.figures.sizes import compute_sizes, fit_power_law, parameters_of
from scipy.stats import binomtest, linregress


@pytest.fixture(scope="module")
def two(make_scores):
    """A small and a large model on 600 common questions; the small one's score is informative."""
    small = make_scores(600, ("token_entropy",), "small-1b", seed=1)
    large = make_scores(600, ("token_entropy",), "large-8b", seed=2)
    large["correct"] = np.random.default_rng(5).random(600) < 0.8
    return evaluations(ReportInput(pd.concat([small, large], ignore_index=True)))


def test_a_threshold_is_chosen_on_one_half_and_tested_on_the_other(two):
    one = two[0]
    found = choose_threshold(one, "token_entropy", 0.2)
    assert abs(found.development_n - 300) <= 3
    assert found.development_n + found.n == 600
    assert found.development_risk <= 0.2
    assert found.risk_low < found.risk < found.risk_high
    assert found.coverage == found.n_kept / found.n
    again = choose_threshold(one, "token_entropy", 0.2)
    assert again == found
    assert choose_threshold(one, "token_entropy", 0.2, seed=1) != found
    safer = choose_threshold(one, "token_entropy", 0.2, confidence=0.95)
    assert not safer.development_coverage > found.development_coverage


def test_a_target_out_of_reach_keeps_nothing(two):
    found = choose_threshold(two[0], "token_entropy", 0.2, confidence=0.9999, development=0.05)
    assert np.isnan(found.threshold)
    assert (found.n_kept, found.coverage) == (0, 0)
    assert np.isnan([found.risk, found.risk_low]).all()


@pytest.mark.parametrize(("target", "smallest"), [(0.2, 30), (0.01, 100)])
def test_a_few_lucky_answers_are_no_threshold(make_scores, target, smallest):
    """The most certain answers are right, all others wrong: only enough of them count."""
    for right in (smallest - 1, smallest):
        frame = make_scores(400, ("token_entropy",))
        rank = np.arange(400)
        frame = frame.assign(score=rank.astype(float), correct=rank < 2 * right)
        one = evaluations(ReportInput(frame.assign(topic="law")))[0]
        chosen = [choose_threshold(one, "token_entropy", target, seed=s) for s in range(20)]
        reached = [one for one in chosen if not np.isnan(one.threshold)]
        assert all(one.development_coverage * one.development_n >= smallest for one in reached)
        few = choose_threshold(one, "token_entropy", target, development=10 / 400)
        assert np.isnan(few.threshold)
    assert reached


def test_the_upper_bound_is_clopper_and_pearsons():
    bound = upper_risk(np.array([0, 3, 7]), np.array([20, 40, 7]), 0.95)
    for value, errors, rows in zip(bound[:2], (0, 3), (20, 40), strict=True):
        exact = binomtest(errors, rows).proportion_ci(0.90, method="exact")
        assert value == pytest.approx(exact.high)
    assert bound[2] == 1


@pytest.mark.slow
def test_a_bounded_threshold_keeps_its_promise(make_scores):
    """With confidence 0.95, the true risk exceeds the target in few of 200 datasets."""
    rng, broken, used = np.random.default_rng(0), 0, 0
    base = make_scores(800, ("token_entropy",))
    for trial in range(200):
        score = rng.random(800)
        wrong = rng.random(800) < score
        frame = base.assign(score=score, correct=~wrong)
        one = evaluations(ReportInput(frame))[0]
        found = choose_threshold(one, "token_entropy", 0.2, confidence=0.95, seed=trial)
        if not np.isnan(found.threshold):
            used += 1
            broken += found.threshold / 2 > 0.2  # the mean of a uniform score below it
    assert used > 150
    assert broken <= 0.1 * used


def slow_cascade(gain, scores, shares, start):
    """Average over many orders of tied rows."""
    rng, curves = np.random.default_rng(0), []
    for _ in range(400):
        order = np.lexsort((rng.random(gain.size), -scores))
        total = np.concatenate(([0], np.cumsum(gain[order])))
        curves.append(
            start + np.interp(shares * gain.size, np.arange(gain.size + 1), total) / gain.size
        )
    return np.mean(curves, axis=0)


def test_the_cascade_equals_sending_on_question_by_question(two):
    small, large = two
    found = compute_cascade(small, large, "token_entropy", replicates=200)
    right = ~small.errors, ~large.errors
    assert found.accuracy[0] == pytest.approx(right[0].mean())
    assert found.accuracy[-1] == pytest.approx(right[1].mean())
    gain = right[1].astype(float) - right[0]
    expected = slow_cascade(gain, small.scores[:, 0], found.shares, right[0].mean())
    np.testing.assert_allclose(found.accuracy, expected, atol=0.004)
    assert found.area == pytest.approx(
        np.trapezoid(found.accuracy - found.random, found.shares), abs=1e-3
    )
    assert 0 < found.area_low < found.area < found.area_high
    np.testing.assert_allclose(found.costs, 1 + 10 * found.shares)
    assert list(found.frame()["accuracy_random"]) == pytest.approx(list(found.random))


def test_a_constant_score_gains_nothing(two, make_scores):
    small = evaluations(ReportInput(make_scores(600, ("token_entropy",)).assign(score=1.0)))[0]
    found = compute_cascade(small, two[1], "token_entropy", replicates=20)
    assert found.area == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(found.accuracy, found.random, atol=1e-12)


def test_models_without_common_questions_cannot_cascade(two, make_scores):
    other = make_scores(30, ("token_entropy",))
    other["question_id"] += 10_000
    with pytest.raises(ValueError, match="common questions"):
        compute_cascade(evaluations(ReportInput(other))[0], two[1], "token_entropy")


def test_a_split_is_ordered_whole_and_even(two):
    names = ("easy", "medium", "hard")
    split = compute_split(two[0], "token_entropy", names)
    assert len(split) == 600
    assert split["question_id"].is_unique
    by = split.groupby("group")["score"]
    assert by.max()["easy"] < by.min()["medium"] <= by.max()["medium"] < by.min()["hard"]
    assert split.groupby("score")["group"].nunique().max() == 1
    summary = summarize_split(split, names).set_index("group")
    assert summary["share"].sum() == pytest.approx(1)
    assert summary["share"].to_numpy() == pytest.approx([1 / 3] * 3, abs=0.02)
    assert summary["accuracy"]["easy"] > summary["accuracy"]["hard"]
    uneven = summarize_split(compute_split(two[0], "token_entropy", names, (2, 1, 1)), names)
    assert uneven["share"].iloc[0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Qwen2.5-3B-Instruct", 3e9),
        ("org__Llama-3.2-1B", 1e9),
        ("Qwen1.5-7B-Chat", 7e9),
        ("pythia-160m", 160e6),
        ("gpt-x", float("nan")),
        ("8bit-model", float("nan")),
    ],
)
def test_sizes_are_read_from_names(name, size):
    found = parameters_of(name)
    assert found == size or (np.isnan(found) and np.isnan(size))
    manifest = {"model_folder": name, "model": {"parameters": 123}}
    assert parameters_of(name, [manifest]) == 123


def test_a_power_law_equals_a_line_in_logarithms():
    x = np.array([1e9, 3e9, 7e9, 2e10])
    y = 0.4 * x**0.05 * np.array([1.01, 0.98, 1.02, 1.0])
    law = fit_power_law(x, y)
    expected = linregress(np.log(x), np.log(y))
    assert law.exponent == pytest.approx(expected.slope)
    assert law.exponent_low < expected.slope < law.exponent_high
    assert (law.low <= law.y).all()
    assert (law.y <= law.high).all()
    assert fit_power_law(x[:2], y[:2]) is None


def test_sizes_hold_one_row_per_model(two, builtin_traits):
    frame = compute_sizes(two, traits=builtin_traits)
    assert list(frame["parameters"]) == [1e9, 8e9]
    assert frame["roc_auc"].between(0, 1).all()
    assert frame["ece"].isna().all()
    assert frame["mean_entropy"].iloc[0] == pytest.approx(two[0].raw.mean())
    unknown = compute_sizes(two)
    assert unknown["entropy"].isna().all()
    assert unknown["mean_entropy"].isna().all()


def test_sizes_take_the_calibration_of_the_first_probability_that_is_no_control(
    make_scores, builtin_traits
):
    names = ("topic_error_rate", "random", "p_true", "max_probability")
    scores = make_scores(80, names)
    scores["score"] = scores["score"].clip(0, 1)
    frame = compute_sizes(evaluations(ReportInput(scores)), traits=builtin_traits)
    own = scores[scores["estimator"] == "p_true"]
    assert frame["calibrated"].item() == "p_true"
    assert frame["ece"].item() == pytest.approx(ece(~own["correct"], own["score"]))
