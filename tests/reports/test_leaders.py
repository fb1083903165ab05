"""The mean over topics leads, corrected for the choice, and a pooled value that differs is said."""

from __future__ import annotations

import re
from html import unescape
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput, build_report, compute_metrics
from apprehend.reports.analyses.scores.choice import compute_selection
from apprehend.reports.analyses.scores.choice_by_mean import (
    compute_selection_by_mean,
    selected_by_mean,
    topic_means,
)
from apprehend.reports.metrics.evaluation import Evaluation, evaluations
from apprehend.reports.metrics.leaders import LEADER_TERM, Value, leader_of, mean_rank
from apprehend.reports.metrics.summary import summarize
from rich.console import Console
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from test_small_groups import frame


def read(errors: Any, scores: Any, topics: Any) -> tuple[pd.DataFrame, Evaluation]:
    data = ReportInput(frame(errors, scores, topics))
    return compute_metrics(data, replicates=100), evaluations(data)[0]


@pytest.fixture(scope="module")
def confounded() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Score 0 tells hard topics from easy ones and nothing else; score 1 tells errors apart."""
    rng = np.random.default_rng(0)
    hard = np.repeat([0.85, 0.8, 0.2, 0.15], 100)
    errors = rng.random(400) < hard
    topics = [f"topic {k}" for k in np.repeat(np.arange(4), 100)]
    by_topic = hard + 0.3 * rng.random(400)
    own = 0.9 * errors + rng.normal(size=400)
    return errors, np.stack([by_topic, own], axis=1), topics


def test_the_mean_leads_and_the_pooled_value_is_warned_of(confounded):
    metrics, evaluation = read(*confounded)
    pooled = compute_selection(evaluation).set_index("estimator")
    by_mean = compute_selection_by_mean(evaluation)
    assert pooled["best"].to_dict() == {"score_0": True, "score_1": False}
    leader = leader_of(metrics, by_mean)
    assert leader is not None
    assert (leader.estimator, leader.by_mean, leader.topics) == ("score_1", True, 4)
    assert leader.value is leader.mean
    assert 0.6 < leader.mean.low < leader.mean.area < leader.mean.high < 0.85
    assert leader.warning.startswith(
        "Pooled and mean over topics disagree: over all questions score_0 leads with 0."
    )
    own = metrics[metrics["topic"] == "macro"].set_index("estimator")["roc_auc"]
    assert f"its mean over topics is {own['score_0']:.3f}" in leader.warning
    (text,) = summarize(metrics, None, None, compute_selection(evaluation), by_mean)
    assert "score_1 has the highest ROC AUC of errors on average over topics: " in text
    assert "corrected for the choice among 2" in text
    assert leader.warning in text
    assert f"{leader.pooled.text} over all questions" in text
    assert re.search(r"Not distinguishable from chance on average over topics: score_0\.", text)


def test_page_terminal_and_table_name_the_same_leader(confounded, tmp_path, monkeypatch):
    from apprehend.reports.page import pages

    data = ReportInput(frame(*confounded))
    report = build_report(data, tmp_path / "one", replicates=50, formats=())
    page = (tmp_path / "one" / "index.html").read_text(encoding="utf-8")
    card = page[page.index('<article class="card">') : page.index("</article>")]
    assert "<strong>score_<wbr>1</strong>" in card
    assert "mean over topics" in card
    assert 'class="warning">Pooled and mean over topics disagree' in card
    assert LEADER_TERM[1] in unescape(page)
    out = StringIO()
    Console(file=out, width=160).print(*report.terminal())
    ranking = out.getvalue().split("ranking of errors")[1]
    assert ranking.index("score_1") < ranking.index("score_0")
    monkeypatch.setattr(pages, "PAGE", 1000)
    build_report(data, tmp_path / "many", replicates=50, formats=())
    index = (tmp_path / "many" / "index.html").read_text(encoding="utf-8")
    row = index[index.index("Leading estimator of each model and task") :]
    cells = re.findall(r"<t[dh] data-sort[^>]*>\s*([^<]*)", row)
    assert cells[3:5] == ["score_1", "topics"]
    assert "yes" in cells


def test_the_choice_by_mean_is_of_the_values_in_metrics(confounded):
    errors, scores, topics = confounded
    metrics, evaluation = read(errors, scores, topics)
    table = compute_selection_by_mean(evaluation).set_index("estimator")
    macro = metrics[metrics["topic"] == "macro"].set_index("estimator")
    for k in range(2):
        of = np.array(topics)
        areas = [roc_auc_score(errors[of == t], scores[of == t, k]) for t in dict.fromkeys(topics)]
        row = table.loc[f"score_{k}"]
        assert row["roc_auc"] == pytest.approx(np.mean(areas), abs=1e-12)
        assert row["roc_auc"] == pytest.approx(macro.loc[f"score_{k}", "roc_auc"], abs=1e-12)
        assert row["roc_auc_low"] < row["roc_auc"] < row["roc_auc_high"]
    best = table.loc["score_1"]
    assert best["best"]
    assert best["low"] < best["roc_auc_corrected"] < best["high"]
    assert not table.loc["score_0", "indistinguishable"]
    assert table["probability_best"].sum() == pytest.approx(1, abs=1e-12)
    assert list(mean_rank(metrics)["estimator"]) == ["score_1", "score_0"]


def test_without_two_topics_the_pooled_value_leads_and_says_so():
    rng = np.random.default_rng(1)
    errors = np.arange(80) % 2 == 0
    scores = rng.normal(size=(80, 2)) + errors[:, None]
    metrics, evaluation = read(errors, scores, ["law"] * 80)
    assert compute_selection_by_mean(evaluation).empty
    leader = leader_of(metrics)
    assert leader is not None
    assert (leader.by_mean, leader.warning) == (False, "")
    assert leader.reason == "there is one topic only"
    (text,) = summarize(metrics)
    assert "there is no mean over topics to choose by, since there is one topic only" in text
    one_sided = np.r_[errors, np.ones(20, dtype=bool)]
    wide = np.r_[scores, rng.normal(size=(20, 2))]
    metrics, _ = read(one_sided, wide, ["law"] * 80 + ["math"] * 20)
    leader = leader_of(metrics)
    assert leader is not None
    assert leader.reason == "1 of 2 topics has both right and wrong answers"


def test_an_estimator_that_misses_a_topic_does_not_lead_by_the_others():
    rng = np.random.default_rng(2)
    errors = np.arange(120) % 2 == 0
    topics = ["law"] * 60 + ["math"] * 60
    scores = np.stack([errors + rng.normal(size=120), 5.0 * errors + rng.random(120)], axis=1)
    scores[60:, 1] = np.nan
    metrics, _ = read(errors, scores, topics)
    leader = leader_of(metrics)
    assert leader is not None
    assert leader.estimator == "score_0"


@pytest.mark.parametrize(
    ("mean", "pooled", "said"),
    [
        ((0.70, 0.65, 0.75), (0.72, 0.68, 0.76), False),
        ((0.70, 0.65, 0.75), (0.82, 0.78, 0.86), True),  # the intervals do not overlap
        (
            (0.70, 0.69, 0.71),
            (0.74, 0.73, 0.75),
            False,
        ),  # nor do these, but the difference is small
        ((0.52, 0.47, 0.57), (0.46, 0.43, 0.49), True),  # opposite sides, one excludes 0.5
        ((0.52, 0.45, 0.59), (0.48, 0.44, 0.52), False),  # opposite sides, both contain it
    ],
)
def test_the_rule_of_disagreement(mean, pooled, said):
    columns = ("roc_auc", "roc_auc_low", "roc_auc_high")
    shared = {"estimator": "one", "n": 500, "n_errors": 200}
    counts = {"n_topics": 5, "n_topics_total": 5, "n_topics_few": 0}
    rows = [
        {"topic": topic, **shared, **counts, **dict(zip(columns, ends, strict=True))}
        for topic, ends in (("all", pooled), ("macro", mean))
    ]
    leader = leader_of(pd.DataFrame(rows))
    assert leader is not None
    assert bool(leader.warning) is said
    assert Value(*mean).side() == (1 if mean[1] > 0.5 else 0)


def evaluated(errors: Any, scores: Any, topics: Any) -> Evaluation:
    """Without metrics, which the simulations do not need."""
    return evaluations(ReportInput(frame(errors, scores, list(topics))))[0]


def unequal(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Errors and topics (320,): sixteen topics of twenty questions, some with very few errors."""
    rates = np.repeat(np.linspace(0.08, 0.75, 16), 20)
    return rng.random(320) < rates, np.repeat(np.arange(16), 20).astype(str)


@pytest.mark.slow
def test_the_best_mean_of_many_that_know_nothing_is_corrected():
    """The interval of the best of ten controls covers 0.5, also with topics of few errors."""
    covered, naive, corrected, chosen = [], [], [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        errors, topics = unequal(rng)
        evaluation = evaluated(errors, rng.random((320, 10)), topics)
        means = topic_means(evaluation, 200)
        assert means is not None
        found = selected_by_mean(means)
        covered.append(found.low <= 0.5 <= found.high)
        naive.append(means.ends[found.best][0] <= 0.5)
        corrected.append(found.corrected - 0.5)
        chosen.append(found.value - 0.5)
    assert np.mean(covered) > 0.88
    assert np.mean(naive) < np.mean(covered)
    assert 0 <= np.mean(corrected) < 0.6 * np.mean(chosen)


@pytest.mark.slow
@pytest.mark.parametrize("separation", [0.5, 1.5, 2.5])
def test_the_interval_of_a_mean_covers_with_topics_of_few_errors(separation):
    """Normal scores, true AUC Φ(d/√2) in every topic that has both classes."""
    truth, covered, widths = norm.cdf(separation / np.sqrt(2)), [], []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        errors, topics = unequal(rng)
        scores = rng.normal(size=(320, 2)) + separation * errors[:, None]
        evaluation = evaluated(errors, scores, topics)
        means = topic_means(evaluation, 200)
        assert means is not None
        low, high = means.ends[0]
        covered.append(low <= truth <= high)
        widths.append(high - low)
    assert np.mean(covered) > 0.94
    assert np.mean(widths) < 0.2
