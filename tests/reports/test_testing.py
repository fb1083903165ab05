"""Tests of differences, Holm's correction, and comparisons.csv."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from apprehend.reports import (
    COMPARISON_COLUMNS,
    ReportInput,
    accuracy_test,
    area_influence,
    compare,
    delong_interval,
    delong_test,
    holm,
    paired_models_test,
    paired_roc_auc_replicates,
    roc_auc,
    separation,
    trend_test,
    unpaired_test,
)
from apprehend.reports.metrics.evaluation import evaluations
from apprehend.reports.metrics.summary import against
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, norm
from sklearn.metrics import roc_auc_score


def rows(n=400, k=2, seed=0, shift=0.7):
    """Errors and k correlated scores of equal power."""
    rng = np.random.default_rng(seed)
    errors = rng.random(n) < 0.5
    scores = rng.normal(size=(n, k)) + rng.normal(size=(n, 1)) + shift * errors[:, None]
    return errors, scores


def test_delong_test_equals_mlstatkit():
    """pip install --no-deps MLstatkit==0.1.91; its z is that of B - A."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlstatkit = pytest.importorskip("MLstatkit", reason="MLstatkit is not installed")
    for seed in range(6):
        errors, scores = rows(300, 2, seed)
        if seed % 2:
            scores = np.round(scores)
        found = delong_test(errors, *scores.T)
        z, p, (low, high), _, a, b, _ = mlstatkit.Delong_test(
            errors.astype(int), *scores.T, return_ci=True, return_auc=True
        )
        assert found.z == pytest.approx(-z, abs=1e-9)
        assert found.p == pytest.approx(p, abs=1e-9)
        assert (found.a, found.b) == pytest.approx((a, b), abs=1e-9)
        assert delong_interval(errors, scores[:, 0]) == pytest.approx((low, high), abs=1e-9)


def test_delong_test_equals_its_definition():
    """Placements by comparing all pairs, as in the paper of 1988."""
    errors, scores = rows(80, 2, 1)
    scores = np.round(scores, 1)
    wins = []
    for column in scores.T:
        gap = column[errors][:, None] - column[~errors][None, :]
        wins.append((gap > 0) + 0.5 * (gap == 0))
    by_error = wins[0].mean(axis=1) - wins[1].mean(axis=1)
    by_correct = wins[0].mean(axis=0) - wins[1].mean(axis=0)
    variance = by_error.var(ddof=1) / by_error.size + by_correct.var(ddof=1) / by_correct.size
    z = (wins[0].mean() - wins[1].mean()) / np.sqrt(variance)
    found = delong_test(errors, *scores.T)
    assert found.z == pytest.approx(z, abs=1e-9)
    assert found.p == pytest.approx(2 * norm.sf(abs(z)), abs=1e-12)
    assert found.estimate == pytest.approx(wins[0].mean() - wins[1].mean())


def test_a_score_does_not_differ_from_itself_or_its_transform():
    errors, scores = rows()
    for other in (scores[:, 0], np.exp(scores[:, 0])):
        found = delong_test(errors, scores[:, 0], other)
        assert (found.estimate, found.z, found.p) == (0, 0, 1)
    assert delong_test(errors, errors * 1.0, ~errors * 1.0).p == 0
    one_class = delong_test([True] * 5, np.arange(5), np.arange(5))
    assert np.isnan([one_class.estimate, one_class.p]).all()


def test_influence_agrees_with_delong_where_the_errors_are_the_same():
    errors, scores = rows(3000)
    found = paired_models_test(errors, scores[:, 0], errors, scores[:, 1])
    expected = delong_test(errors, *scores.T)
    assert found.estimate == expected.estimate
    assert found.z == pytest.approx(expected.z, rel=0.01)
    area, influence = area_influence(errors, scores[:, 0])
    assert area == pytest.approx(roc_auc(errors, scores[:, 0]), abs=1e-12)
    assert influence.mean() == pytest.approx(0, abs=1e-12)


def test_influence_equals_leaving_a_row_out():
    """n·(θ - θ without row i) tends to the influence of row i."""
    errors, scores = rows(300, 1)
    area, influence = area_influence(errors, scores[:, 0])
    for i in range(0, 300, 17):
        rest = np.arange(300) != i
        without = roc_auc(errors[rest], scores[rest, 0])
        assert 299 * (area - without) == pytest.approx(influence[i], abs=0.02)


def test_model_intervals_agree_with_the_paired_bootstrap():
    errors, scores = rows(1500, 2, 4)
    other = errors ^ (np.random.default_rng(0).random(1500) < 0.2)
    found = paired_models_test(errors, scores[:, 0], other, scores[:, 1])
    both = np.stack([errors, other], axis=1)
    drawn = paired_roc_auc_replicates(both, scores, 1500, 3)
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(high, abs=0.006)


def test_paired_replicates_equal_resampling_and_scikit_learn():
    errors, scores = rows(40, 2, 2)
    scores = np.round(scores)
    both = np.stack([errors, ~errors], axis=1)
    drawn = paired_roc_auc_replicates(both, scores, 20, 9)
    from apprehend.reports.statistics import bootstrap

    weights = bootstrap._counts(np.random.default_rng(9), 40, 20)
    for replicate, column in enumerate(weights.T):
        index = np.repeat(np.arange(40), column)
        for k in range(2):
            expected = roc_auc_score(both[index, k], scores[index, k])
            assert drawn[replicate, k] == pytest.approx(expected, abs=1e-12)
    assert np.isnan(paired_roc_auc_replicates(np.ones((9, 2)), np.ones((9, 2)), 3, 0)).all()


def test_mcnemar_is_exact_and_signed():
    a = np.array([False] * 9 + [True] * 1)
    b = np.array([False] * 2 + [True] * 8)
    found = accuracy_test(a, b)
    assert (found.a, found.b) == pytest.approx((0.9, 0.2))
    assert found.estimate == pytest.approx(0.7)
    assert found.p == pytest.approx(2 * 0.5**7)
    assert accuracy_test(a, a).p == 1


def slow_holm(p):
    """Step down by the definition of 1979."""
    order = sorted(range(len(p)), key=lambda i: p[i])
    result, last = [0.0] * len(p), 0.0
    for place, i in enumerate(order):
        last = max(last, min(1.0, (len(p) - place) * p[i]))
        result[i] = last
    return result


@given(st.lists(st.floats(0, 1), max_size=30))
@settings(max_examples=100, deadline=None)
def test_holm_equals_its_definition(p):
    assert holm(p).tolist() == pytest.approx(slow_holm(p), abs=1e-12)


def test_holm_leaves_undefined_tests_out():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])


def test_trend_equals_a_weighted_line():
    values, variances = np.array([0.82, 0.79, 0.70]), np.array([0.01, 0.02, 0.03]) ** 2
    found = trend_test(values, variances)
    slope = np.polyfit([0, 1, 2], values, 1, w=1 / np.sqrt(variances))[0]
    assert found.slope == pytest.approx(slope)
    assert found.z < -3
    equal = trend_test(values, np.full(3, 0.1))
    assert equal.slope == pytest.approx(linregress([0, 1, 2], values).slope)
    assert np.isnan(trend_test([0.5, np.nan], [0.1, 0.1]).p)


def test_separation_of_two_normals():
    assert separation(norm.cdf(1 / np.sqrt(2))) == pytest.approx(1)
    assert separation(0.5) == 0
    assert np.isnan([separation(1.0), separation(0.0), separation(float("nan"))]).all()


@pytest.fixture(scope="module")
def compared(make_scores):
    import pandas as pd

    names = ("token_entropy", "max_probability", "random")
    scores = pd.concat(
        [
            make_scores(300, names, "m1", "direct", 1),
            make_scores(300, names, "m2", "direct", 2),
            make_scores(300, names[:2], "m1", "cot", 3),
        ],
        ignore_index=True,
    )
    scores["score"] = scores["score"].astype(float)
    noise = np.random.default_rng(0).random(len(scores))
    scores["score"] = scores["score"].where(scores["estimator"] != "random", noise)
    gap = scores["estimator"].eq("max_probability") & scores["question_id"].lt(20)
    scores.loc[gap, "score"] = np.nan
    scores.loc[gap, "reason"] = "not asked"
    evaluated = evaluations(ReportInput(scores))
    return evaluated, compare(evaluated, replicates=200, seed=5)


def test_comparisons_hold_every_family(compared):
    evaluated, frame = compared
    assert tuple(frame.columns) == COMPARISON_COLUMNS
    count = frame.groupby(["family", "quantity"]).size().to_dict()
    assert count == {
        ("estimators", "roc_auc"): 3 + 3 + 1,
        ("topics", "roc_auc"): 3 * 3,
        ("models", "roc_auc"): 3,
        ("models", "accuracy"): 1,
        ("tasks", "roc_auc"): 1,
        ("tasks", "accuracy"): 1,
    }
    own = frame[(frame["family"] == "estimators") & (frame["model_a"] == "m1")]
    pair = own[(own["estimator_b"] == "max_probability") & (own["task_a"] == "direct")].iloc[0]
    one = next(e for e in evaluated if (e.model, e.task) == ("m1", "direct"))
    common = ~np.isnan(one.scores[:, :2]).any(axis=1)
    expected = delong_test(one.errors[common], *one.scores[common, :2].T)
    assert pair["n"] == 280
    assert (pair["z"], pair["low"]) == pytest.approx((expected.z, expected.low))
    assert pair["bootstrap_low"] == pytest.approx(pair["low"], abs=0.02)
    family = own[own["task_a"] == "direct"]
    np.testing.assert_allclose(family["p_holm"], slow_holm(family["p"].tolist()))
    assert (family["family_size"] == 3).all()
    assert frame["seed"].eq(5).all()
    assert (frame["distinguishable"] == frame["p_holm"].lt(0.05)).all()


def test_comparisons_do_not_depend_on_other_models(compared):
    evaluated, frame = compared
    alone = compare(evaluated[:1], replicates=200, seed=5)
    within = frame[
        frame["model_a"].eq("m1")
        & frame["task_a"].eq("direct")
        & frame["family"].isin(["estimators", "topics"])
    ]
    assert alone.reset_index(drop=True).equals(within.reset_index(drop=True))


def test_differences_are_read_from_the_best_estimators_side(compared):
    _, frame = compared
    own = frame[frame["model_a"].eq("m2") & frame["task_a"].eq("direct")]
    for best in ("token_entropy", "random"):
        seen = against(own, best)
        assert len(seen) == 2
        assert (seen["low"] <= seen["difference"]).all()
        assert (seen["difference"] <= seen["high"]).all()
    assert against(own, "random")["difference"].lt(0).all()
    assert against(own, "token_entropy").iloc[-1]["other"] == "random"


def test_one_class_makes_no_comparison(make_scores):
    evaluated = evaluations(ReportInput(make_scores(30).assign(correct=True)))
    assert compare(evaluated, replicates=5).empty


def test_unpaired_differences_add_their_variances():
    first, second = rows(300, 1, 1), rows(200, 1, 2)
    found = unpaired_test(first[0], first[1][:, 0], second[0], second[1][:, 0])
    half = [np.diff(delong_interval(e, s[:, 0]))[0] / 2 for e, s in (first, second)]
    assert (found.high - found.low) / 2 == pytest.approx(np.hypot(*half), rel=1e-6)


@pytest.mark.slow
def test_family_wise_error_under_the_null_stays_under_six_percent():
    """Five equally good, correlated estimators: 10 tests; 1,000 datasets of 200 questions."""
    from apprehend.reports import delong_covariance

    pairs = [(i, j) for i in range(5) for j in range(i)]
    rejected = 0
    for trial in range(1000):
        errors, scores = rows(200, 5, trial)
        values, covariance = delong_covariance(errors, scores)
        z = [
            (values[i] - values[j])
            / np.sqrt(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j])
            for i, j in pairs
        ]
        rejected += bool((holm(2 * norm.sf(np.abs(z))) < 0.05).any())
    assert rejected < 60


@pytest.mark.slow
def test_model_intervals_cover_the_true_difference():
    """Two models with AUC Φ(1/√2) and Φ(0.5/√2) on common questions, errors correlated."""
    rng = np.random.default_rng(8)
    truth, covered = norm.cdf(1 / np.sqrt(2)) - norm.cdf(0.5 / np.sqrt(2)), 0
    for _ in range(1000):
        ease, common = rng.normal(size=300), rng.normal(size=300)
        errors = [ease + rng.normal(size=300) > 0 for _ in range(2)]
        scores = [
            (common + rng.normal(size=300)) / np.sqrt(2) + shift * wrong
            for shift, wrong in zip((1, 0.5), errors, strict=True)
        ]
        found = paired_models_test(errors[0], scores[0], errors[1], scores[1])
        covered += found.low <= truth <= found.high
    assert 930 <= covered <= 970
