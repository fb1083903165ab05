"""Groups with few errors or right answers: bare values, no interval, no verdict; exact above."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import (
    BOOTSTRAP_ALONE,
    SMALLEST_CLASS,
    ReportInput,
    accuracy_test,
    bootstrap_roc_auc,
    build_comparison,
    compare,
    compute_cascade,
    compute_metrics,
    delong_interval,
    delong_test,
    evaluations,
    newcombe_interval,
    percentile_interval,
    roc_auc_interval,
    roc_auc_replicates,
    topic_tables,
    unpaired_test,
    wilson,
)
from apprehend.reports.analyses.difficulty import compute_u_curve
from apprehend.reports.analyses.trends import compute_trends
from apprehend.reports.figures.auc import compute_auc_bars, draw_auc_bars
from apprehend.reports.figures.leaderboard import (
    compute_leaderboard,
    compute_topic_heatmap,
    draw_heatmap,
    draw_leaderboard,
)
from apprehend.reports.frames.style import GRAY
from apprehend.reports.metrics.leaders import best_estimator
from apprehend.reports.metrics.summary import summarize
from apprehend.reports.metrics.topic_tables import to_latex, to_markdown
from apprehend.reports.paper.ece_verdicts import compute_ece_verdicts
from apprehend.reports.paper.verdicts import UNKNOWN, compute_verdicts
from apprehend.reports.statistics.intervals import mean_interval, paired_shares_interval, too_few
from golden_files import command
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

NAN = float("nan")
VERDICTS = re.compile(r"highest|[Bb]elow chance|wrong way|[Nn]ot distinguishable|best|lead")


def frame(errors, scores, topics=None, **names):
    """Scores (n, k) of one model as a report's input frame."""
    columns = np.asarray(scores, dtype=np.float64).reshape(len(errors), -1)
    parts = [
        pd.DataFrame(
            {
                **{"model": names.get("model", "m"), "task": names.get("task", "t")},
                "question_id": np.arange(len(errors)),
                "topic": ["law"] * len(errors) if topics is None else topics,
                **{"estimator": f"score_{k}", "score": column, "answer": "A"},
                **{"correct": ~np.asarray(errors, dtype=bool), "status": "parsed", "reason": None},
            }
        )
        for k, column in enumerate(columns.T)
    ]
    return pd.concat(parts, ignore_index=True)


def metrics_of(errors, scores, topics=None, replicates=50):
    return compute_metrics(ReportInput(frame(errors, scores, topics)), replicates=replicates)


@st.composite
def tiny(draw):
    """Errors (n,), two scores (n, 2) with ties, and topics (n,); classes around the minimum."""
    wrong, right = draw(st.integers(0, 14)), draw(st.integers(0, 14))
    n = max(1, wrong + right)
    errors = np.arange(n) < wrong
    levels = draw(st.integers(1, 4))
    columns = [draw(st.lists(st.integers(0, levels), min_size=n, max_size=n)) for _ in range(2)]
    if draw(st.booleans()):
        columns[0] = list(errors * (2 if draw(st.booleans()) else -2))
    topics = draw(st.lists(st.sampled_from(["law", "math"]), min_size=n, max_size=n))
    return errors, np.array(columns, dtype=float).T, topics


@given(tiny())
@settings(max_examples=40, deadline=None)
def test_tiny_inputs_have_true_values_and_no_untrue_interval(made):
    errors, scores, topics = made
    metrics = metrics_of(errors, scores, topics)
    groups = {"all": np.full(errors.size, True)}
    groups |= {name: np.array(topics) == name for name in set(topics)}
    for group, chosen in groups.items():
        wrong = int(errors[chosen].sum())
        few = min(wrong, int(chosen.sum()) - wrong) < SMALLEST_CLASS
        rows = metrics[metrics["topic"] == group].set_index("estimator")
        for k in range(2):
            row = rows.loc[f"score_{k}"]
            ends = float(row["roc_auc_low"]), float(row["roc_auc_high"])
            assert np.isnan(ends).tolist() == [few, few]
            assert (row["interval_note"] == too_few(wrong, int(chosen.sum()))) is few
            if 0 < wrong < chosen.sum():
                area = roc_auc_score(errors[chosen], scores[chosen, k])
                assert row["roc_auc"] == pytest.approx(area, abs=1e-12)
            if not few:
                assert 0 <= ends[0] <= row["roc_auc"] <= ends[1] <= 1
                assert ends[1] - ends[0] > 0.05
            low, high = float(row["accuracy_low"]), float(row["accuracy_high"])
            assert 0 <= low <= row["accuracy"] <= high <= 1
            assert high - low > 0.05


@given(tiny())
@settings(max_examples=30, deadline=None)
def test_tiny_inputs_have_no_verdict(made):
    errors, scores, topics = made
    evaluated = evaluations(ReportInput(frame(errors, scores, topics)))
    tests = compare(evaluated, 50)
    metrics = metrics_of(errors, scores, topics)
    text = " ".join(summarize(metrics, tests))
    if min(errors.sum(), (~errors).sum()) < SMALLEST_CLASS:
        assert tests.empty
        assert best_estimator(metrics) is None
        assert not VERDICTS.search(text)
        return
    assert "highest ROC AUC" in text
    known = tests.dropna(subset=["low"])
    assert (known["high"] - known["low"] > 1e-9).all()
    assert (tests["p"] > 0).all()
    drawn = tests.dropna(subset=["bootstrap_low"])
    assert (drawn["bootstrap_high"] - drawn["bootstrap_low"] > 1e-9).all()


def test_twenty_seven_of_twenty_eight_wrong():
    """The case that the minimum is for: one right answer is drawn again and again."""
    errors = np.arange(28) > 0
    scores = np.r_[22.0, np.arange(27)]
    metrics = metrics_of(errors, scores)
    pooled = metrics[metrics["topic"] == "all"].iloc[0]
    assert pooled["roc_auc"] == pytest.approx(roc_auc_score(errors, scores), abs=1e-12)
    assert np.isnan([pooled["roc_auc_low"], pooled["roc_auc_high"]]).all()
    assert pooled["interval_note"] == "27 wrong, 1 right: fewer than 10"
    (text,) = summarize(metrics)
    assert "3.6 % of 28 questions answered right (95 % interval 0.1 % to 18.3 %)" in text
    assert "27 wrong and 1 right" in text
    assert not VERDICTS.search(text)
    result = bootstrap_roc_auc(errors, scores, 50)
    assert np.isnan([result.low, result.high]).all()
    assert np.isnan(delong_interval(errors, scores)).all()


@pytest.fixture(scope="module")
def mixed():
    """Sixty questions in two topics, one error of two in a third, a fourth that is all right."""
    rng = np.random.default_rng(4)
    errors = np.r_[np.arange(60) % 2 == 0, True, False, np.zeros(5, dtype=bool)]
    scores = rng.normal(size=(errors.size, 2)) + 0.8 * errors[:, None]
    scores[60:62, 0] = 0.0, 1.0
    topics = ["law"] * 30 + ["math"] * 30 + ["tiny"] * 2 + ["right"] * 5
    return errors, scores, topics


def test_the_mean_over_topics_says_what_carries_it(mixed):
    metrics = metrics_of(*mixed)
    macro = metrics[metrics["topic"] == "macro"].iloc[0]
    topics = metrics[(metrics["estimator"] == "score_0")].set_index("topic")["roc_auc"]
    assert macro["roc_auc"] == pytest.approx(topics[["law", "math", "tiny"]].mean(), abs=1e-12)
    assert topics["tiny"] == 0
    assert np.isnan([macro["roc_auc_low"], macro["roc_auc_high"]]).all()
    counts = [int(macro[name]) for name in ("n_topics", "n_topics_total", "n_topics_few")]
    assert counts == [3, 4, 1]
    assert macro["interval_note"] == "1 of 3 topics have too few errors or right answers"
    (text,) = summarize(metrics)
    assert "over 3 of 4 topics (the others hold one class only; 1 of the 3 too small" in text
    tables = topic_tables(metrics)
    assert tables[0].label("macro") == "macro (3 of 4 topics)"
    assert tables[0].cell("tiny", "score_0") == ("0.000†", "", "")
    assert "| macro (3 of 4 topics) |" in to_markdown(tables)
    assert r"0.000\dag{}" in to_latex(tables)


def test_the_mean_of_topics_that_are_all_large_enough_has_an_interval(mixed):
    errors, scores, topics = (part[:60] for part in mixed)
    metrics = metrics_of(errors, scores, topics).set_index(["estimator", "topic"])
    macro, law, math = (metrics.loc["score_0", name] for name in ("macro", "law", "math"))
    below = np.hypot(*(one["roc_auc"] - one["roc_auc_low"] for one in (law, math))) / 2
    assert macro["roc_auc"] - macro["roc_auc_low"] == pytest.approx(below, abs=1e-12)
    assert macro["interval_method"] == "square-and-add"
    assert np.isnan(mean_interval([0.5, 0.5], [(0.4, 0.6), (NAN, NAN)])).all()


def test_large_groups_keep_the_percentile_interval():
    rng = np.random.default_rng(0)
    errors = np.arange(2 * BOOTSTRAP_ALONE) % 2 == 0
    scores = rng.normal(size=errors.size) + errors
    drawn = roc_auc_replicates(errors, scores[:, None], 200)[:, 0]
    result = bootstrap_roc_auc(errors, scores, 200)
    assert (result.low, result.high) == tuple(np.quantile(drawn, [0.025, 0.975]))


@given(st.integers(10, 300), st.integers(10, 300), st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_newcombes_ends_are_z_standard_errors_away(wrong, right, area):
    """Hanley and McNeil's variance in its own form, sizes but for mn replaced by their mean."""
    z, mean = norm.ppf(0.975), (wrong + right) / 2
    area = round(area * 2 * wrong * right) / (2 * wrong * right)
    low, high = newcombe_interval(area, wrong, right)
    assert 0 <= low <= area <= high <= 1
    assert high - low > 1e-3
    for end in (low, high):
        if 1e-9 < end < 1 - 1e-9:
            of_errors, of_correct = end / (2 - end), 2 * end**2 / (1 + end)
            spread = end * (1 - end)
            spread += (mean - 1) * (of_errors + of_correct - 2 * end**2)
            distance = z * np.sqrt(spread / (wrong * right))
            assert abs(area - end) == pytest.approx(distance, abs=1e-6)
    mirrored = newcombe_interval(1 - area, wrong, right)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-6)


@pytest.mark.parametrize("n", [10, 60, 250])
@pytest.mark.parametrize("kind", ["separated", "constant"])
def test_resamples_that_are_all_alike_give_no_zero_width(n, kind):
    errors = np.arange(2 * n) < n
    scores = errors.astype(float) if kind == "separated" else np.zeros(2 * n)
    area = 1.0 if kind == "separated" else 0.5
    result = bootstrap_roc_auc(errors, scores, 50)
    assert np.isnan(percentile_interval(result.replicates)).all()
    assert result.estimate == area
    assert (result.low, result.high) == newcombe_interval(area, n, n)
    assert delong_interval(errors, scores) == newcombe_interval(area, n, n)


def test_a_separating_score_against_a_constant_one():
    """Neither AUC has a variance on these rows; their difference has a width and p > 0."""
    errors = np.arange(24) < 12
    found = delong_test(errors, errors, np.zeros(24))
    assert found.estimate == 0.5
    assert 0 < found.low < 0.5 < found.high
    assert 0 < found.p < 0.05
    same = delong_test(errors, errors, 2 * errors)
    assert (same.estimate, same.p) == (0, 1)
    assert np.isnan([same.low, same.high]).all()
    apart = unpaired_test(errors, errors, errors, np.arange(24) % 5)
    assert apart.high - apart.low > 0.1


def test_wilson_stays_within_shares():
    for n, k in itertools.chain.from_iterable([(n, k) for k in range(n + 1)] for n in (1, 2, 7)):
        low, high = wilson(k, n)
        assert 0 <= low <= k / n <= high <= 1
        assert high - low > 0.1


def test_accuracies_without_a_differing_question():
    same = accuracy_test([True, False] * 4, [True, False] * 4)
    assert (same.estimate, same.p) == (0, 1)
    assert same.low < -0.05 < 0.05 < same.high
    opposite = accuracy_test([True] * 12, [False] * 12)
    assert opposite.estimate == -1
    assert -1 <= opposite.low < opposite.high < 0


def test_paired_shares_cover_what_they_claim():
    """Exactly, over all tables of twelve questions, for three pairs of models."""
    n = 12
    tables = [t for t in itertools.product(range(n + 1), repeat=4) if sum(t) == n]
    ends = np.array([paired_shares_interval(*table) for table in tables])
    counts = np.array(tables)
    factorial = np.cumsum(np.log(np.r_[1, np.arange(1, n + 1)]))
    for chances in ((0.4, 0.2, 0.1, 0.3), (0.1, 0.05, 0.05, 0.8), (0.7, 0.02, 0.08, 0.2)):
        weight = np.exp(factorial[n] - factorial[counts].sum(axis=1) + counts @ np.log(chances))
        true = chances[1] - chances[2]
        covered = weight[(ends[:, 0] <= true) & (true <= ends[:, 1])].sum()
        assert weight.sum() == pytest.approx(1)
        assert 0.93 < covered <= 1


def test_a_published_value_is_not_judged_by_a_handful():
    errors = np.arange(28) > 0
    scores = frame(errors, np.arange(28) / 28, model="Qwen2.5-3B", task="mmlu_pro_direct")
    data = ReportInput(scores.assign(estimator="token_entropy"))
    metrics = compute_metrics(data, replicates=20)
    verdicts = compute_verdicts(metrics, metrics).dropna(subset=["roc_auc"])
    assert len(verdicts)
    assert set(verdicts["verdict"]) == {UNKNOWN}
    assert set(verdicts["reason"]) == {"27 wrong, 1 right: fewer than 10"}
    assert verdicts[["roc_auc_low", "difference"]].isna().all(axis=None)
    ece = compute_ece_verdicts(evaluations(data), evaluations(data), 20).dropna(subset=["ece"])
    assert set(ece["verdict"]) <= {UNKNOWN}
    assert ece["ece_low"].isna().all()


def test_models_and_tasks_are_compared_from_the_minimum_on(tmp_path):
    rng = np.random.default_rng(1)
    frames = [
        frame(np.arange(30) < wrong, rng.normal(size=30), model=name)
        for name, wrong in (("large", 15), ("small", 3), ("other", 14))
    ]
    data = ReportInput(pd.concat(frames, ignore_index=True))
    tests = compare(evaluations(data), 50)
    areas = tests[tests["quantity"] == "roc_auc"]
    assert set(zip(areas["model_a"], areas["model_b"], strict=True)) == {("large", "other")}
    assert (tests["quantity"] == "accuracy").sum() == 3
    build_comparison(data, tmp_path, replicates=20, formats=("svg",))
    (table,) = tmp_path.glob("tables/models_*.md")
    row = next(line for line in table.read_text("utf-8").splitlines() if "small" in line)
    assert re.search(r"\d\.\d{3}† \|$", row)


def test_a_cascade_of_models_that_hardly_differ_has_no_interval():
    errors = np.arange(40) % 2 == 0
    other = errors.copy()
    other[:3] = False
    small, large = (
        evaluations(ReportInput(frame(wrong, np.arange(40.0), model=name)))[0]
        for name, wrong in (("small", errors), ("large", other))
    )
    found = compute_cascade(small, large, "score_0", replicates=50)
    assert not np.isnan(found.area)
    assert np.isnan([found.area_low, found.area_high]).all()


def test_a_trend_does_not_pass_through_a_handful():
    errors = np.r_[np.arange(60) % 2 == 0, np.arange(20) < 1]
    scores = np.random.default_rng(2).normal(size=80)
    value = np.r_[["low"] * 30, ["medium"] * 30, ["high"] * 20]
    strata = pd.DataFrame({"task": "t", "question_id": range(80), "stratum": "reasoning_steps"})
    three = evaluations(ReportInput(frame(errors, scores), strata=strata.assign(value=value)))[0]
    two = evaluations(
        ReportInput(frame(errors[:60], scores[:60]), strata=strata.assign(value=value)[:60])
    )[0]
    assert compute_trends(three)["slope"].tolist() == compute_trends(two)["slope"].tolist()
    assert compute_trends(three)["values"].tolist() == ["low, medium, high"]


def test_a_mean_of_few_scores_has_no_standard_error():
    frames = [frame(np.arange(12) % 3 == k, np.arange(12.0), model=f"m{k}") for k in range(3)]
    curve = compute_u_curve(evaluations(ReportInput(pd.concat(frames))), ["score_0"])
    assert (curve["n"] < SMALLEST_CLASS).all()
    assert curve["standard_error"].isna().all()


def test_figures_draw_few_answers_hollow_and_grey(mixed):
    metrics = metrics_of(*mixed)
    ax = draw_auc_bars(Figure().subplots(), compute_auc_bars(metrics)[0])
    faces = [to_hex(bar.get_facecolor(), keep_alpha=True)[-2:] for bar in ax.patches]
    assert faces.count("00") == 2  # macro and tiny
    errors = np.arange(28) > 0
    small = metrics_of(errors, np.arange(28.0))
    leaders = compute_leaderboard(small)
    drawn = draw_leaderboard(Figure().subplots(), leaders)
    assert {line.get_fillstyle() for line in drawn.lines if line.get_marker() == "o"} == {"none"}
    assert [text.get_color() for text in drawn.texts] == [GRAY]
    assert drawn.texts[0].get_text().endswith("†")
    heatmap = compute_topic_heatmap(metrics)
    shown = draw_heatmap(Figure().subplots(), heatmap)
    inks = np.array([text.get_color() for text in shown.texts]).reshape(heatmap.values.shape)
    names = [label.split(" (")[0] for label in heatmap.columns]
    assert (inks[:, [names.index("macro"), names.index("tiny")]] == GRAY).all()
    assert (inks[:, names.index("all")] != GRAY).all()


def test_nothing_right_says_first_what_could_not_be_read():
    table = frame(np.ones(12, dtype=bool), np.arange(12.0))
    unread = table["question_id"] < 9
    table = table.assign(
        status=table["status"].where(~unread, "unparsed"), answer=table["answer"].where(~unread)
    )
    (text,) = summarize(compute_metrics(ReportInput(table), replicates=10))
    assert text.startswith(
        "m on t: no option was found in 9 of 12 answers; 0.0 % of 12 questions answered right"
    )


@pytest.mark.slow
def test_the_command_line_on_a_handful(tmp_path, capsys):
    """`import table` and `report`: 27 of 28 wrong, and a topic with one error of two."""
    wrong = {"few": [*range(1, 28)], "more": [*range(0, 60, 2), 60]}
    for model, errors in wrong.items():
        n = 28 if model == "few" else 62
        topic = ["law"] * min(n, 60) + ["tiny"] * (n - 60)
        answers = pd.DataFrame({"id": range(n), "topic": topic[:n], "gold": "A"})
        answers["answer"] = np.where(answers["id"].isin(errors), "B", "A")
        answers["mine"] = np.random.default_rng(5).normal(size=n)
        answers.to_csv(tmp_path / f"{model}.csv", index=False)
        command(
            *("import", "table", tmp_path / f"{model}.csv", "--model", model, "--id", "id"),
            *("--topic", "topic", "--answer", "gold", "--prediction", "answer"),
            *("--score", "mine=mine", "--task", "mmlu_pro_direct"),
            *("--output_path", tmp_path / "results"),
        )
    command("score", tmp_path / "results", "--estimators", "mine,random")
    capsys.readouterr()
    given = ("--output_path", tmp_path / "report", "--replicates", 100, "--formats", "svg")
    command("report", tmp_path / "results", *given)
    terminal = capsys.readouterr().out
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    metrics = pd.read_csv(tmp_path / "report" / "metrics.csv").set_index(["model", "topic"])
    for model, topic in (("few", "all"), ("few", "law"), ("more", "tiny")):
        assert metrics.loc[(model, topic), "roc_auc"].notna().all()
        assert metrics.loc[(model, topic), ["roc_auc_low", "roc_auc_high"]].isna().all(axis=None)
    assert metrics.loc[("more", "all"), "roc_auc_low"].notna().all()
    about = page[page.index("few on mmlu_pro_direct: ") :].split("</p>")[0]
    assert "27 wrong and 1 right" in about
    assert not VERDICTS.search(about)
    assert 'class="few"' in page
    assert "27 wrong, 1 right: fewer than 10" in page
    assert "macro (2 of 2 topics)" in page
    assert "[0.000, 0.000]" not in page + terminal
    assert "27 wrong and 1 right" in " ".join(terminal.split())
    assert "†" in terminal


def normal_shape(rng, wrong, right, area):
    return np.r_[rng.normal(size=wrong) + np.sqrt(2) * norm.ppf(area), rng.normal(size=right)]


def split_errors(rng, wrong, right, area):
    """An error is above all right answers or below all."""
    return np.r_[np.where(rng.random(wrong) < area, 9.0, -9.0), rng.normal(size=right)]


def coverage(draw, wrong, right, area, trials=300):
    rng = np.random.default_rng(7)
    errors = np.arange(wrong + right) < wrong
    covered = 0
    for trial in range(trials):
        scores = draw(rng, wrong, right, area)
        drawn = roc_auc_replicates(errors, scores[:, None], 200, trial)[:, 0]
        found = roc_auc_score(errors, scores)
        (low, high), _ = roc_auc_interval(found, wrong, right, drawn)
        covered += low <= area <= high
    return covered / trials


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(10, 10), (10, 200), (40, 40)])
@pytest.mark.parametrize("area", [0.5, 0.97])
def test_the_interval_covers_at_the_minimum(sizes, area):
    assert coverage(normal_shape, *sizes, area) >= 0.925


@pytest.mark.slow
@pytest.mark.parametrize("area", [0.2, 0.9])
@pytest.mark.parametrize("sizes", [(10, 10), (10, 100)])
def test_the_interval_covers_split_scores_at_the_minimum(sizes, area):
    """The hardest case found: the AUC is a share of ten."""
    assert coverage(split_errors, *sizes, area) >= 0.85
