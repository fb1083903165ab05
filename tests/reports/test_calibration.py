"""Calibration metrics, information, and coverage at a risk target."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import (
    ReportInput,
    brier,
    brier_parts,
    calibration_bins,
    compute_metrics,
    coverage_at_risk,
    ece,
    log_loss,
    mass_bins,
    mutual_information_share,
    width_bins,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, mutual_info_score
from sklearn.metrics import log_loss as sklearn_log_loss

PROBABILITY = st.one_of(
    st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.2, 0.1 * 3, 1 / 15, 14 / 15, 0.5])
)
ROWS = st.lists(st.tuples(st.booleans(), PROBABILITY), min_size=2, max_size=60)


def split(rows):
    errors, scores = zip(*rows, strict=True)
    return np.array(errors), np.array(scores)


def slow_ece(errors, scores, bins):
    """Bins are [k/m, (k+1)/m), the last one closed."""
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for k in range(bins):
        last = k == bins - 1
        inside = [i for i, s in enumerate(scores) if edges[k] <= s and (s < edges[k + 1] or last)]
        if inside:
            gap = sum(scores[i] - errors[i] for i in inside)
            total += abs(gap) / len(scores)
    return total


@given(ROWS, st.integers(1, 20))
@settings(max_examples=150, deadline=None)
def test_ece_equals_a_slow_reference(rows, bins):
    errors, scores = split(rows)
    assert ece(errors, scores, bins) == pytest.approx(slow_ece(errors, scores, bins), abs=1e-12)


def test_ece_equals_netcal():
    """netcal 1.4.0: pip install --no-deps netcal==1.4.0 (imports torch, not numpy<2)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metrics = pytest.importorskip("netcal.metrics", reason="netcal is not installed")
    rng = np.random.default_rng(3)
    for n, bins in ((50, 5), (400, 10), (2000, 15)):
        scores = rng.random(n)
        errors = rng.random(n) < scores**2
        expected = metrics.ECE(bins).measure(scores, errors.astype(int))
        assert ece(errors, scores, bins) == pytest.approx(expected, abs=1e-9)
        expected = metrics.ECE(bins, equal_intervals=False).measure(scores, errors.astype(int))
        assert ece(errors, scores, bins, "mass") == pytest.approx(expected, abs=0.02)


def test_ece_of_certain_scores_is_exact():
    assert ece([True, False], [1.0, 0.0]) == 0
    assert ece([False, True], [1.0, 0.0]) == 1
    assert list(width_bins(np.array([0.0, 1.0, 0.5]), 10)) == [0, 9, 5]
    assert calibration_bins([True, False], [1.0, 1.0], 15).count.tolist() == [2]


@given(ROWS, st.integers(1, 12))
@settings(max_examples=80, deadline=None)
def test_equal_mass_bins_keep_ties_and_ignore_row_order(rows, bins):
    errors, scores = split(rows)
    index = mass_bins(scores, bins)
    assert index.min() >= 0
    assert index.max() < bins
    for value in np.unique(scores):
        assert len(set(index[scores == value])) == 1
    assert (np.diff(index[np.argsort(scores)]) >= 0).all()
    order = np.random.default_rng(0).permutation(len(scores))
    shuffled = ece(errors[order], scores[order], bins, "mass")
    assert shuffled == pytest.approx(ece(errors, scores, bins, "mass"), abs=1e-12)


def test_equal_mass_bins_are_equal_without_ties():
    scores = np.random.default_rng(1).permutation(np.linspace(0, 1, 60))
    assert np.bincount(mass_bins(scores, 12)).tolist() == [5] * 12
    assert np.ptp(np.bincount(mass_bins(scores, 7))) <= 1


@given(ROWS)
@settings(max_examples=80, deadline=None)
def test_brier_and_log_loss_equal_scikit_learn(rows):
    errors, scores = split(rows)
    expected = brier_score_loss(errors, scores, pos_label=True, labels=[False, True])
    assert brier(errors, scores) == pytest.approx(expected, abs=1e-12)
    expected = sklearn_log_loss(errors, scores, labels=[False, True])
    assert log_loss(errors, scores) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(ROWS)
@settings(max_examples=80, deadline=None)
def test_brier_is_the_sum_of_its_parts(rows):
    errors, scores = split(rows)
    parts = brier_parts(errors, scores)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(brier(errors, scores), abs=1e-12)
    coarse = np.round(scores)  # two values: one per bin, so nothing is left within
    assert brier_parts(errors, coarse).within == pytest.approx(0, abs=1e-12)


@given(ROWS, st.integers(2, 12))
@settings(max_examples=80, deadline=None)
def test_information_equals_scikit_learn_less_its_bias(rows, bins):
    errors, scores = split(rows)
    share = mutual_information_share(errors, scores, bins)
    if errors.all() or not errors.any():
        assert np.isnan(share)
        return
    index = mass_bins(scores, bins)
    entropy = mutual_info_score(errors, errors)
    bias = (len(set(index)) - 1) / (2 * len(errors))
    expected = (mutual_info_score(errors, index) - bias) / entropy
    assert share == pytest.approx(np.clip(expected, 0, 1), abs=1e-9)


def test_information_sees_a_score_that_points_the_wrong_way():
    rng = np.random.default_rng(0)
    errors = rng.random(4000) < 0.5
    noise = rng.random(4000)
    assert mutual_information_share(errors, 1.0 - errors) > 0.99
    assert mutual_information_share(errors, noise) < 0.003
    assert mutual_information_share(errors, np.zeros(4000)) == 0


def slow_coverage(errors, scores, target):
    best = 0
    for threshold in scores:
        kept = scores <= threshold
        if errors[kept].mean() <= target:
            best = max(best, kept.sum())
    return best / len(scores)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.05, 0.25, 0.5, 1.0]),
)
@settings(max_examples=120, deadline=None)
def test_coverage_at_risk_equals_trying_every_threshold(rows, target):
    errors, scores = split(rows)
    found = coverage_at_risk(errors, scores, target)
    assert found == pytest.approx(slow_coverage(errors, scores, target))


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        ece([True], [1.5])
    with pytest.raises(ValueError, match="target"):
        coverage_at_risk([True], [0.5], 2)
    assert np.isnan([ece([], []), brier([], []), log_loss([], [])]).all()
    assert np.isnan(coverage_at_risk([], [], 0.1))


def test_probabilities_are_those_that_say_so(make_scores, builtin_traits):
    data = ReportInput(make_scores(), traits=builtin_traits)
    assert {"max_probability", "p_true", "platt", "topic_error_rate"} <= data.probabilities
    claims_none = {"token_entropy", "normalized_option_entropy", "random", "masj_complexity"}
    assert not claims_none & data.probabilities
    assert not ReportInput(make_scores()).probabilities


def test_metrics_hold_calibration_of_probabilities_alone(make_scores, builtin_traits):
    scores = make_scores()
    scores["score"] = scores["score"].clip(0, 1)
    unparsed = scores["question_id"] < 6
    scores.loc[unparsed, "status"] = "unparsed"
    scores.loc[unparsed, "answer"] = None
    metrics = compute_metrics(ReportInput(scores, traits=builtin_traits), replicates=10)
    own = metrics[(metrics["estimator"] == "max_probability") & (metrics["topic"] == "all")].iloc[0]
    kept = scores[(scores["estimator"] == "max_probability") & ~unparsed]
    assert own["n_calibration"] == 114
    assert own["ece"] == pytest.approx(ece(~kept["correct"].to_numpy(bool), kept["score"]))
    entropy = metrics[metrics["estimator"] == "token_entropy"]
    assert entropy[["ece", "ece_mass", "brier", "log_loss"]].isna().all().all()
    assert (entropy["n_calibration"] == 0).all()
    assert entropy["coverage_at_risk_20"].notna().all()
    macro = metrics[(metrics["estimator"] == "max_probability") & (metrics["topic"] == "macro")]
    topics = metrics[
        metrics["topic"].isin(["law", "math", "physics"])
        & (metrics["estimator"] == "max_probability")
    ]
    assert macro["ece"].item() == pytest.approx(topics["ece"].mean())


def test_a_score_beyond_one_is_not_called_a_probability(make_scores, builtin_traits):
    metrics = compute_metrics(ReportInput(make_scores(), traits=builtin_traits), replicates=5)
    assert metrics["ece"].isna().all()
    assert isinstance(metrics["n_calibration"].dtype, pd.Int64Dtype)
