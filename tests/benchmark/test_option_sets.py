"""Conformal sets: one kernel, for the estimator and for reports."""

from __future__ import annotations

from math import ceil, fsum

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.reporting.option_sets import ALPHAS, with_option_sets
from apprehend.estimators.core.prediction_sets import (
    conformal_sets,
    conformal_threshold,
    nonconformity,
)
from apprehend.reports import ReportInput, evaluations
from apprehend.reports.metrics.conformal_sets import compute_conformal, halves


def made(p: np.ndarray, gold: np.ndarray) -> ReportInput:
    """A report's input with these option probabilities (n, K), NaN where there is no option."""
    ids = np.arange(len(p))
    right = np.nanargmax(p, axis=1) == gold
    scores = pd.DataFrame({"model": "m", "task": "t", "question_id": ids, "topic": "law"})
    scores = scores.assign(estimator="token_entropy", score=0.5, answer="A", correct=right)
    scores = scores.assign(status="parsed", reason=None)
    options = pd.DataFrame({"model": "m", "task": "t", "question_id": ids, "gold": gold})
    options["probabilities"] = [row[~np.isnan(row)] for row in p]
    return ReportInput(scores, options=options)


def by_definition(
    p: list[float], gold: int, others: list[tuple[list[float], int]], rule: str, alpha: float
) -> tuple[int, bool]:
    """Size and coverage of one set, by exact sums."""

    def misfits(row: list[float]) -> list[float]:
        if rule == "LAC":
            return [1 - value for value in row]
        order = sorted(range(len(row)), key=lambda i: (row[i], i), reverse=True)
        sums = {i: round(fsum(row[k] for k in order[: at + 1]), 12) for at, i in enumerate(order)}
        return [sums[i] for i in range(len(row))]

    known = sorted(misfits(row)[right] for row, right in others)
    rank = ceil(round((len(known) + 1) * (1 - alpha), 9))
    limit = known[rank - 1] if rank <= len(known) else float("inf")
    inside = {i for i, value in enumerate(misfits(p)) if value <= limit}
    if not inside:
        inside = {max(range(len(p)), key=lambda i: (p[i], i if rule == "APS" else -i))}
    return len(inside), gold in inside


def few_levels(rng: np.random.Generator, n: int) -> np.ndarray:
    """Probabilities in tenths, so that many are equal and sums differ in their last bit."""
    p = rng.multinomial(10, np.full(4, 0.25), size=n) / 10
    p[rng.random(n) < 0.3, 3] = np.nan
    return p / np.nansum(p, axis=1, keepdims=True)


def test_a_report_has_the_sets_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    p = few_levels(rng, 120)
    gold = np.array([rng.choice(np.flatnonzero(~np.isnan(row))) for row in p])
    data = with_option_sets(made(p, gold), seed=5)
    half = halves(np.arange(120).astype(str), 5)
    rows = [[float(x) for x in row if not np.isnan(x)] for row in p]
    assert len(data.sets) == 120 * 2 * len(ALPHAS)
    for one in data.sets.itertuples():
        others = [(rows[i], int(gold[i])) for i in range(120) if half[i] != half[one.question_id]]
        expected = by_definition(
            rows[one.question_id], int(gold[one.question_id]), others, one.method, one.alpha
        )
        assert (one.size, one.covered) == expected
        assert one.options == len(rows[one.question_id])


def test_sums_that_differ_in_their_last_bit_are_equal() -> None:
    """A report summed them unrounded once, and left options of equal sums out."""
    p = np.array([[0.1, 0.2, 0.7], [0.3, 0.6, 0.1], [0.2, 0.3, 0.5]])
    assert len(set(np.cumsum(np.sort(p)[:, ::-1], axis=1)[:, -1])) > 1
    assert set(np.nanmax(nonconformity(p, "aps"), axis=1)) == {1.0}


@pytest.mark.parametrize("rule", ["lac", "aps"])
def test_an_empty_set_becomes_the_most_probable_option(rule: str) -> None:
    p = np.array([[0.0, 1.0, 0.0], [0.0, 0.6, 0.4], [np.nan, np.nan, np.nan]])
    sets = conformal_sets(p, rule, -1.0)
    assert sets.tolist() == [[False, True, False], [False, True, False], [False] * 3]


def test_nonconformity_by_hand() -> None:
    p = np.array([[0.5, 0.3, 0.2, np.nan]])
    np.testing.assert_allclose(nonconformity(p, "lac"), [[0.5, 0.7, 0.8, np.nan]])
    np.testing.assert_allclose(nonconformity(p, "aps"), [[0.5, 0.8, 1.0, np.nan]])
    assert conformal_threshold(np.arange(1.0, 20), 0.1) == 18
    assert conformal_threshold(np.arange(5.0), 0.1) == np.inf


def test_the_paper_rows_calibrate_themselves() -> None:
    """Questions that the row convention leaves out have no set and calibrate none."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4), 200)
    gold = rng.integers(0, 4, 200)
    whole = made(p, gold)
    ratings = pd.DataFrame({"task": "t", "question_id": np.arange(200), "rating": 10.0})
    ratings.loc[100:, "rating"] = 1.0
    some = ReportInput(whole.scores, options=whole.options, ratings=ratings)
    kept = with_option_sets(some, "paper").sets
    alone = with_option_sets(made(p[:100], gold[:100])).sets
    pd.testing.assert_frame_equal(kept.reset_index(drop=True), alone.reset_index(drop=True))


def test_coverage_is_that_of_the_sets() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(6) / 2, size=8000)
    gold = (p.cumsum(axis=1) > rng.random((8000, 1))).argmax(axis=1)
    data = with_option_sets(made(p, gold))
    frame = compute_conformal(data, evaluations(data)[0])
    pooled = frame[frame["topic"] == "all"]
    assert (pooled["coverage"] >= 1 - pooled["alpha"] - 0.02).all()
    exact = pooled[pooled["method"] == "LAC"]
    np.testing.assert_allclose(exact["coverage"], 1 - exact["alpha"], atol=0.02)
    assert (pooled["n"] == 8000).all()
