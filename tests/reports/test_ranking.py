"""Ranking metrics against scikit-learn, direct definitions and their laws."""

from __future__ import annotations

import numpy as np
import pytest
from apprehend.reports import (
    accuracy_at_coverage,
    augrc,
    aurc,
    pr_auc,
    prr,
    risk_coverage_curve,
    roc_auc,
    roc_curve,
    worst_case_roc_auc,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc_curve

SCORES = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, 1e-300, 1e300]),
    st.floats(-1e6, 1e6, allow_nan=False),
)
ROWS = st.lists(st.tuples(st.booleans(), SCORES), min_size=2, max_size=60).map(
    lambda rows: (np.array([r[0] for r in rows]), np.array([r[1] for r in rows]))
)


def both_classes(rows: tuple[np.ndarray, np.ndarray]) -> bool:
    return bool(rows[0].any() and not rows[0].all())


MIXED = ROWS.filter(both_classes)


@given(MIXED)
def test_roc_auc_and_pr_auc_equal_scikit_learn(rows):
    errors, scores = rows
    assert roc_auc(errors, scores) == pytest.approx(roc_auc_score(errors, scores), abs=1e-12)
    expected = average_precision_score(errors, scores)
    assert pr_auc(errors, scores) == pytest.approx(expected, abs=1e-12)


@given(MIXED)
def test_roc_curve_equals_scikit_learn(rows):
    false, true = roc_curve(*rows)
    expected_false, expected_true, _ = sklearn_roc_curve(*rows, drop_intermediate=False)
    np.testing.assert_allclose(false, expected_false, atol=1e-12)
    np.testing.assert_allclose(true, expected_true, atol=1e-12)


def test_roc_auc_counts_infinite_scores_as_ties():
    errors = [True, True, False, False]
    assert roc_auc(errors, [np.inf, 1.0, np.inf, -np.inf]) == pytest.approx(0.625)


def average_over_orders(errors, scores, value, orders=4000, seed=0):
    """Mean of `value(errors)` over random orders within ties, most certain row first."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(orders):
        shuffled = rng.permutation(errors.size)
        order = shuffled[np.argsort(scores[shuffled], kind="stable")]
        values.append(value(errors[order]))
    return np.mean(values), np.std(values) / np.sqrt(orders)


def test_aurc_and_accuracy_at_coverage_average_over_tie_orders():
    rng = np.random.default_rng(1)
    errors, scores = rng.random(20) < 0.4, rng.integers(0, 4, 20).astype(float)
    mean, spread = average_over_orders(
        errors, scores, lambda e: np.mean(np.cumsum(e) / np.arange(1, e.size + 1))
    )
    assert aurc(errors, scores) == pytest.approx(mean, abs=5 * spread + 1e-12)
    mean, spread = average_over_orders(errors, scores, lambda e: 1 - e[:5].mean())
    assert accuracy_at_coverage(errors, scores, 0.25) == pytest.approx(mean, abs=5 * spread + 1e-12)


@given(ROWS)
def test_augrc_identity_equals_the_area_under_the_generalized_risk(rows):
    errors, scores = rows
    risk = risk_coverage_curve(errors, scores)
    generalized = np.concatenate(([0.0], risk[1] * risk[0]))
    coverage = np.concatenate(([0.0], risk[0]))
    assert augrc(errors, scores) == pytest.approx(np.trapezoid(generalized, coverage), abs=1e-12)


def test_a_constant_score_is_the_random_baseline_in_every_row_order():
    rng = np.random.default_rng(2)
    errors = rng.random(200) < 0.3
    for _ in range(100):
        errors = rng.permutation(errors)
        constant = np.full(200, 0.7)
        assert prr(errors, constant) == pytest.approx(0, abs=1e-12)
        assert aurc(errors, constant) == pytest.approx(errors.mean(), abs=1e-12)
        assert augrc(errors, constant) == pytest.approx(errors.mean() / 2, abs=1e-12)
        assert roc_auc(errors, constant) == 0.5
        assert pr_auc(errors, constant) == pytest.approx(errors.mean(), abs=1e-12)


@pytest.mark.parametrize("metric", [roc_auc, pr_auc, prr, aurc, augrc])
@given(rows=ROWS, seed=st.integers(0, 10))
@settings(max_examples=30)
def test_no_metric_depends_on_row_order(metric, rows, seed):
    order = np.random.default_rng(seed).permutation(rows[0].size)
    first, second = metric(*rows), metric(rows[0][order], rows[1][order])
    assert first == second or (np.isnan(first) and np.isnan(second))


@given(MIXED)
def test_oracle_and_reversal(rows):
    errors, scores = rows
    assert prr(errors, errors.astype(float)) == pytest.approx(1)
    assert roc_auc(errors, -scores) == pytest.approx(1 - roc_auc(errors, scores), abs=1e-12)
    assert roc_auc(errors, np.arctan(scores / 1e6)) <= 1


@pytest.mark.parametrize("wrong", [True, False])
def test_one_class_is_undefined_and_never_one_half(wrong):
    errors, scores = [wrong] * 4, [0.1, 0.2, 0.2, 0.9]
    assert np.isnan(roc_auc(errors, scores))
    assert np.isnan(prr(errors, scores))
    assert aurc(errors, scores) == float(wrong)
    assert augrc(errors, scores) == float(wrong) / 2
    assert np.isnan(pr_auc(errors, scores)) is not wrong


def test_no_rows():
    for metric in (roc_auc, pr_auc, prr, aurc, augrc):
        assert np.isnan(metric([], []))
    assert np.isnan(accuracy_at_coverage([], [], 0.5))


@pytest.mark.parametrize(
    ("errors", "scores", "message"),
    [
        ([True, False], [0.1], "one shape"),
        ([[True]], [[0.1]], "one shape"),
        ([True, False], [0.1, np.nan], "without NaN, got 1 of 2"),
        ([0, 2], [0.1, 0.2], "0 or 1"),
    ],
)
def test_bad_rows_are_refused(errors, scores, message):
    with pytest.raises(ValueError, match=message):
        roc_auc(errors, scores)


@pytest.mark.parametrize("coverage", [0, -0.1, 1.1, float("nan")])
def test_coverage_out_of_range_is_refused(coverage):
    with pytest.raises(ValueError, match="coverage in"):
        accuracy_at_coverage([True, False], [0.1, 0.2], coverage)


@given(MIXED, st.data())
def test_worst_case_is_the_smallest_of_all_imputations(rows, data):
    errors, scores = rows
    missing = np.array(
        data.draw(st.lists(st.booleans(), min_size=errors.size, max_size=errors.size))
    )
    imputed = np.array(data.draw(st.lists(SCORES, min_size=errors.size, max_size=errors.size)))
    worst = worst_case_roc_auc(errors, np.where(missing, np.nan, scores))
    assert worst <= roc_auc(errors, np.where(missing, imputed, scores)) + 1e-12
    if not missing.any():
        assert worst == roc_auc(errors, scores)
