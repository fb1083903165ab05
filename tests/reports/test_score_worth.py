"""Information value, stability, mechanism, scaling, bounds, choice and temperature, by oracles."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import (
    ReportInput,
    Study,
    evaluations,
    mutual_information_share,
    roc_auc,
)
from apprehend.reports.analyses.questions.flipped_labels import (
    compute_flipped_labels,
    expected_flipped_auc,
    flipped_areas,
)
from apprehend.reports.analyses.scores.choice import compute_selection
from apprehend.reports.analyses.scores.conformal_bounds import conformal_entropy_bound
from apprehend.reports.analyses.scores.information_values import (
    compute_information_values,
    compute_stability,
    information_interval,
    information_shares,
    stability_index,
)
from apprehend.reports.analyses.scores.mechanism import compute_entropy_mechanism, mechanism
from apprehend.reports.analyses.scores.scaling import compute_scaling, pareto_front, power_law
from apprehend.reports.analyses.scores.temperature_sensitivity import (
    REFUSED,
    compute_temperature_sensitivity,
    temperature_sensitivity,
)
from apprehend.reports.statistics.bootstrap import roc_auc_replicates
from apprehend.reports.statistics.selection import select_best
from apprehend.reports.statistics.shares_divergence import shares_divergence
from helpers import in_process
from scipy.optimize import curve_fit
from scipy.stats import entropy


def test_divergence_is_both_kullback_leibler_divergences():
    a, b = np.array([5, 20, 30, 45]), np.array([40, 30, 20, 10])
    found = shares_divergence(a, b)
    expected = entropy(a / 100, b / 100) + entropy(b / 100, a / 100)
    assert found.value == pytest.approx(expected, abs=1e-9)
    with_empty = shares_divergence([0, 3, 0], [2, 0, 0])
    g, h = np.array([0.5, 3.5]) / 4, np.array([2.5, 0.5]) / 3
    assert with_empty.value == pytest.approx(entropy(g, h) + entropy(h, g), abs=1e-9)
    assert with_empty.bins == 2
    same = shares_divergence([3, 4], [30, 40])
    assert same.value == pytest.approx(0, abs=1e-12)
    assert same.error == pytest.approx(0, abs=1e-12)
    assert math.isnan(shares_divergence([0, 0], [1, 2]).value)


def test_the_standard_error_is_the_numerical_gradients():
    a, b = np.array([5.0, 20, 30, 45]), np.array([40.0, 30, 20, 10])

    def value(g, h):
        return float(((g - h) * np.log(g / h)).sum())

    g, h, step = a / a.sum(), b / b.sum(), 1e-6
    variance = 0.0
    for shares, other, n, first in ((g, h, a.sum(), True), (h, g, b.sum(), False)):
        slopes = []
        for i in range(4):
            up, down = shares.copy(), shares.copy()
            up[i], down[i] = up[i] + step, down[i] - step
            ends = [value(s, other) if first else value(other, s) for s in (up, down)]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        covariance = (np.diag(shares) - np.outer(shares, shares)) / n
        variance += float(np.array(slopes) @ covariance @ np.array(slopes))
    assert shares_divergence(a, b).error == pytest.approx(math.sqrt(variance), rel=1e-6)


def test_chance_and_p_hold_without_a_shift():
    rng, values, small = np.random.default_rng(0), [], []
    for _ in range(400):
        found = stability_index(rng.normal(size=600), rng.normal(size=400))
        values.append(found.value / found.chance)
        small.append(found.p < 0.05)
    assert np.mean(values) == pytest.approx(1, abs=0.06)
    assert 0.02 < np.mean(small) < 0.09
    assert stability_index(rng.normal(size=600), rng.normal(1, 1, 400)).value > 0.25


def frame(errors, scores, model="m", task="t", estimator="s", topics=None):
    n = len(errors)
    return pd.DataFrame(
        {
            **{"model": model, "task": task, "question_id": [f"q{i:05d}" for i in range(n)]},
            "topic": np.array(["law", "math"])[np.arange(n) % 2] if topics is None else topics,
            **{"estimator": estimator, "score": scores, "answer": "A"},
            **{"correct": ~np.asarray(errors, bool), "status": "parsed", "reason": None},
        }
    )


def study(*frames, **more) -> Study:
    data = ReportInput(pd.concat(frames, ignore_index=True), **more)
    return Study(data, evaluations(data))


def test_a_score_that_knows_nothing_has_the_information_value_of_chance():
    rng = np.random.default_rng(1)
    errors = rng.random(4000) < 0.3
    found = compute_information_values(study(frame(errors, rng.random(4000))))
    pooled = found[found["topic"] == "all"].iloc[0]
    assert pooled["information_value"] < 3 * pooled["chance"]
    assert pooled["p"] > 0.001
    bent = compute_information_values(study(frame(errors, np.where(errors, 0.5, rng.random(4000)))))
    assert bent.loc[bent["topic"] == "all", "information_value"].item() > 1  # AUC about 0.5
    table = compute_stability(study(frame(errors, rng.random(4000))))
    assert set(table["reading"]) <= {"within chance", "stable"}
    assert len(table) == 2


@pytest.mark.parametrize("options", [2, 4, 10, 20])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_flipped_labels_lower_the_auc_as_expected(options, share):
    rng = np.random.default_rng(options)
    errors = rng.random(3000) < 0.35
    scores = np.round(rng.normal(size=3000) + errors, 1)  # ties
    counts = np.full(3000, float(options))
    drawn = flipped_areas(errors, scores, share, counts, 60, 0)
    area, wrong = roc_auc(errors, scores), int(errors.sum())
    expected = expected_flipped_auc(area, wrong, 3000 - wrong, share, options)
    spread = drawn.std() / math.sqrt(60)
    assert drawn.mean() == pytest.approx(expected, abs=4 * spread + 1e-3)


def test_the_expected_auc_is_that_of_enumerated_flips():
    """Every row flips with the same probability: the pairs' weights, by hand."""
    errors, scores = np.array([1, 0, 1, 0, 0], bool), np.array([3.0, 1, 2, 2, 0])
    share, options = 0.2, 4
    p = np.where(errors, 1 - share / (options - 1), share)  # P(counts as an error)
    wins = np.greater.outer(scores, scores) + 0.5 * np.equal.outer(scores, scores)
    ratio = (p[:, None] * (1 - p)[None] * wins).sum() / (p.sum() * (1 - p).sum())
    found = expected_flipped_auc(roc_auc(errors, scores), 2, 3, share, options)
    assert found == pytest.approx(ratio, abs=1e-9)


def test_flipped_labels_by_model():
    rng = np.random.default_rng(2)
    errors = rng.random(200) < 0.4
    table = compute_flipped_labels(study(frame(errors, rng.random(200) + errors)))
    assert table["share"].tolist() == [0.01, 0.05, 0.10]
    assert table["flipped"].is_monotonic_decreasing
    assert (table["low"] <= table["flipped"]).all()
    assert compute_flipped_labels(study(frame(errors[:12], rng.random(12)))).empty


def test_mechanism_recovers_its_parameters():
    entropy_of = np.linspace(0.1, 1.5, 7)
    a, b, r_squared, p = mechanism(entropy_of, 0.9 - 0.12 * np.exp(entropy_of))
    assert (a, b, r_squared) == pytest.approx((0.12, 0.9, 1.0), abs=1e-9)
    assert p < 1e-9
    assert math.isnan(mechanism(np.ones(4), np.arange(4.0))[0])


def test_mechanism_over_topics(builtin_traits):
    rng = np.random.default_rng(3)
    topics = np.array(["a", "b", "c", "d", "e"])[np.arange(500) % 5]
    scores = 0.2 + 0.2 * (np.arange(500) % 5) + 0.01 * rng.random(500)
    made = frame(rng.random(500) < scores, scores, estimator="token_entropy", topics=topics)
    table = compute_entropy_mechanism(study(made, traits=builtin_traits))
    assert table["over"].eq("topics").all()
    assert len(table) == 5
    assert table["residual"].sum() == pytest.approx(0, abs=1e-9)
    assert compute_entropy_mechanism(study(made)).empty  # not declared an entropy


def test_power_law_is_curve_fits():
    sizes = np.array([0.5, 1.5, 3, 7, 14, 70]) * 1e9
    exact = 0.4 * (sizes / 1e9) ** -0.35 + 0.2
    assert power_law(sizes, exact) == pytest.approx((0.4, 0.35, 0.2), abs=1e-5)
    noisy = exact + np.array([0.01, -0.02, 0.005, 0.01, -0.01, 0.004])
    a, b, c = power_law(sizes, noisy)
    expected, _ = curve_fit(
        lambda n, a, b, c: a * n**-b + c, sizes / 1e9, noisy, p0=(0.4, 0.3, 0.2)
    )
    np.testing.assert_allclose((a, b, c), expected, atol=1e-4)


def test_pareto_front_and_scaling_table():
    sizes, values = np.array([1.0, 2, 2, 4, 8]), np.array([0.3, 0.5, 0.4, 0.5, 0.6])
    assert pareto_front(sizes, values).tolist() == [True, True, False, False, True]
    rng = np.random.default_rng(4)
    frames = [
        frame(rng.random(300) < risk, rng.random(300), f"net-{size}B")
        for size, risk in ((1, 0.6), (3, 0.5), (7, 0.4), (13, 0.35), (70, 0.2))
    ]
    table = compute_scaling(study(*frames))
    accuracy = table[table["quantity"] == "accuracy"]
    assert len(accuracy) == 5
    assert accuracy["pareto"].all()
    assert compute_scaling(study(*frames[:3])).empty


def test_conformal_bound_is_an_upper_bound():
    assert conformal_entropy_bound(0.0, 4, math.log(2)) == pytest.approx(math.log(2), abs=1e-12)
    assert conformal_entropy_bound(1.0, 4, 0.0) == pytest.approx(math.log(4), abs=1e-12)
    half = conformal_entropy_bound(0.5, 10, math.log(3))
    assert half == pytest.approx(math.log(2) + 0.5 * math.log(10) + 0.5 * math.log(3), abs=1e-12)
    # Known H(Y | X): X names three of four options, of which each is right with 0.3, 0.3, 0.3.
    truth = -(3 * 0.3 * math.log(0.3) + 0.1 * math.log(0.1))
    assert conformal_entropy_bound(0.1, 4, math.log(3)) >= truth


def test_the_best_of_many_that_know_nothing_is_corrected():
    """The interval of the best of ten controls covers 0.5; the naive one does not."""
    covered, naive, corrected = [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        errors = np.arange(300) % 3 == 0
        scores = rng.random((300, 10))
        values = np.array([roc_auc(errors, column) for column in scores.T])
        drawn = roc_auc_replicates(errors, scores, 200, seed)
        found = select_best(values, drawn)
        covered.append(found.low <= 0.5 <= found.high)
        naive.append(np.quantile(drawn[:, found.best], 0.025) <= 0.5)
        corrected.append(found.corrected)
        assert found.probabilities.sum() == pytest.approx(1, abs=1e-12)
    assert np.mean(covered) > 0.85
    assert np.mean(naive) < np.mean(covered)
    assert abs(np.mean(corrected) - 0.5) < 0.025


def test_one_clear_winner_is_told_apart_and_equal_ones_are_not():
    rng = np.random.default_rng(0)
    errors = np.arange(400) % 2 == 0
    good = errors + rng.random(400)
    scores = np.stack([good, good, rng.random(400)], axis=1)
    values = np.array([roc_auc(errors, column) for column in scores.T])
    found = select_best(values, roc_auc_replicates(errors, scores, 300, 0))
    assert found.indistinguishable.tolist() == [True, True, False]
    assert found.probabilities.tolist() == [0.5, 0.5, 0.0]
    alone = select_best(values, np.empty((0, 3)))
    assert math.isnan(alone.low)
    assert alone.indistinguishable.tolist() == [True, False, False]


def test_selection_is_of_the_common_questions():
    rng = np.random.default_rng(1)
    errors = rng.random(300) < 0.5
    scores = {"a": 0.5 * errors + rng.random(300), "b": rng.random(300), "few": rng.random(300)}
    scores["few"][30:] = np.nan
    made = [frame(errors, values, estimator=name) for name, values in scores.items()]
    (evaluation,) = study(*made).evaluated
    table = compute_selection(evaluation).set_index("estimator")
    assert list(table.index) == ["a", "b"]  # the third would leave a tenth of the questions
    assert table.loc["a", "best"]
    assert table.loc["a", "low"] < table.loc["a", "roc_auc"] <= 1
    assert not table.loc["b", "indistinguishable"]


def test_temperature_sensitivity_counts_chains():
    scores = np.array([[1, 2, 3], [1, 2, 2], [3, 2, 1], [1, np.nan, 3], [0, 1, 5]])
    share, ties, n = temperature_sensitivity(scores)
    assert (share, ties, n) == (0.5, 0.25, 4)
    rng = np.random.default_rng(0)
    share, _, _ = temperature_sensitivity(rng.random((20000, 3)))
    assert share == pytest.approx(float(Fraction(1, 6)), abs=0.01)
    assert math.isnan(temperature_sensitivity(np.ones((3, 1)))[0])


def test_temperature_sensitivity_of_runs(builtin_traits):
    rng = np.random.default_rng(1)
    frames, samples, manifests = [], [], []
    for index, heat in enumerate((0.5, 1.0, 2.0)):
        model = f"run{index}"
        errors = rng.random(100) < 0.5
        frames.append(frame(errors, heat + 0.1 * rng.random(100), model, estimator="vote_entropy"))
        frames.append(frame(errors, heat + rng.random(100), model, estimator="token_entropy"))
        ids = [f"q{i:05d}" for i in range(100)]
        samples.append(pd.DataFrame({"model": model, "task": "t", "question_id": ids}))
        samples[-1] = samples[-1].assign(variant="direct", gold=0, temperature=heat)
        samples[-1]["answers"] = [[0, 1]] * 100
        about = {"pretrained": "one/model"}
        manifests.append({"model_folder": model, "task_folder": "t", "model": about})
    more = {"samples": pd.concat(samples), "manifests": manifests, "traits": builtin_traits}
    table = compute_temperature_sensitivity(study(*frames, **more))
    votes = table[table["estimator"] == "vote_entropy"]
    assert votes["share"].tolist() == [1.0, 1.0, 1.0]
    assert votes["chance"].tolist() == [pytest.approx(1 / 6), 0.5, 0.5]
    refused = table[table["estimator"] == "token_entropy"]
    assert refused["refused"].tolist() == [REFUSED]
    assert refused["share"].isna().all()
    manifests[2]["model"] = {"pretrained": "another/model"}
    two = compute_temperature_sensitivity(study(*frames, **more))
    assert two["temperatures"].unique().tolist() == ["0.5 < 1"]


def test_the_share_of_information_is_the_metrics_and_its_interval_covers():
    rng = np.random.default_rng(5)
    errors = rng.random(800) < 0.4
    scores = rng.normal(size=800) + errors
    table = compute_information_values(study(frame(errors, scores)))
    pooled = table[table["topic"] == "all"].iloc[0]
    expected = mutual_information_share(errors, scores)
    assert pooled["information"] == pytest.approx(expected, abs=1e-9)
    assert pooled["information_low"] < expected < pooled["information_high"]
    truth = np.array([[30, 50, 70, 90, 160], [90, 70, 50, 30, 10]]) / 650
    exact = information_shares(1e9 * truth[None])[0]
    covered = []
    for seed in range(150):
        counts = np.random.default_rng(seed).multinomial(600, truth.ravel()).reshape(2, 5)
        low, high = information_interval(counts.astype(float), seed)
        covered.append(low <= exact <= high)
    assert np.mean(covered) > 0.88


@pytest.mark.slow
def test_temperature_sensitivity_of_real_runs(tmp_path):
    """The embedded model at two temperatures, run and analyzed by the command line."""
    for heat, name in ((0.3, "cold"), (3.0, "hot")):
        done = in_process(
            ["run", "--model_args", "pretrained=embedded", "--data", "embedded", "--device", "cpu",
             "--tasks", "mmlu_pro_direct_law", "--limit", 12, "--samples", 8, "--temperature", heat,
             "--estimators", "vote_entropy,token_entropy", "--model_name", name, "--no_report",
             "--output_path", "results"],
            tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    done = in_process(["analyse", "results", "--output_path", "analyses"], tmp_path)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "analyses" / "temperature_sensitivity.csv")
    votes = table[table["estimator"] == "vote_entropy"].iloc[0]
    assert votes["temperatures"] == "0.3 < 3"
    assert votes["n"] >= 10  # those whose samples name no option have no score
    assert votes["share"] > 0.5
    refused = table[table["estimator"] == "token_entropy"].iloc[0]
    assert refused["refused"] == REFUSED
    reruns = pd.read_csv(tmp_path / "analyses" / "reruns.csv")
    assert reruns["same_answer"].item() == 1
