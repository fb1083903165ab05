"""Thresholds by cost and with a guarantee, rules as files, recommendations, subsets."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import (
    Costs,
    ReportInput,
    RuleError,
    Study,
    advice,
    apply_rule,
    choose_by_cost,
    choose_by_topic,
    choose_subset,
    choose_threshold,
    drift_reading,
    evaluations,
    make_rule,
    read_costs,
    read_rule,
    recommend,
    roc_auc,
    rule_drift,
)
from apprehend.reports.analyses.questions.subsets import choose_questions, rank_agreement
from apprehend.reports.analyses.rules.decision_costs import cheapest_threshold, mean_cost
from apprehend.reports.analyses.rules.guarantees import (
    conformal_risk_control,
    learn_then_test,
    score_grid,
)
from scipy.stats import binomtest, kendalltau


def evaluation(n=600, names=("s",), seed=0, risk=None, model="m"):
    rng = np.random.default_rng(seed)
    u = rng.random(n) if risk is None else risk
    errors = rng.random(n) < u
    frames = []
    for k, name in enumerate(names):
        made = pd.DataFrame({"model": model, "task": "t", "question_id": np.arange(n)})
        made["topic"] = np.array(["law", "math", "physics"])[np.arange(n) % 3]
        made = made.assign(estimator=name, score=u + k * rng.random(n), answer="A")
        frames.append(made.assign(correct=~errors, status="parsed", reason=None))
    return evaluations(ReportInput(pd.concat(frames)))[0]


def test_costs_are_read_and_refused():
    costs = read_costs("wrong=10, abstain=1,escalate=3")
    assert (costs.otherwise, costs.not_answered, costs.break_even) == ("abstain", 1, 0.1)
    assert Costs(10, 5, 3).otherwise == "escalate"
    assert Costs(10, 5, 3, escalated_risk=0.3).otherwise == "abstain"  # 3 + 10 · 0.3 > 5
    for text in (
        "wrong=10",
        "abstain=1",
        "wrong=-1,abstain=1",
        "wrong=x,abstain=1",
        "w=1,abstain=1",
    ):
        with pytest.raises(ValueError, match="expected"):
            read_costs(text)


@pytest.mark.parametrize("seed", range(6))
def test_the_cheapest_threshold_is_that_of_all_thresholds(seed):
    rng = np.random.default_rng(seed)
    errors, scores = rng.random(40) < 0.4, np.round(rng.random(40), 1)
    scores[:3] = np.inf
    costs = Costs(wrong=float(rng.integers(1, 8)), abstain=1.0)
    found = cheapest_threshold(errors, scores, costs)
    every = [-math.inf, *np.unique(scores[np.isfinite(scores)])]
    paid = [mean_cost(errors, scores <= t, costs) for t in every]
    assert mean_cost(errors, scores <= found, costs) == pytest.approx(min(paid), abs=1e-12)


def test_calibrated_probabilities_break_even_at_the_ratio_of_costs():
    made = evaluation(20_000)
    choice = choose_by_cost(made, "s", read_costs("wrong=10,abstain=2,escalate=3"))
    assert choice.break_even == 0.2
    assert choice.threshold == pytest.approx(0.2, abs=0.03)
    # E[cost] = ∫_0^0.2 10 u du + 0.8 · 2 = 0.2 + 1.6
    assert choice.cost == pytest.approx(1.8, abs=0.05)
    assert choice.cost_low < choice.cost < choice.cost_high
    assert choice.cost < min(choice.cost_answering_all, choice.cost_answering_none)
    assert choice.cost_answering_none == 2


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ltt", "crc"])
def test_the_guarantee_holds_in_simulation(method):
    """True risks follow from u: P(error | u) = u for uniform u, by the integral up to τ."""
    target, confidence, failed, joint = 0.15, 0.9, 0, []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        u = rng.random(150)
        errors = rng.random(150) < u
        grid = score_grid(rng.random(150))
        if method == "ltt":
            chosen = learn_then_test(errors, u, grid, target, confidence)
            # The risk of u ≤ τ is τ/2.
            failed += max(chosen, 0) / 2 > target
        else:
            chosen = conformal_risk_control(errors, u, grid, 0.05)
            joint.append(max(chosen, 0) ** 2 / 2)
    if method == "ltt":
        assert failed / 400 <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / 400)
    else:
        assert np.mean(joint) <= 0.05
        assert np.mean(joint) > 0.03  # and does not waste it


def test_learn_then_test_rejects_by_the_binomial_tail():
    errors = np.array([False] * 30 + [True] * 10)
    scores = np.arange(40.0)
    chosen = learn_then_test(errors, scores, np.arange(40.0), 0.1, 0.9)
    kept = int(chosen) + 1
    wrong = int(errors[:kept].sum())
    assert binomtest(wrong, kept, 0.1, alternative="less").pvalue <= 0.1
    wrong = int(errors[: kept + 1].sum())
    assert binomtest(wrong, kept + 1, 0.1, alternative="less").pvalue > 0.1
    assert learn_then_test(errors[:5], scores[:5], np.arange(5.0), 0.1, 0.9) == -math.inf
    assert conformal_risk_control(errors[:5], scores[:5], np.arange(5.0), 0.1) == -math.inf
    assert score_grid(np.array([np.inf, np.nan])).size == 0


def test_thresholds_by_topic_have_their_risks():
    made = evaluation(3000)
    table = choose_by_topic(made, "s", "ltt", 0.2, 0.9).set_index("topic")
    assert set(table.index) == {"", "law", "math", "physics"}
    assert table["threshold"].between(0.1, 0.45).all()
    for topic in ("", "law"):
        own = table.loc[topic]
        assert own["risk"] == pytest.approx(own["n_errors_kept"] / own["n_kept"], abs=1e-12)
        assert own["joint_risk"] == pytest.approx(own["n_errors_kept"] / own["n"], abs=1e-12)
    shares = choose_by_topic(made, "s", "crc", 0.05)
    assert shares["joint_risk"].max() < 0.09
    assert shares["confidence"].isna().all()


def test_a_rule_survives_its_file_and_decides():
    made = evaluation(400)
    rule = make_rule(made, "s", {"": 0.5, "law": -math.inf}, "escalate", {"by": "cost"})
    again = read_rule(rule.text())
    assert again == rule
    scores, topics = np.array([0.4, 0.6, 0.4, np.nan, np.inf]), ["math", "math", "law", None, None]
    assert apply_rule(again, scores, topics) == ["answer", *["escalate"] * 4]
    assert apply_rule(again, scores)[2] == "answer"
    with pytest.raises(RuleError, match="as many topics"):
        apply_rule(again, scores, ["law"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "expected a file written by"),
        ({"version": 2}, "expected version 1"),
        ({"thresholds": {"law": 0.1}}, "one for"),
        ({"thresholds": {"": "x"}}, "invalid"),
        ({"otherwise": "delete"}, "abstain or escalate"),
        ({"edges": [3.0, 1.0]}, "ascending"),
        ({"edges": [float("nan")], "counts": [1, 1]}, "ascending"),
        ({"thresholds": {"": 10**400}}, "invalid"),
        ({"counts": None}, "missing or invalid"),
    ],
)
def test_broken_rules_are_refused(change, message):
    content = json.loads(make_rule(evaluation(50), "s", {"": 0.5}, "abstain", {}).text())
    with pytest.raises(RuleError, match=message):
        read_rule(json.dumps(content | change))
    with pytest.raises(RuleError, match="not JSON"):
        read_rule("{")


def test_drift_is_seen_where_there_is_one():
    made = evaluation(2000)
    rule = make_rule(made, "s", {"": 0.5}, "abstain", {})
    rng = np.random.default_rng(9)
    assert drift_reading(rule_drift(rule, rng.random(2000))) in ("within chance", "stable")
    moved = rule_drift(rule, rng.random(2000) ** 3)
    assert drift_reading(moved).startswith("shifted")
    assert drift_reading(rule_drift(rule, np.full(3, np.nan))) == "no scores"


def test_recommendation_within_a_budget():
    made = evaluation(1500, ("good", "noisy", "noise"))
    costs = {"good": "x", "noisy": "c", "noise": "c"}
    found = recommend(made, costs, replicates=200)
    assert found.estimators[found.choice.best] == "good"
    assert found.estimators[found.cheaper] == "noisy"
    macro = np.mean([roc_auc(made.errors[r], made.scores[r, 0]) for r in made.topics.values()])
    assert found.choice.value == pytest.approx(macro, abs=1e-12)
    assert found.loss_low < found.loss < found.loss_high
    cheap = recommend(made, costs, "m", replicates=200)
    assert cheap.estimators[cheap.choice.best] == "noisy"
    assert cheap.cheaper is None
    assert cheap.left_out == {"dearer than m": ["good"]}
    sizes = {size.topic: size for size in recommend(made, costs, half_width=0.01).sizes}
    assert sizes["law"].needed > sizes["law"].n == 500
    half = sizes["law"].half_width
    assert sizes["law"].needed == pytest.approx(500 * (half / 0.01) ** 2, abs=1)
    narrow = recommend(made, costs, half_width=0.01, replicates=200)
    lines = advice(narrow, choose_threshold(made, "good", 0.2))
    text = " ".join(lines)
    assert lines[0].startswith("m on t: use good (many passes)")
    assert "corrected for the choice among 3" in text
    assert "For an error rate of at most 20.0 %, answer where it is at most" in text
    assert "needs more questions" in text
    assert recommend(made, costs, without=["good", "noisy", "noise"]) is None


def test_a_subset_keeps_the_ranking_of_models_left_out():
    rng = np.random.default_rng(0)
    ability, difficulty = np.linspace(-2, 2, 10), rng.normal(size=3000)
    errors = rng.random((10, 3000)) < 1 / (1 + np.exp(ability[:, None] - difficulty))
    frames = []
    for row in range(10):
        made = pd.DataFrame({"model": f"m{row}", "task": "t", "question_id": np.arange(3000)})
        made["topic"] = np.array(["law", "math"])[np.arange(3000) % 2]
        for name in ("s", "r"):
            frames.append(
                made.assign(
                    estimator=name, score=rng.random(3000), answer="A", correct=~errors[row],
                    status="parsed", reason=None,
                )
            )  # fmt: skip
    study = Study(ReportInput(pd.concat(frames)), evaluations(ReportInput(pd.concat(frames))))
    found = choose_subset(study.matrix("t"), study.on("t"), 150)
    assert len(set(found.question_ids)) == 150
    assert np.count_nonzero(found.topics == "law") == 75
    assert found.held_out_tau >= 0.9
    assert found.held_out_gap < 0.05
    assert found.repetitions == 10
    with pytest.raises(ValueError, match="at least 4000"):
        choose_subset(study.matrix("t"), study.on("t"), 4000)


def test_chosen_questions_match_the_models_better_than_random_ones():
    rng = np.random.default_rng(1)
    errors = (rng.random((4, 800)) < 0.4).astype(float)
    topics = np.array(["a", "b"], object)[np.arange(800) % 2]
    chosen = choose_questions(errors, topics, 100)
    assert np.abs(errors[:, chosen].mean(axis=1) - errors.mean(axis=1)).max() < 0.01
    assert len(set(chosen.tolist())) == 100
    assert sorted(choose_questions(errors, topics, 800).tolist()) == list(range(800))


def test_rank_agreement_is_kendalls():
    rng = np.random.default_rng(2)
    whole, part = rng.random(7), rng.random(7)
    every = np.ones((7, 7), bool)
    expected = kendalltau(whole, part).statistic
    assert rank_agreement(whole, part, every) == pytest.approx(expected, abs=1e-9)
    assert math.isnan(rank_agreement(whole, part, ~every))
