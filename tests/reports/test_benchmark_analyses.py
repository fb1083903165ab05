"""Difficulty, option order, Rasch, and shared causes of errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput, build_benchmark_analyses, evaluations
from apprehend.reports.analyses.difficulty import (
    compute_order_flags,
    compute_rasch,
    compute_rasch_difficulty,
    compute_u_curve,
    error_matrix,
    rasch,
)
from apprehend.reports.analyses.factorization import compute_factors, factorize


@pytest.fixture(scope="module")
def five(make_scores, builtin_traits):
    """Five models; two causes: models 0-2 fail on law, models 3-4 on math."""
    rng, frames = np.random.default_rng(0), []
    for index in range(5):
        frame = make_scores(300, ("token_entropy",), f"m{index}", seed=index)
        fails = frame["topic"].eq("law" if index < 3 else "math")
        frame["correct"] = rng.random(300) > np.where(fails, 0.95, 0.05)
        frames.append(frame)
    return ReportInput(pd.concat(frames, ignore_index=True), traits=builtin_traits)


def test_two_causes_are_found_named_and_stable(five):
    found = compute_factors(error_matrix(evaluations(five)))
    assert found.rank == 2
    assert found.stability > 0.95
    assert sorted(name.split(": ")[1].split(",")[0] for name in found.names) == ["law", "math"]
    assert found.scores[2] < found.scores[1]
    law = found.names.index(next(name for name in found.names if ": law" in name))
    assert found.shares[law, found.topics.index("law")] > 0.9
    again = compute_factors(error_matrix(evaluations(five)))
    np.testing.assert_array_equal(again.cluster, found.cluster)


def test_independent_errors_have_one_cause():
    rng = np.random.default_rng(1)
    from apprehend.reports.analyses.difficulty import ErrorMatrix

    errors = (rng.random((6, 300)) < np.linspace(0.2, 0.6, 6)[:, None]).astype(float)
    topics = np.array(["a", "b"], dtype=object)[np.arange(300) % 2]
    matrix = ErrorMatrix([f"m{i}" for i in range(6)], np.arange(300).astype(str), topics, errors)
    assert compute_factors(matrix).rank == 1
    few = ErrorMatrix(matrix.models[:3], matrix.question_ids, topics, errors[:3])
    assert compute_factors(few) is None


def test_factors_are_nonnegative_and_fit_an_exact_product():
    rng = np.random.default_rng(2)
    exact = rng.random((6, 2)) @ rng.random((2, 40))
    weights, causes = factorize(exact, np.ones(exact.shape, bool), 2, 0, 4000)
    assert weights.min() >= 0
    assert causes.min() >= 0
    assert np.abs(weights @ causes - exact).max() < 0.1


def test_rasch_recovers_the_order_of_difficulty():
    rng = np.random.default_rng(3)
    ability, difficulty = np.linspace(-1, 1, 8), np.linspace(-2, 2, 400)
    chance = 1 / (1 + np.exp(ability[:, None] - difficulty[None, :]))
    errors = (rng.random(chance.shape) < chance).astype(float)
    errors[0, ::7] = np.nan
    found_ability, found = rasch(errors)
    assert np.corrcoef(found, difficulty)[0, 1] > 0.8
    assert np.corrcoef(found_ability, ability)[0, 1] > 0.95
    assert np.isfinite(found).all()


def test_rasch_against_judges(five):
    ids = np.arange(300)
    judgements = pd.DataFrame({"task": "t", "question_id": ids, "questionnaire": "complexity"})
    topic = np.array(["law", "math", "physics"])[ids % 3]
    judgements = judgements.assign(judge="j", value=(topic == "law") * 0.5, label=None, rating=9.0)
    data = ReportInput(five.scores, judgements=judgements)
    frame = compute_rasch(data, compute_rasch_difficulty(evaluations(data)))
    assert frame["spearman"].item() > 0.5
    assert frame["models"].item() == 5


def test_rasch_difficulty_needs_no_judge(five, tmp_path):
    frame = compute_rasch_difficulty(evaluations(five))
    assert len(frame) == 300
    assert frame["models"].eq(5).all()
    means = frame.groupby("topic")["difficulty"].mean()
    assert means["law"] > means["math"] > means["physics"]  # 3, 2 and 0 of 5 models fail
    wrong = five.scores.assign(wrong=~five.scores["correct"].astype(bool))
    shares = wrong.groupby(wrong["question_id"].astype(str))["wrong"].mean()
    found = frame.set_index("question_id")["share_wrong"]
    assert (found.reindex(shares.index) - shares).abs().max() < 1e-12
    result = build_benchmark_analyses(five, tmp_path, formats=())
    assert "rasch_difficulty.csv" in {path.name for path in result.files}
    assert "Rasch difficulty against the judge's needs judgements" in " ".join(result.summary)
    few = ReportInput(five.scores[five.scores["model"].isin(("m0", "m1"))])
    result = build_benchmark_analyses(few, tmp_path / "few", formats=())
    assert "Rasch difficulty needs three models" in " ".join(result.summary)


def test_one_cause_predicts(make_scores, tmp_path):
    rng, frames = np.random.default_rng(1), []
    for index in range(5):
        frame = make_scores(200, ("token_entropy",), f"m{index}", seed=index)
        frames.append(frame.assign(correct=rng.random(200) > 0.2 + 0.1 * index))
    data = ReportInput(pd.concat(frames, ignore_index=True))
    result = build_benchmark_analyses(data, tmp_path, formats=())
    assert result.factors["t"].rank == 1
    assert "t: 1 shared cause predicts held-out errors best" in " ".join(result.summary)


def test_the_u_curve_bins_by_the_others(five):
    frame = compute_u_curve(evaluations(five), ("token_entropy", "absent"))
    assert set(frame["model"]) == {f"m{i}" for i in range(5)}
    assert frame.groupby("model")["n"].sum().tolist() == [300] * 5
    assert frame["others"].eq(4).all()
    assert frame["difficulty"].between(0, 1).all()
    assert compute_u_curve(evaluations(five)[:2], ("token_entropy",)).empty


def test_a_model_that_knows_the_published_order_is_flagged(make_scores):
    rng = np.random.default_rng(4)
    rows = [
        {"question_id": i, "shift": s, "answer": int(rng.random() > (0.9 if s == 0 else 0.5))}
        for i in range(200)
        for s in range(3)
    ]
    orders = pd.DataFrame(rows).assign(model="m", task="t", gold=0)
    frame = compute_order_flags(ReportInput(make_scores(), orders=orders))
    assert frame["flag"].item()
    assert frame["accuracy_as_published"].item() == pytest.approx(0.9, abs=0.06)
    assert frame["orders"].item() == 3
    fair = orders.assign(answer=(orders["question_id"] % 2).to_numpy())
    assert not compute_order_flags(ReportInput(make_scores(), orders=fair))["flag"].item()
    assert compute_order_flags(ReportInput(make_scores())).empty


def test_files_and_page(five, tmp_path):
    result = build_benchmark_analyses(five, tmp_path, formats=("svg",))
    names = {path.name for path in result.files}
    assert {"u_curve.csv", "factors.csv", "clusters.csv", "index.html"} <= names
    assert {"u_curve_t_token_entropy.svg", "error_clusters_t.svg"} <= names
    assert any("2 shared causes" in line for line in result.summary)
    assert any("permuted_answers" in line for line in result.summary)
