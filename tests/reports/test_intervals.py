"""Bootstrap and DeLong intervals."""

from __future__ import annotations

import numpy as np
import pytest
from apprehend.reports import (
    bootstrap_roc_auc,
    delong_covariance,
    delong_interval,
    percentile_interval,
    resample_weights,
    roc_auc,
    roc_auc_replicates,
)
from apprehend.reports.statistics import bootstrap as bootstrap_module
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score


def rows(n=300, k=3, seed=0):
    rng = np.random.default_rng(seed)
    errors = rng.random(n) < 0.6
    scores = rng.normal(size=(n, k)) + 0.5 * errors[:, None]
    scores[:, 0] = np.round(scores[:, 0], 1)
    return errors, scores


@given(st.integers(0, 50), st.integers(4, 60))
@settings(max_examples=20, deadline=None)
def test_replicates_equal_resampling_and_scikit_learn(seed, n):
    errors, scores = rows(n, 2, seed)
    errors[:2] = True, False
    scores[:, 0] = np.round(scores[:, 0])
    weights = resample_weights(errors, 20, seed)
    drawn = roc_auc_replicates(errors, scores, 20, seed)
    for replicate, column in enumerate(weights.T):
        index = np.repeat(np.arange(n), column)
        for k in range(2):
            expected = roc_auc_score(errors[index], scores[index, k])
            assert drawn[replicate, k] == pytest.approx(expected, abs=1e-12)


def test_resamples_are_stratified_and_spread_like_draws_with_replacement():
    errors, _ = rows()
    weights = resample_weights(errors, 2000, 1)
    assert (weights[errors].sum(axis=0) == errors.sum()).all()
    assert (weights[~errors].sum(axis=0) == (~errors).sum()).all()
    assert weights.mean(axis=1) == pytest.approx(1, abs=0.12)
    assert weights.var() == pytest.approx(1, abs=0.02)


def test_replicates_do_not_depend_on_chunks_or_on_other_scores(monkeypatch):
    errors, scores = rows(400)
    whole = roc_auc_replicates(errors, scores, 100, 7)
    alone = roc_auc_replicates(errors, scores[:, 1:2], 100, 7)
    np.testing.assert_array_equal(whole[:, 1], alone[:, 0])
    monkeypatch.setattr(bootstrap_module, "_CELLS", 1)
    np.testing.assert_array_equal(roc_auc_replicates(errors, scores, 100, 7), whole)


def test_many_rows_do_not_overflow():
    n = 140_000
    errors = np.arange(n) % 2 == 0
    perfect = errors.astype(float)[:, None]
    assert (roc_auc_replicates(errors, perfect, 2, 0) == 1).all()


def test_the_interval_agrees_with_delong():
    errors, scores = rows(2000)
    for column in scores.T:
        result = bootstrap_roc_auc(errors, column, replicates=2000)
        low, high = delong_interval(errors, column)
        assert result.estimate == roc_auc(errors, column)
        assert result.low == pytest.approx(low, abs=0.004)
        assert result.high == pytest.approx(high, abs=0.004)


def test_delong_covariance_equals_its_definition():
    errors, scores = rows(60)
    wins = []
    for column in scores.T:
        difference = column[errors][:, None] - column[~errors][None, :]
        wins.append((difference > 0) + 0.5 * (difference == 0))
    by_error = np.stack([w.mean(axis=1) for w in wins])
    by_correct = np.stack([w.mean(axis=0) for w in wins])
    expected = np.cov(by_error) / errors.sum() + np.cov(by_correct) / (~errors).sum()
    values, covariance = delong_covariance(errors, scores)
    np.testing.assert_allclose(covariance, expected, atol=1e-14)
    np.testing.assert_allclose(values, [w.mean() for w in wins], atol=1e-14)


def test_one_class_has_no_interval():
    result = bootstrap_roc_auc([True] * 5, np.arange(5), replicates=10)
    assert np.isnan([result.estimate, result.low, result.high, *result.replicates]).all()
    assert np.isnan(delong_interval([True] * 5, np.arange(5))).all()
    assert np.isnan(percentile_interval(np.array([]))).all()


@pytest.mark.slow
def test_intervals_cover_the_true_area():
    """AUC of normal scores shifted by 1 is Φ(1/√2) = 0.7602."""
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(1000):
        errors = np.arange(300) < 150
        scores = rng.normal(size=300) + errors
        result = bootstrap_roc_auc(errors, scores, 500, trial)
        covered += result.low <= 0.7602499 <= result.high
    assert 930 <= covered <= 970
