"""metrics.csv: schema, row conventions, groups, and the recorded data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import (
    METRIC_COLUMNS,
    ReportInput,
    compute_flow,
    compute_metrics,
    compute_missing,
)
from sklearn.metrics import average_precision_score, roc_auc_score

CONTRACT = [
    *("model", "task", "estimator", "topic", "n", "n_errors", "coverage", "accuracy"),
    *("roc_auc", "roc_auc_low", "roc_auc_high", "pr_auc", "prr", "aurc", "augrc"),
]


def row(metrics, topic, estimator="token_entropy"):
    found = metrics[(metrics["topic"] == topic) & (metrics["estimator"] == estimator)]
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture(scope="module")
def recorded_metrics(recorded_input):
    return compute_metrics(recorded_input)


def test_recorded_overall_values(recorded_metrics):
    pooled = row(recorded_metrics, "all")
    assert pooled["roc_auc"] == pytest.approx(0.709, abs=0.001)
    assert pooled["roc_auc_low"] == pytest.approx(0.700, abs=0.003)
    assert pooled["roc_auc_high"] == pytest.approx(0.718, abs=0.003)
    assert (pooled["n"], pooled["n_errors"]) == (12030, 7675)
    at = [pooled[f"accuracy_at_{share}"] for share in (10, 25, 50)]
    assert at == pytest.approx([0.753, 0.629, 0.501], abs=0.0005)
    assert row(recorded_metrics, "macro")["roc_auc"] == pytest.approx(0.692, abs=0.0005)


@pytest.mark.parametrize(
    ("topic", "value", "low", "high"),
    [("biology", 0.787, 0.754, 0.821), ("law", 0.593, 0.555, 0.630), ("math", 0.643, 0.611, 0.676)],
)
def test_recorded_topic_intervals(recorded_metrics, topic, value, low, high):
    # One end of the published law interval, .630, is itself 0.004 off: 20,000 replicates and DeLong
    # both give .634. An end moves by 0.002 between seeds at 1,000 replicates.
    found = row(recorded_metrics, topic)
    assert found["roc_auc"] == pytest.approx(value, abs=0.001)
    assert found["roc_auc_low"] == pytest.approx(low, abs=0.006)
    assert found["roc_auc_high"] == pytest.approx(high, abs=0.006)


def test_recorded_topics_equal_scikit_learn_and_the_expected_table(
    recorded, recorded_folder, recorded_metrics
):
    expected = pd.read_csv(recorded_folder / "tables" / "expected_auc_qwen2.5-3b.csv")
    assert len(expected) == 15
    for published in expected.itertuples():
        topic = "all" if published.category == "ALL" else published.category
        part = recorded if topic == "all" else recorded[recorded["category"] == topic]
        found = row(recorded_metrics, topic)
        area = roc_auc_score(~part["correct"], part["entropy"])
        assert found["roc_auc"] == pytest.approx(area, abs=1e-9)
        precision = average_precision_score(~part["correct"], part["entropy"])
        assert found["pr_auc"] == pytest.approx(precision, abs=1e-9)
        assert found["aurc"] == pytest.approx(published.aurc, abs=1e-6)
        assert (found["n"], found["n_errors"]) == (published.n, published.n_error)


def test_schema_and_order_of_topics(make_scores):
    metrics = compute_metrics(ReportInput(make_scores()), replicates=20, seed=3)
    assert tuple(metrics.columns) == METRIC_COLUMNS
    assert list(metrics.columns[: len(CONTRACT)]) == CONTRACT
    assert list(metrics["topic"]) == ["all", "macro", "law", "math", "physics"] * 2
    assert (metrics["rows"] == "all").all()
    assert (metrics["seed"] == 3).all()
    macro, topics = row(metrics, "macro"), metrics["topic"].isin(["law", "math", "physics"])
    own = metrics[topics & metrics["estimator"].eq("token_entropy")]
    assert macro["roc_auc"] == pytest.approx(own["roc_auc"].mean())
    assert macro["roc_auc_low"] < macro["roc_auc"] < macro["roc_auc_high"]
    assert (macro["n"], macro["n_topics"]) == (120, 3)


def test_row_order_and_other_estimators_do_not_change_a_value(make_scores):
    scores = make_scores()
    first = compute_metrics(ReportInput(scores), replicates=30)
    shuffled = scores.sample(frac=1, random_state=1)
    second = compute_metrics(ReportInput(shuffled), replicates=30)
    keys = ["estimator", "topic"]
    pd.testing.assert_frame_equal(
        first.sort_values(keys, ignore_index=True), second.sort_values(keys, ignore_index=True)
    )
    alone = compute_metrics(
        ReportInput(scores[scores["estimator"] == "max_probability"]), replicates=30
    )
    both = first[first["estimator"] == "max_probability"].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, both)


@pytest.fixture
def flawed(make_scores):
    """Ten unparsed rows, ten don't-know rows, and ten rows without a score of one estimator."""
    scores = make_scores()
    number = scores["question_id"]
    scores.loc[number < 10, ["status", "answer"]] = ["unparsed", None]
    scores.loc[number < 5, "score"] = np.nan
    scores.loc[number < 5, "reason"] = "no answer found"
    scores.loc[number.between(10, 19), "status"] = "dont_know"
    scores.loc[number.between(10, 19), "correct"] = False
    gap = number.between(20, 29) & scores["estimator"].eq("max_probability")
    scores.loc[gap, "score"] = np.nan
    scores.loc[gap, "reason"] = "judge failed"
    return scores


def test_all_rows_make_unparsed_answers_wrong_with_the_worst_score(flawed):
    metrics = compute_metrics(ReportInput(flawed), replicates=10)
    for name, left_out in (("token_entropy", 0), ("max_probability", 10)):
        part = flawed[flawed["estimator"] == name]
        unparsed = part["status"] == "unparsed"
        scores = part["score"].mask(unparsed, 1e9)
        errors = ~part["correct"] | unparsed
        known = scores.notna()
        found = row(metrics, "all", name)
        assert found["roc_auc"] == pytest.approx(roc_auc_score(errors[known], scores[known]))
        assert (found["n"], found["n_missing"]) == (120 - left_out, left_out)
        assert found["n_errors"] == errors[known].sum()
        assert found["n_unparsed"] == 10
        assert found["coverage"] == pytest.approx((120 - 5 - left_out) / 120)
        worst = scores.fillna(errors.map({True: -1e9, False: 1e9}))
        assert found["roc_auc_worst"] == pytest.approx(roc_auc_score(errors, worst))
        assert found["n_common"] == 110
        other = flawed[flawed["estimator"] == "max_probability"].reset_index()
        common = (other["score"].notna() | other["status"].eq("unparsed")).to_numpy()
        expected = roc_auc_score(errors[common], scores[common])
        assert found["roc_auc_common"] == pytest.approx(expected)
        assert found["roc_auc_worst"] <= found["roc_auc"]


def test_the_paper_filter_keeps_parsed_and_well_rated_rows(flawed):
    ids = np.arange(120)
    ratings = pd.DataFrame({"task": "t", "question_id": ids, "rating": 8.0 + ids % 3})
    ratings.loc[ids == 31, "rating"] = np.nan
    metrics = compute_metrics(ReportInput(flawed, ratings=ratings), "paper", replicates=10)
    part = flawed[flawed["estimator"] == "token_entropy"]
    keep = (part["status"] == "parsed") & (ids % 3 != 0) & (ids != 31)
    found = row(metrics, "all")
    assert found["n"] == keep.sum()
    assert found["roc_auc"] == pytest.approx(
        roc_auc_score(~part["correct"][keep], part["score"][keep])
    )
    assert (metrics["rows"] == "paper").all()
    unrated = compute_metrics(ReportInput(flawed), "paper", replicates=10)
    assert row(unrated, "all")["n"] == 100
    other_task = ratings.assign(task="another")
    same = compute_metrics(ReportInput(flawed, ratings=other_task), "paper", replicates=10)
    assert row(same, "all")["n"] == 100


def test_flow_and_missing(flawed):
    flow = compute_flow(ReportInput(flawed))
    counts = {
        stage: n for stage, n in zip(flow["stage"], flow["n"], strict=True) if stage != "scored"
    }
    assert counts == {"asked": 120, "answered": 120, "parsed": 100, "dont_know": 10, "common": 105}
    scored = flow[flow["stage"] == "scored"].set_index("estimator")["n"]
    assert scored.to_dict() == {"token_entropy": 115, "max_probability": 105}
    known = pd.DataFrame(
        [{"model": "m", "task": "t", "asked": 130, "answered": 120, "parsed": 100, "dont_know": 10}]
    )
    flow = compute_flow(ReportInput(flawed, flow=known), "paper").set_index("stage")
    assert flow.loc["asked", "n"] == 130
    assert flow.loc["kept", "n"] == 100
    assert flow.loc["kept", "share"] == pytest.approx(100 / 130)
    missing = compute_missing(ReportInput(flawed))
    listed = {(m.estimator, m.reason): m.n for m in missing.itertuples()}
    assert listed == {
        ("token_entropy", "no answer found"): 5,
        ("max_probability", "judge failed"): 10,
        ("max_probability", "no answer found"): 5,
    }


def test_a_question_stored_for_one_estimator_only_is_missing_for_the_other(make_scores):
    scores = make_scores().iloc[:-20]
    data = ReportInput(scores)
    found = row(compute_metrics(data, replicates=5), "all", "max_probability")
    assert (found["n"], found["n_missing"]) == (100, 20)
    missing = compute_missing(data)
    assert missing.iloc[0].to_dict() | {} == {
        "model": "m",
        "task": "t",
        "estimator": "max_probability",
        "reason": "no score stored",
        "n": 20,
    }


def test_one_class_topics_are_undefined_and_left_out_of_the_macro_average(make_scores):
    scores = make_scores()
    scores.loc[scores["topic"] == "law", "correct"] = True
    metrics = compute_metrics(ReportInput(scores), replicates=20)
    law = row(metrics, "law")
    assert np.isnan(law[["roc_auc", "roc_auc_low", "roc_auc_high", "prr"]].astype(float)).all()
    assert (law["n"], law["n_errors"], law["aurc"]) == (40, 0, 0)
    macro = row(metrics, "macro")
    assert macro["n_topics"] == 2
    assert macro["n"] == 80
    areas = [row(metrics, topic)["roc_auc"] for topic in ("math", "physics")]
    assert macro["roc_auc"] == pytest.approx(np.mean(areas))


def test_all_right_and_no_scores_at_all(make_scores):
    scores = make_scores().assign(correct=True)
    metrics = compute_metrics(ReportInput(scores), replicates=5)
    assert metrics["roc_auc"].isna().all()
    scores = make_scores()
    scores.loc[scores["estimator"] == "max_probability", "score"] = np.nan
    metrics = compute_metrics(ReportInput(scores), replicates=5)
    empty = row(metrics, "all", "max_probability")
    assert (empty["n"], empty["n_missing"], empty["coverage"]) == (0, 120, 0)
    assert np.isnan(empty["roc_auc"])
    assert row(metrics, "all")["n_common"] == 120


def test_strata_are_groups_in_their_natural_order(make_scores):
    ids = np.arange(120)
    strata = pd.DataFrame(
        {
            "task": "t",
            "question_id": ids.astype(str),
            "stratum": "reasoning_steps",
            "value": np.array(["low", "medium", "high"])[ids % 3],
        }
    )
    strata.loc[3, "value"] = None
    scores = make_scores()
    metrics = compute_metrics(ReportInput(scores, strata=strata), replicates=5)
    topics = list(dict.fromkeys(metrics["topic"]))
    assert topics[5:] == [f"reasoning_steps={value}" for value in ("low", "medium", "high")]
    low = row(metrics, "reasoning_steps=low")
    part = scores[(scores["estimator"] == "token_entropy") & (scores["topic"] == "law")]
    part = part[part["question_id"] != 3]
    assert low["n"] == 39
    assert low["roc_auc"] == pytest.approx(roc_auc_score(~part["correct"], part["score"]))


def test_a_topic_named_like_an_average_stays_apart(make_scores):
    scores = make_scores()
    scores.loc[scores["topic"] == "law", "topic"] = "all"
    metrics = compute_metrics(ReportInput(scores), replicates=5)
    assert row(metrics, "topic=all")["n"] == 40
    assert row(metrics, "all")["n"] == 120


def test_tiny_groups_get_a_row(make_scores):
    scores = make_scores()
    scores.loc[scores["question_id"] < 2, "topic"] = "tiny"
    assert row(compute_metrics(ReportInput(scores), replicates=5), "tiny")["n"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.drop(columns="topic"), "column `topic` in `scores`"),
        (lambda s: pd.concat([s, s.head(1)]), "Expected one score per"),
        (lambda s: s.assign(status="lost"), "got 'lost'"),
        (lambda s: s.assign(status=None), "got null"),
        (lambda s: s.assign(correct=None), "240 null"),
        (lambda s: s.head(0), "empty"),
    ],
)
def test_bad_input_is_refused(make_scores, change, message):
    with pytest.raises(ValueError, match=message):
        ReportInput(change(make_scores()))


def test_contradicting_rows_are_refused(make_scores):
    scores = make_scores()
    scores.loc[0, "correct"] = ~scores.loc[0, "correct"]
    with pytest.raises(ValueError, match="question 0 of m on t"):
        compute_metrics(ReportInput(scores), replicates=5)
    with pytest.raises(ValueError, match="rows to be one of all, paper"):
        compute_metrics(ReportInput(make_scores()), rows="some")
