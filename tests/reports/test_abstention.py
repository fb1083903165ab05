"""Metrics that punish confident errors, against loops and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from apprehend.reports import builtin_metrics
from apprehend.reports.metrics.abstention import (
    TARGETS,
    abstention_score,
    distributional_correctness_score,
)


@pytest.mark.parametrize("target", [0.0, *TARGETS])
def test_points_and_scores_are_their_definitions(target):
    rng = np.random.default_rng(0)
    errors = rng.random(60) < 0.4
    u = rng.choice([0.0, 0.1, 0.25, 0.5, 0.9, 1.0], 60)
    points = [
        0.0 if c < target - 1e-12 else -target / (1 - target) if wrong else 1.0
        for wrong, c in zip(errors, 1 - u, strict=True)
    ]
    assert abstention_score(errors, u, target) == pytest.approx(np.mean(points), abs=1e-9)
    squares = [(-1 if wrong else 1) * (1 - v) ** 2 for wrong, v in zip(errors, u, strict=True)]
    found = distributional_correctness_score(errors, u)
    assert found == pytest.approx(np.mean(squares), abs=1e-9)


def test_extremes():
    right, wrong = np.array([False] * 4), np.array([True] * 4)
    sure, silent = np.zeros(4), np.ones(4)
    assert abstention_score(right, sure, 0.75) == 1
    assert abstention_score(wrong, sure, 0.75) == -3
    assert abstention_score(wrong, silent, 0.75) == 0
    assert abstention_score(wrong, np.full(4, 0.25), 0.75) == -3  # a confidence of exactly .75
    assert distributional_correctness_score(wrong, sure) == -1
    assert distributional_correctness_score(wrong, silent) == 0
    assert math.isnan(abstention_score([], [], 0.5))
    assert math.isnan(distributional_correctness_score([], []))
    for bad in (-0.1, 1.0):
        with pytest.raises(ValueError, match="target"):
            abstention_score(right, sure, bad)
    with pytest.raises(ValueError, match="probabilities"):
        abstention_score(right, 2 * silent, 0.5)


def test_answering_where_confidence_reaches_the_target_is_best_if_calibrated():
    """E[points] of a threshold τ on u for uniform u = P(error): largest at 1 - t."""
    rng = np.random.default_rng(1)
    u = rng.random(200_000)
    errors = rng.random(200_000) < u
    exact = 0.25 - 0.25**2 / 2 - 3 * 0.25**2 / 2
    assert abstention_score(errors, u, 0.75) == pytest.approx(exact, abs=0.003)
    bold = abstention_score(errors, np.clip(u - 0.2, 0, 1), 0.75)
    shy = abstention_score(errors, np.clip(u + 0.1, 0, 1), 0.75)
    assert max(bold, shy) < exact


def test_they_are_columns_for_probabilities():
    names = builtin_metrics()
    assert {f"abstention_score_{round(100 * t)}" for t in TARGETS} <= set(names)
    assert names["abstention_score_90"].bounds == (pytest.approx(-9), 1)
