"""Ranks of the right option, runs, flips, samples, maps and regimes, against slow references."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput, Study, evaluations, roc_auc
from apprehend.reports.analyses.answers.flips import compute_flips
from apprehend.reports.analyses.answers.gold_ranks import (
    compute_gold_ranks,
    distributional_correctness,
    rank_of_gold,
)
from apprehend.reports.analyses.answers.id_priors import compute_id_priors
from apprehend.reports.analyses.answers.published_order import compute_published_order, flag_chance
from apprehend.reports.analyses.answers.runs import compute_runs, count_runs, runs_moments
from apprehend.reports.analyses.answers.sampled_answers import (
    compute_overconfidence,
    compute_sampling_bounds,
    lower_bounds,
    pass_at,
)
from apprehend.reports.analyses.answers.uncertainty_maps import (
    compute_confident_divergent,
    compute_uncertainty_maps,
    thirds,
)
from apprehend.reports.analyses.questions.regimes import (
    cohen_kappa,
    compute_regimes,
    compute_reruns,
)
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

N = 60
IDS = [f"q{i:03d}" for i in range(N)]
TOPICS = np.array(["law", "math"])[np.arange(N) % 2]


def frame(correct, score=0.5, estimator="s", model="m", task="t", answers="A"):
    made = pd.DataFrame({"model": model, "task": task, "question_id": IDS, "topic": TOPICS})
    made = made.assign(estimator=estimator, score=score, answer=answers, correct=correct)
    return made.assign(status="parsed", reason=None)


def study(*frames, **more) -> Study:
    data = ReportInput(pd.concat(frames, ignore_index=True), **more)
    return Study(data, evaluations(data))


@pytest.mark.parametrize("options", [2, 3, 4])
def test_rank_of_gold_is_the_mean_over_random_tie_breaks(options):
    rng = np.random.default_rng(options)
    for _ in range(20):
        p = rng.choice([0.0, 0.2, 0.5, 1.0], options)
        gold = int(rng.integers(options))
        ranks = []
        for order in itertools.permutations(range(options)):
            ranked = sorted(range(options), key=lambda i, order=order: (-p[i], order.index(i)))
            ranks.append(ranked.index(gold) + 1)
        expected = np.array(ranks)
        assert rank_of_gold(p, gold) == pytest.approx(
            (
                expected.mean(),
                (1 / expected).mean(),
                (expected == 1).mean(),
                (expected <= 2).mean(),
            ),
            abs=1e-9,
        )


def test_gold_ranks_by_topic_and_what_is_left_out():
    rng = np.random.default_rng(0)
    lists = [rng.dirichlet(np.ones(4)) for _ in range(N)]
    gold = rng.integers(4, size=N)
    gold[:3] = -1
    options = pd.DataFrame({"model": "m", "task": "t", "question_id": IDS, "gold": gold})
    options["probabilities"] = lists
    table = compute_gold_ranks(study(frame(True), options=options)).set_index("topic")
    ranks = [1 + sum(p > own[g] for p in own) for own, g in zip(lists, gold, strict=True) if g >= 0]
    assert table.loc["all", "n"] == N - 3
    assert table.loc["all", "n_left_out"] == 3
    assert table.loc["all", "mrr"] == pytest.approx(np.mean([1 / r for r in ranks]), abs=1e-9)
    assert table.loc["all", "top_2"] == pytest.approx(np.mean([r <= 2 for r in ranks]), abs=1e-9)
    assert table.loc["all", "mrr_chance"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    p_right = np.mean([own[g] for own, g in zip(lists, gold, strict=True) if g >= 0])
    assert table.loc["all", "dcs"] == pytest.approx(2 * p_right - 1, abs=1e-9)
    assert table.loc["all", "mrr_low"] < table.loc["all", "mrr"] < table.loc["all", "mrr_high"]
    assert compute_gold_ranks(study(frame(True))).empty


def test_distributional_correctness_of_extremes():
    right, wrong, none = np.array([1.0, 0, 0, 0.5]), np.array([0.0, 1, 0, 0]), [0.0, 0, 1, 0.5]
    scores = distributional_correctness(right, wrong, np.array(none))
    assert scores.tolist() == [1, -1, 0, 0.25]
    assert distributional_correctness(right, wrong, np.array(none), 2, 1).tolist() == [
        2,
        -1,
        0,
        0.5,
    ]
    with pytest.raises(ValueError, match="penalty <= reward"):
        distributional_correctness(right, wrong, np.array(none), 1, 2)


@pytest.mark.parametrize("counts", [(2, 3), (1, 2, 3), (1, 1, 1, 1), (4,), (5, 1)])
def test_moments_of_runs_are_those_of_all_orders(counts):
    values = [c for c, n in enumerate(counts) for _ in range(n)]
    orders = set(itertools.permutations(values))
    runs = [count_runs(np.array(order)) for order in orders]
    mean, variance = runs_moments(np.array(counts))
    assert mean == pytest.approx(np.mean(runs), abs=1e-9)
    assert variance == pytest.approx(np.var(runs), abs=1e-9)


def test_repeated_letters_are_found():
    questions = pd.DataFrame({"task": "t", "question_id": IDS, "topic": TOPICS, "question": "?"})
    questions = questions.assign(options=[["a", "b"]] * N, gold="A")
    stuck = np.array(list("AABB"))[(np.arange(N) // 2) % 4]
    table = compute_runs(study(frame(True, answers=stuck), questions=questions))
    (letters,) = table[table["of"] == "letters"].to_dict("records")
    within = [np.flatnonzero(topic == TOPICS) for topic in ("law", "math")]
    runs = sum(1 + int((stuck[rows][1:] != stuck[rows][:-1]).sum()) for rows in within)
    assert letters["runs"] == runs
    assert letters["sequences"] == 2
    assert letters["repeats"] == pytest.approx((N - runs) / (N - 2), abs=1e-12)
    assert len(table) == 1  # outcomes do not vary
    assert compute_runs(study(frame(True, answers=stuck))).empty


def test_flip_rates_by_direction():
    prompted = []
    for variant, answers in (("as asked", [0, 0, 1, -1]), ("other", [0, 1, 0, -1])):
        rows = pd.DataFrame({"model": "m", "task": "t", "question_id": IDS[:4], "variant": variant})
        prompted.append(rows.assign(answer=answers, gold=0))
    orders = pd.concat(
        [
            prompted[0].assign(shift=shift, answer=answers).drop(columns="variant")
            for shift, answers in ((0, [0, 0, 0, 0]), (1, [0, 0, 0, 2]))
        ]
    )
    table = compute_flips(study(frame(True), prompted=pd.concat(prompted), orders=orders))
    order, prompt = table.sort_values("kind").to_dict("records")
    assert (prompt["first"], prompt["second"], prompt["n"]) == ("as asked", "other", 4)
    assert prompt["changed"] == 0.5
    assert (prompt["right_to_wrong"], prompt["wrong_to_right"]) == (0.25, 0.25)
    assert (prompt["accuracy_first"], prompt["accuracy_second"]) == (0.5, 0.5)
    assert (order["first"], order["second"], order["changed"]) == ("as asked", "shift 1", 0.25)
    assert compute_flips(study(frame(True))).empty


def test_lower_bounds_are_scipys():
    right, draws = np.array([0, 1, 4, 8]), np.array([8, 8, 8, 8])
    expected = [
        binomtest(k, 8, alternative="greater").proportion_ci(0.95, "exact").low for k in right
    ]
    np.testing.assert_allclose(lower_bounds(right, draws), expected, atol=1e-9)
    assert lower_bounds(np.array([5]), np.array([5]))[0] == pytest.approx(
        0.05 ** (1 / 5), abs=1e-12
    )


def test_pass_at_is_the_mean_over_subsets():
    drawn = [True, False, True, False, False]
    for k in range(1, 6):
        subsets = list(itertools.combinations(drawn, k))
        assert pass_at(2, 5, k) == pytest.approx(np.mean([any(s) for s in subsets]), abs=1e-12)
    assert pass_at(0, 5, 5) == 0


def samples_frame(lists, gold=0):
    made = pd.DataFrame({"model": "m", "task": "t", "question_id": IDS, "variant": "direct"})
    return made.assign(gold=gold, temperature=1.0, answers=lists)


def test_sampling_bounds_and_overconfidence(builtin_traits):
    lists = [[0, 0, 1, -1] if i % 3 else [0, 0, 0, 0] for i in range(N)]
    stored = frame(True, 0.1, "max_probability")
    made = study(stored, samples=samples_frame(lists), traits=builtin_traits)
    table = compute_sampling_bounds(made).set_index("topic")
    shares = np.array([np.mean(np.array(own) == 0) for own in lists])
    assert table.loc["all", "right"] == pytest.approx(shares.mean(), abs=1e-12)
    assert table.loc["all", "pass_at_1"] == pytest.approx(shares.mean(), abs=1e-12)
    assert table.loc["all", "pass_at_all"] == 1
    assert table.loc["all", "first_draw_low"] == pytest.approx(0.05 ** (1 / N), abs=1e-9)
    over = compute_overconfidence(made).set_index("topic").loc["all"]
    assert over["confidence"] == pytest.approx(0.9, abs=1e-12)
    assert over["overconfidence"] == pytest.approx(0.9 - shares.mean(), abs=1e-12)
    assert over["low"] < over["overconfidence"] < over["high"]
    assert compute_overconfidence(study(stored, samples=samples_frame(lists))).empty  # no traits


def test_maps_and_the_confident_that_diverge(builtin_traits):
    rng = np.random.default_rng(0)
    correct = rng.random(N) < 0.5
    first, second = rng.random(N), rng.random(N)
    pair = (frame(correct, first, "token_entropy"), frame(correct, second, "question_ablation"))
    made = study(*pair, traits=builtin_traits)
    table = compute_uncertainty_maps(made)
    assert len(table) == 9
    assert table["n"].sum() == N
    assert table["errors"].sum() == (~correct).sum()
    cell = (first < np.sort(first)[20]) & (second >= np.sort(second)[40])
    own = table[(table["entropy_cell"] == "low") & (table["divergence_cell"] == "high")].iloc[0]
    assert (own["n"], own["errors"]) == (cell.sum(), (~correct[cell]).sum())
    listed = compute_confident_divergent(made)
    quadrant = (first < np.median(first)) & (second > np.median(second))
    assert set(listed["question_id"]) == {IDS[i] for i in np.flatnonzero(quadrant)}
    assert listed["gap"].is_monotonic_decreasing
    assert compute_uncertainty_maps(study(*pair)).empty
    assert thirds(np.zeros(7)).tolist() == [1] * 7  # ties share one third


def test_the_flags_chance_is_that_of_all_orders():
    rng = np.random.default_rng(1)
    right = rng.random((50, 4)) < 0.5
    asked = np.ones((50, 4), bool)
    asked[:5, 3] = False
    flags, chance = flag_chance(right, asked)
    for row in range(50):
        seen = right[row, asked[row]]
        expected = []
        for published in range(seen.size):
            others = np.delete(seen, published)
            expected.append(bool(seen[published] and others.mean() < 0.5))
        assert chance[row] == pytest.approx(np.mean(expected), abs=1e-12)
        assert flags[row] == expected[0]
    assert np.isnan(flag_chance(right[:, :1], asked[:, :1])[1]).all()


def test_published_order_rates_and_areas():
    rng = np.random.default_rng(2)
    rows = []
    for shift in range(4):
        knows = rng.random(N) < (0.9 if shift == 0 else 0.3)
        made = pd.DataFrame({"model": "m", "task": "t", "question_id": IDS, "shift": shift})
        rows.append(made.assign(answer=np.where(knows, 0, 1), gold=0))
    correct, scores = rows[0]["answer"].to_numpy() == 0, rng.random(N)
    made = study(frame(correct, scores), orders=pd.concat(rows))
    table = compute_published_order(made).set_index("topic")
    assert table.loc["all", "rate"] > table.loc["all", "chance"]
    assert table.loc["all", "p"] < 0.001
    assert table.loc["all", "roc_auc"] == pytest.approx(roc_auc(~correct, scores), abs=1e-12)
    fair = pd.concat([row.assign(answer=rows[1]["answer"]) for row in rows])
    assert (
        compute_published_order(study(frame(correct, scores), orders=fair))["flagged"].eq(0).all()
    )


def test_regimes_are_paired_gaps():
    variants = []
    for variant, answers in (("as asked", 0), ("no_stem", np.arange(N) % 4)):
        made = pd.DataFrame({"model": "m", "task": "t", "question_id": IDS, "variant": variant})
        variants.append(made.assign(answer=answers, gold=0))
    direct, reasoned = frame(np.arange(N) % 2 == 0), frame(True, task="cot")
    made = study(direct, reasoned, prompted=pd.concat(variants))
    table = compute_regimes(made).set_index(["task", "regime", "topic"])
    assert table.loc[("t", "no_stem", "all"), "accuracy"] == 0.25
    assert table.loc[("t", "no_stem", "all"), "gap"] == -0.25
    assert table.loc[("t", "cot", "law"), "gap"] == 0  # law: every second question is right
    assert table.loc[("t", "cot", "math"), "gap"] == 1
    assert table.loc[("t", "cot", "math"), "low"] > 0.7


def test_priors_over_ids_are_counts():
    variants = []
    for variant, answers in (("as asked", np.arange(N) % 4), ("content_free", np.arange(N) % 2)):
        made = pd.DataFrame({"model": "m", "task": "t", "question_id": IDS, "variant": variant})
        variants.append(made.assign(answer=answers, gold=3))
    asked = pd.concat(variants)
    table = compute_id_priors(study(frame(True), prompted=asked)).set_index("option")
    assert table.index.tolist() == list("ABCD")
    assert table["free"].tolist() == [0.5, 0.5, 0.0, 0.0]
    assert table["answers"].tolist() == [0.25] * 4
    assert table["gold"].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert table["excess"].tolist() == [0.25, 0.25, 0.25, -0.75]
    assert compute_id_priors(study(frame(True), prompted=variants[0])).empty
    unread = asked.assign(gold=-1, answer=asked["answer"].where(asked["answer"] != 1, -1))
    table = compute_id_priors(study(frame(True), prompted=unread)).set_index("option")
    assert table.loc["A", "free"] == 0.5
    assert table["free"].sum() == 0.5
    assert table["gold"].isna().all()


def test_reruns_and_kappa():
    rng = np.random.default_rng(3)
    a, b = rng.choice(list("ABC"), N), rng.choice(list("ABC"), N)
    assert cohen_kappa(a.astype(object), b.astype(object)) == pytest.approx(
        cohen_kappa_score(a, b), abs=1e-9
    )
    assert math.isnan(cohen_kappa(np.array(["A"], object), np.array(["A"], object)))
    frames = [frame(own == "A", model=model, answers=own) for model, own in (("r1", a), ("r2", b))]
    about = {"model": {"pretrained": "x", "revision": "1"}, "task_folder": "t"}
    manifests = [{**about, "model_folder": model} for model in ("r1", "r2")]
    (row,) = compute_reruns(study(*frames, manifests=manifests)).to_dict("records")
    assert row["same_answer"] == pytest.approx(np.mean(a == b), abs=1e-12)
    assert Counter((row["first"], row["second"])) == Counter(("r1", "r2"))
    manifests[1]["model"] = {"pretrained": "y"}
    assert compute_reruns(study(*frames, manifests=manifests)).empty
