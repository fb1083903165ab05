"""Figures, metrics and analyses are added in one file each; page and tables follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
from apprehend.reports import METRIC_COLUMNS, ReportInput, build_report, metric
from apprehend.reports.analyses import __path__ as analysis_folders
from apprehend.reports.analyses.task_analysis import task_analyses
from apprehend.reports.figures import __path__ as folders
from apprehend.reports.figures import task_figure
from apprehend.reports.metrics import information
from apprehend.reports.metrics.metric_registry import builtin_metrics
from apprehend.reports.page.placed_figures import task_figures

FIGURE = '''
"""Scores in the order of the questions."""

from matplotlib.figure import Figure

from .task_figure import TaskContext, task_figure


@task_figure(
    key="score_sequence",
    block="curves",
    title="Scores in sequence",
    reading="A trend is a sign of questions in the order of their difficulty.",
)
def score_sequence(of: TaskContext, title: str) -> list[Figure]:
    figure = Figure()
    axes = figure.subplots()
    for name, scores in zip(of.one.estimators, of.one.raw.T, strict=True):
        axes.plot(scores, color=of.styles.of(name)[0])
    return [figure]
'''


@pytest.fixture
def found_anew() -> Iterator[None]:
    """Forget what was found before and after."""
    for cached in (task_figures, builtin_metrics):
        cached.cache_clear()
    yield
    for cached in (task_figures, builtin_metrics):
        cached.cache_clear()


def test_a_file_with_a_figure_is_all_that_a_new_figure_takes(
    make_scores: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found_anew: None
) -> None:
    folder = tmp_path / "added"
    folder.mkdir()
    (folder / "score_sequence.py").write_text(FIGURE, encoding="utf-8")
    monkeypatch.setattr(f"{task_figure.__package__}.__path__", [*folders, str(folder)])
    monkeypatch.setattr("apprehend.reports.page.placed_figures.folders", [*folders, str(folder)])
    build_report(ReportInput(make_scores(60)), tmp_path / "out", replicates=5, formats=("svg",))
    assert (tmp_path / "out" / "figures" / "score_sequence_m_t.svg").is_file()
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "Scores in sequence: m on t" in page
    assert "A trend is a sign of questions in the order of their difficulty." in page
    curves = page[page.index("Curves and histograms") :]
    assert curves.index("Scores by correctness") < curves.index("Scores in sequence")


def test_a_function_in_a_metrics_file_is_all_that_a_new_metric_takes(
    make_scores: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found_anew: None
) -> None:
    @metric(better="neither", bounds=(0, 1), heading="tied share")
    def tied_share(errors: Any, scores: Any) -> float:
        """Share of the answers whose score another one has too."""
        return float(pd.Series(scores).duplicated(keep=False).mean()) if len(scores) else 0.0

    monkeypatch.setattr(tied_share, "__module__", information.__name__)
    monkeypatch.setattr(information, "tied_share", tied_share, raising=False)
    scores = make_scores(60)
    build_report(ReportInput(scores), tmp_path, replicates=5, formats=())
    metrics = pd.read_csv(tmp_path / "metrics.csv")
    assert tuple(metrics.columns) == (*METRIC_COLUMNS, "tied_share")
    own = scores.loc[scores["estimator"] == "token_entropy", "score"].duplicated(keep=False)
    pooled = metrics[(metrics["topic"] == "all") & (metrics["estimator"] == "token_entropy")]
    assert pooled["tied_share"].item() == pytest.approx(own.mean())
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<dt>tied share</dt>" in page
    assert "Share of the answers whose score another one has too." in page


def test_every_figure_says_what_it_is_and_where_it_belongs() -> None:
    kinds = task_figures()
    assert len({kind.key for kind in kinds}) == len(kinds) >= 14
    assert {kind.block for kind in kinds} == set(get_args(task_figure.Block))
    assert all(kind.title and kind.reading.endswith(".") for kind in kinds)


def test_two_figures_of_one_key_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found_anew: None
) -> None:
    text = FIGURE.replace('"score_sequence"', '"leaderboard"')
    (tmp_path / "another_board.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(f"{task_figure.__package__}.__path__", [*folders, str(tmp_path)])
    monkeypatch.setattr("apprehend.reports.page.placed_figures.folders", [*folders, str(tmp_path)])
    with pytest.raises(ValueError, match="two figures are called 'leaderboard'"):
        task_figures()


ANALYSIS = '''
"""Longest run of errors."""

import pandas as pd

from ..metrics.evaluation import Evaluation
from .task_analysis import task_analysis


@task_analysis(file="longest_runs")
def compute_longest_runs(evaluation: Evaluation) -> pd.DataFrame:
    longest = current = 0
    for wrong in evaluation.errors:
        current = current + 1 if wrong else 0
        longest = max(longest, current)
    return pd.DataFrame(
        {"model": [evaluation.model], "task": [evaluation.task], "errors": [longest]}
    )
'''


def test_a_file_with_an_analysis_is_all_that_a_new_analysis_takes(
    make_scores: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = "apprehend.reports.analyses"
    (tmp_path / "longest_runs.py").write_text(ANALYSIS, encoding="utf-8")
    places = [*analysis_folders, str(tmp_path)]
    monkeypatch.setattr(f"{package}.__path__", places)
    monkeypatch.setattr(f"{package}.task_analysis.folders", places)
    task_analyses.cache_clear()
    try:
        scores = make_scores(60)
        build_report(ReportInput(scores), tmp_path / "out", replicates=5, formats=())
        assert {"thresholds", "trends", "complementarity", "missing_by_topic"} < {*task_analyses()}
    finally:
        task_analyses.cache_clear()
    runs = pd.read_csv(tmp_path / "out" / "longest_runs.csv")
    one = scores[scores["estimator"] == "token_entropy"].astype({"question_id": str})
    right = "".join("x "[int(c)] for c in one.sort_values("question_id")["correct"])
    assert runs["errors"].tolist() == [max(map(len, right.split()))]
