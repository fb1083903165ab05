"""Conformal sets, option letters, complementarity, judges, trends, thresholds, missing by topic."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput, compute_analyses, evaluations, roc_auc
from apprehend.reports.analyses.complementarity import compute_complementarity, correlation_matrix
from apprehend.reports.analyses.judge_agreement import agreement, compute_labels
from apprehend.reports.analyses.positions import compute_positions
from apprehend.reports.analyses.thresholds import compute_thresholds
from apprehend.reports.figures.judge_labels import compute_label_shares
from apprehend.reports.metrics.conformal_sets import compute_conformal
from apprehend.reports.statistics.intervals import exact_share, wilson
from scipy.stats import binomtest, chisquare, spearmanr
from sklearn.metrics import cohen_kappa_score


@pytest.fixture(scope="module")
def analyses(full_input):
    return compute_analyses(ReportInput(**full_input), replicates=20)


def test_conformal_table(full_input, analyses):
    frame = analyses.conformal
    assert set(frame["model"]) == {"plain-model"}
    assert set(frame["method"]) == {"LAC", "APS"}
    assert set(frame["alpha"]) == {0.05, 0.1, 0.2, 0.3}
    pooled = frame[frame["topic"] == "all"]
    assert (pooled["n"] == 90).all()
    assert (pooled["coverage"] >= 1 - pooled["alpha"] - 0.12).all()
    assert (frame["coverage_low"] <= frame["coverage"]).all()
    none = evaluations(ReportInput(full_input["scores"]))[0]
    assert compute_conformal(ReportInput(full_input["scores"]), none).empty


def test_wilson_equals_scipy():
    for k, n in ((0, 7), (3, 9), (40, 40)):
        expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
        assert wilson(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert np.isnan(wilson(0, 0)).all()


def test_exact_interval_equals_scipy():
    for k, n in ((0, 1), (1, 1), (1, 2), (0, 28), (27, 28), (3, 10), (500, 1000)):
        expected = binomtest(k, n).proportion_ci(0.95, method="exact")
        assert exact_share(k, n) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert np.isnan(exact_share(0, 0)).all()


def test_option_letters(make_scores):
    scores = make_scores(90, ("token_entropy",))
    scores["answer"] = np.array(["A", "B", "C"])[np.arange(90) // 30]
    ids = np.arange(90)
    questions = pd.DataFrame({"task": "t", "question_id": ids, "topic": "x", "question": "?"})
    questions = questions.assign(options=[["x"] * 3] * 90, gold=np.array(["A", "B", "C"])[ids % 3])
    data = ReportInput(scores, questions=questions)
    found = compute_positions(data, evaluations(data)[0])
    assert found.letters == ["A", "B", "C"]
    assert found.gold.tolist() == found.predicted.tolist() == [30, 30, 30]
    assert found.right.tolist() == [10, 10, 10]
    assert found.chi_square()[2] == 1
    skewed = type(found)(
        "m", "t", ["A", "B"], np.array([40, 60]), np.array([55, 45]), np.array([30, 40])
    )
    expected = chisquare([55, 45], [40, 60])
    assert skewed.chi_square()[0] == pytest.approx(expected.statistic)
    assert skewed.chi_square()[2] == pytest.approx(expected.pvalue)
    assert skewed.recall_spread() == pytest.approx(np.std([0.75, 2 / 3]))
    assert compute_positions(ReportInput(scores), evaluations(data)[0]) is None


def test_complementarity_equals_scipy_and_its_definition(make_scores):
    one = evaluations(ReportInput(make_scores(200, ("a", "b", "c"))))[0]
    frame = compute_complementarity(one)
    assert len(frame) == 3
    first = frame.iloc[0]
    a, b = one.raw[:, 0], one.raw[:, 1]
    assert first["spearman"] == pytest.approx(spearmanr(a, b).statistic)
    ranks = [pd.Series(x).rank().to_numpy() for x in (a, b)]
    both = roc_auc(one.errors, ranks[0] + ranks[1])
    assert first["roc_auc_both"] == pytest.approx(both)
    assert first["gain"] == pytest.approx(both - max(first["roc_auc_a"], first["roc_auc_b"]))
    overlooked = one.errors & (ranks[0] <= 100.5)
    assert first["found_by_b"] == pytest.approx((ranks[1][overlooked] > 100.5).mean())
    matrix = correlation_matrix(frame, ["a", "b", "c"])
    np.testing.assert_allclose(matrix, matrix.T)
    assert (np.diag(matrix) == 1).all()


def test_labels_stand_in_the_order_of_their_values(make_scores):
    said = {"one": ["postgraduate", "high school"], "two": ["graduate", "undergraduate"]}
    values = {"high school": 0.2, "undergraduate": 0.4, "graduate": 0.6, "postgraduate": 0.8}
    names = ("task", "questionnaire", "judge", "question_id", "label", "value", "rating")
    rows = [
        ("t", "level", judge, k, label, values[label], 9)
        for judge, labels in said.items()
        for k, label in enumerate(labels)
    ]
    table = compute_labels(
        ReportInput(make_scores(), judgements=pd.DataFrame.from_records(rows, columns=names))
    )
    assert table["label"].tolist() == ["high school", "postgraduate", "undergraduate", "graduate"]
    assert table["value"].tolist() == [0.2, 0.8, 0.4, 0.6]
    (shares,) = compute_label_shares(table)
    assert shares.parts == list(values)
    np.testing.assert_allclose(shares.values, [[0.5, 0, 0, 0.5], [0, 0.5, 0.5, 0]])


def test_judges(analyses):
    assert list(analyses.judges["judge"]) == ["judge one", "<b>judge</b> two"]
    assert (analyses.judges["rating_top_share"] == 1).all()
    assert analyses.judges["values"].tolist() == [3, 2]
    assert analyses.judge_labels.groupby("judge")["share"].sum().tolist() == pytest.approx([1, 1])
    assert len(analyses.judge_agreement) == 1
    a, b = np.array([1, 2, 3, 3, 1.0]), np.array([1, 2, 2, 3, 2.0])
    found = agreement(a, b)
    assert found["kappa"] == pytest.approx(cohen_kappa_score(a.astype(int), b.astype(int)))
    expected = cohen_kappa_score(a.astype(int), b.astype(int), weights="quadratic")
    assert found["weighted_kappa"] == pytest.approx(expected)
    assert found["agreement"] == pytest.approx(0.6)
    assert np.isnan(agreement(np.ones(3), np.ones(3))["kappa"])


def test_trends_find_a_falling_auc(make_scores):
    scores = make_scores(900, ("token_entropy",))
    ids = scores["question_id"].to_numpy()
    noise = np.random.default_rng(1).random(900)
    scores["score"] = noise + np.array([1.0, 0.5, 0.0])[ids % 3] * ~scores["correct"]
    strata = pd.DataFrame({"task": "t", "question_id": ids, "stratum": "reasoning_steps"})
    strata["value"] = np.array(["low", "medium", "high"])[ids % 3]
    found = (
        compute_analyses(ReportInput(scores, strata=strata), replicates=5).by_task["trends"].iloc[0]
    )
    assert found["values"] == "low, medium, high"
    assert found["slope"] < -0.1
    assert found["p_holm"] < 1e-6
    areas = [float(area) for area in found["roc_auc"].split(", ")]
    assert areas == sorted(areas, reverse=True)


def test_thresholds_keep_what_they_say(make_scores):
    one = evaluations(ReportInput(make_scores(200, ("token_entropy",))))[0]
    frame = compute_thresholds(one)
    assert frame["coverage"].iloc[-1] == 1
    for row in frame.itertuples():
        kept = one.scores[:, 0] <= row.threshold
        assert (row.n_kept, row.n_errors_kept) == (kept.sum(), one.errors[kept].sum())
    assert (np.diff(frame["coverage"]) > 0).all()


def test_missing_and_unparsed_by_topic(analyses):
    frame = analyses.by_task["missing_by_topic"]
    own = frame[(frame["model"] == "plain-model") & (frame["estimator"] == "<b>mine</b>")]
    own = own.set_index("topic")
    assert own["missing"]["all"] == 6
    assert own.loc[["law", "math", "physics"], "missing"].sum() == 6
    assert own["unparsed"]["all"] == 2
    assert own["n"]["all"] == 90
