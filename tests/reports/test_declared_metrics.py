"""Metrics as declarations: built-in ones, and those of a user's file through the command line."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import (
    METRIC_COLUMNS,
    MetricDeclarationError,
    MetricError,
    ReportInput,
    builtin_metrics,
    check_metric,
    compute_metrics,
    metric,
)
from apprehend.reports.checks.metric_checks import CHECKS
from golden_files import write_results
from helpers import Done, in_process

CONTRACT = (
    *("model", "task", "estimator", "topic", "n", "n_errors", "coverage", "accuracy", "roc_auc"),
    *("roc_auc_low", "roc_auc_high", "pr_auc", "prr", "aurc", "augrc", "accuracy_at_10"),
    *("accuracy_at_25", "accuracy_at_50", "coverage_at_risk_5", "coverage_at_risk_10"),
    *("coverage_at_risk_20", "information", "ece", "ece_mass", "brier", "brier_reliability"),
    *("brier_resolution", "brier_uncertainty", "log_loss", "roc_auc_worst", "roc_auc_common"),
    *("n_common", "n_missing", "n_unparsed", "n_calibration", "n_topics", "rows", "replicates"),
    *("seed", "n_topics_total", "n_topics_few", "accuracy_low", "accuracy_high"),
    *("interval_method", "interval_note"),
)
"""The columns of metrics.csv as they were released; new ones come after them."""


@pytest.mark.parametrize("name", builtin_metrics())
def test_builtin_metrics_conform(name: str) -> None:
    one = builtin_metrics()[name]
    outcomes = check_metric(one)
    assert [o for o in outcomes if o.status == "failed"] == []
    assert [o.check for o in outcomes] == list(CHECKS)
    assert (one.better == "neither") == ("orientation" in {o.check for o in outcomes if o.reason})
    assert one.meaning.endswith(".")
    assert one.source


def test_the_columns_are_those_released() -> None:
    assert METRIC_COLUMNS[: len(CONTRACT)] == CONTRACT
    assert len(set(METRIC_COLUMNS)) == len(METRIC_COLUMNS)


@metric(better="higher", bounds=(0, 1))
def gap_sign(errors: Any, scores: Any) -> float:
    """Share of pairs of an error and a right answer in which the error has the higher score."""
    wrong, right = scores[errors], scores[~errors]
    pairs = wrong[:, None] > right[None, :]
    return float(pairs.mean()) if pairs.size else math.nan


def test_a_right_metric_conforms_and_is_computed_everywhere(make_scores: Any) -> None:
    assert [o for o in check_metric(gap_sign) if o.status == "failed"] == []
    scores = make_scores(90)
    strata = pd.DataFrame(
        {"task": "t", "question_id": np.arange(90), "stratum": "half", "value": "first"}
    ).head(45)
    plain = compute_metrics(ReportInput(scores, strata=strata), replicates=5)
    found = compute_metrics(ReportInput(scores, strata=strata), replicates=5, metrics=[gap_sign])
    assert tuple(found.columns) == (*METRIC_COLUMNS, "gap_sign")
    pd.testing.assert_frame_equal(found[list(METRIC_COLUMNS)], plain)
    one = scores[scores["estimator"] == "token_entropy"]
    own = found[found["estimator"] == "token_entropy"].set_index("topic")["gap_sign"]
    for topic, rows in (("all", one), ("half=first", one.head(45)), *one.groupby("topic")):
        wrong, right = (rows.loc[rows["correct"] == side, "score"] for side in (False, True))
        pairs = [a > b for a in wrong for b in right]
        assert own[topic] == pytest.approx(sum(pairs) / len(pairs))
    assert own["macro"] == pytest.approx(own[["law", "math", "physics"]].mean())


WRONG = '''
import math, random
import numpy as np
from apprehend.reports import metric

def wrong(**given):
    return metric(meaning="Wrong.", better=given.pop("better", "higher"), **given)

def area(errors, scores):
    """Pairs in the right order."""
    pairs = scores[errors][:, None] > scores[~errors][None, :]
    return float(pairs.mean()) if pairs.size else math.nan

@wrong()
def never(errors, scores):
    return math.nan

@wrong()
def first_row(errors, scores):
    return float(scores[0]) if len(scores) else math.nan

@wrong()
def noisy(errors, scores):
    return random.random()

@wrong()
def overwriting(errors, scores):
    scores.sort()
    return area(errors, scores)

@wrong()
def unguarded(errors, scores):
    return scores[errors].max()

@wrong(bounds=(0, 0.5))
def narrow(errors, scores):
    return area(errors, scores)

@wrong(better="lower")
def turned(errors, scores):
    return area(errors, scores)

@wrong(from_ties=lambda ties: 0.5)
def two_forms(errors, scores):
    return area(errors, scores)
'''
FAILS = {
    **{"never": "a number", "first_row": "row order", "noisy": "determinism"},
    **{"overwriting": "inputs unchanged", "unguarded": "edge cases", "narrow": "range"},
    **{"turned": "orientation", "two_forms": "tie blocks"},
}


@pytest.mark.parametrize(("name", "check"), FAILS.items())
def test_each_wrong_metric_fails_its_check(name: str, check: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    done = in_process(["check", "metric", f"wrong.py:{name}"], tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    (line,) = [line for line in done.stdout.splitlines() if line.strip().startswith(check)]
    assert "failed" in line
    assert set(FAILS.values()) == set(CHECKS)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"better": "up"}, "better"),
        ({"better": "lower", "bounds": (1, 0)}, "bounds"),
        ({"better": "lower", "bounds": 1}, "bounds"),
        ({"better": "lower", "name": "a b"}, "name"),
        ({"better": "lower", "needs": "logits"}, "needs"),
        ({"better": "lower", "kind": "count"}, "macro"),
        ({"better": "lower", "color": "red"}, "color"),
        ({"better": "lower", "meaning": ""}, "expected a definition"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(given: dict[str, Any], said: str) -> None:
    def nameless(errors: Any, scores: Any) -> float:
        return 0.0

    with pytest.raises(MetricDeclarationError, match=said):
        metric(**{"meaning": "Nothing.", **given})(nameless)


def test_columns_must_be_free(make_scores: Any) -> None:
    data = ReportInput(make_scores())
    taken = metric(better="lower", name="rows", meaning="x")(lambda errors, scores: 0.0)
    with pytest.raises(MetricDeclarationError, match="rows"):
        compute_metrics(data, replicates=5, metrics=[taken])
    with pytest.raises(MetricDeclarationError, match="gap_sign"):
        compute_metrics(data, replicates=5, metrics=[gap_sign, gap_sign])
    with pytest.raises(MetricDeclarationError, match="@metric"):
        compute_metrics(data, replicates=5, metrics=[len])


def test_a_metric_that_fails_is_an_error_unless_failures_are_collected(make_scores: Any) -> None:
    @metric(better="lower", meaning="Fails on law.", bounds=(0, 1))
    def on_most(errors: Any, scores: Any) -> Any:
        return "much" if len(scores) == 40 else 0.25

    data = ReportInput(make_scores())
    with pytest.raises(MetricError, match="on_most of token_entropy, m on t, law: expected a num"):
        compute_metrics(data, replicates=5, metrics=[on_most])
    failures: list[Any] = []
    found = compute_metrics(data, replicates=5, metrics=[on_most], failures=failures)
    assert {one.group for one in failures} == {"law", "math", "physics"}
    pooled = found[found["topic"] == "all"]
    assert (pooled["on_most"] == 0.25).all()
    assert found.loc[found["topic"].isin(["law", "macro"]), "on_most"].isna().all()
    assert found["roc_auc"].notna().all()


def test_a_metric_cannot_end_a_report(make_scores: Any) -> None:
    @metric(better="lower", meaning="Leaves.")
    def leaving(errors: Any, scores: Any) -> float:
        raise SystemExit(0)

    failures: list[Any] = []
    compute_metrics(ReportInput(make_scores()), replicates=5, metrics=[leaving], failures=failures)
    assert {one.reason for one in failures} == {"SystemExit: 0"}
    assert len(failures) == 2 * 4  # estimators; the pooled group and three topics
    reasons = {o.check: o.reason for o in check_metric(leaving) if o.status == "failed"}
    assert reasons["a number"] == "SystemExit: 0"


MINE = '''
import numpy as np
from apprehend.reports import metric

@metric(better="higher", bounds=(0, 1), source="a test", heading="top share")
def top_share(errors, scores):
    """Share of the errors among the most uncertain tenth of the answers."""
    if not errors.any():
        return float("nan")
    least = np.sort(scores)[-max(1, len(scores) // 10)]
    return errors[scores >= least].sum() / errors.sum()

@metric(better="lower", bounds=(0, 1), needs="probabilities", kind="percent")
def overclaimed(errors, scores):
    """Mean claimed probability of an error above the share of errors, or 0."""
    return max(0.0, float(np.mean(scores) - np.mean(errors))) if len(scores) else float("nan")

@metric(better="lower", name="aurc")
def taken(errors, scores):
    """Has a column that is taken."""
    return 0.0

@metric(better="lower", bounds=(0, 1))
def broken(errors, scores):
    """Fails where there are few rows."""
    if len(scores) < 40:
        raise RuntimeError("too\\nfew")
    return 0.5

def undeclared(errors, scores):
    return 0.0
'''


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results of two models and a file of metrics."""
    folder = tmp_path_factory.mktemp("metrics")
    write_results(folder)
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    return folder


def reported(folder: Path, metrics: str) -> Done:
    """What a report with some metrics says."""
    arguments = ["report", "results", "--replicates", 100, "--formats", "svg", "--output_path"]
    return in_process([*arguments, "out", "--metrics", metrics], folder)


def test_two_metrics_of_one_file_reach_the_table_and_the_page(stored: Path) -> None:
    """One file is touched, the user's own."""
    done = reported(stored, "mine.py:top_share,mine.py:overclaimed")
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(stored / "out" / "metrics.csv")
    assert tuple(metrics.columns) == (*METRIC_COLUMNS, "top_share", "overclaimed")
    assert metrics.loc[metrics["topic"] == "macro", "top_share"].notna().any()
    claims = metrics["estimator"] == "max_probability"
    assert metrics.loc[claims & metrics["topic"].eq("all"), "overclaimed"].notna().all()
    assert metrics.loc[~claims, "overclaimed"].isna().all()
    page = (stored / "out" / "index.html").read_text(encoding="utf-8")
    assert '<th scope="col">top share</th>' in page
    assert "top share: Share of the errors among the most uncertain tenth of the answers." in page
    assert "<dt>top share</dt>" in page
    assert "Mean claimed probability of an error above the share of errors, or 0." in page


def test_a_failing_metric_costs_its_values_alone(stored: Path) -> None:
    done = reported(stored, "mine.py:broken,mine.py:top_share")
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    where = "metric broken of max_probability, large on mmlu_pro_direct, biology"
    assert line.startswith(f"apprehend: error: {where}: RuntimeError: too few (and ")
    assert "more of its values" in line
    assert done.stderr.count("broken") == 1
    metrics = pd.read_csv(stored / "out" / "metrics.csv")
    assert (metrics.loc[metrics["topic"] == "all", "broken"] == 0.5).all()
    assert metrics.loc[metrics["topic"] == "law", "broken"].isna().all()
    assert metrics.loc[metrics["topic"] == "all", ["roc_auc", "top_share"]].notna().all(axis=None)
    assert (stored / "out" / "index.html").is_file()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("mine.py:taken", "metrics.csv itself has column 'aurc'"),
        ("mine.py:top_share,mine.py:top_share", "another metric has column"),
        ("mine.py:undeclared", "below @metric"),
        ("mine.py:absent", "metrics in it: top_share, overclaimed, taken, broken"),
        ("nowhere.py:mine", "no such file"),
        ("aurc", "apprehend list metrics"),
    ],
)
def test_metrics_that_cannot_be_are_refused_in_one_line(stored: Path, spec: str, said: str) -> None:
    done = reported(stored, spec)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_metrics_are_listed_and_checked_by_name(tmp_path: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "apprehend.benchmark", "list", "metrics"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(name in listed for name in ("augrc", "ece_mass", "probabilities", "[0, 0.5]"))
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    for spec in ("ece", "mine.py:top_share", "mine.py:overclaimed"):
        done = in_process(["check", "metric", spec], tmp_path)
        assert done.returncode == 0, done.stdout
