"""Very many topics and models: pairs, figures, tables and the page are bounded, and say so."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.cli.main import main
from apprehend.benchmark.recordings.writing import ImportedQuestion, write_import
from apprehend.benchmark.reporting.report_inputs import input_of
from apprehend.benchmark.score.scoring import score_store
from apprehend.benchmark.store.task_store import Results, TaskStore
from apprehend.estimators.signals.batch import Signal
from apprehend.reports import ReportInput, build_report, compare
from apprehend.reports.analyses.comparisons import untested
from apprehend.reports.frames.inputs import ReportInput as Input
from apprehend.reports.metrics.evaluation import evaluations
from apprehend.reports.page import pages
from conftest import score_frame

TOPICS, EACH = 300, 24


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line's report on 300 topics; the last topics have most questions."""
    folder = tmp_path_factory.mktemp("topics")
    rng = np.random.default_rng(0)
    topics = np.repeat(np.arange(TOPICS), EACH + np.arange(TOPICS) // 100)
    rows = [
        ImportedQuestion(
            number, f"topic {topic:03d}", 0, bool(number % 2), option_logprobs=[-0.5, -1.0],
            gold=number % 2, scores={name: float(rng.random()) for name in ("first", "second")},
        )
        for number, topic in enumerate(topics.tolist())
    ]  # fmt: skip
    origin = {"kind": "made up", "files": ["none"]}
    done = write_import(Results(folder / "results"), "m", "t", Signal.ANSWER, rows, origin)
    score_store(done.store, ["first", "second", "max_probability"])
    with pytest.raises(SystemExit) as ended:
        main(
            ["report", str(folder / "results"), "--output_path", str(folder / "report"),
             "--replicates", "100", "--formats", "svg"]
        )  # fmt: skip
    assert not ended.value.code
    return folder / "report"


def test_pairs_of_the_largest_topics(report: Path) -> None:
    metrics = pd.read_csv(report / "metrics.csv")
    assert metrics["topic"].nunique() == TOPICS + 2  # complete
    found = pd.read_csv(report / "comparisons.csv")
    pairs = found[found["family"] == "topics"]
    assert len(pairs) == 60 * 59 // 2
    assert (pairs["family_size"] == len(pairs)).all()
    # 100 topics are of the largest size; the first 60 of these are tested.
    assert set(pairs["topic_a"]) | set(pairs["topic_b"]) == {f"topic {k}" for k in range(200, 260)}
    (left,) = pd.read_csv(report / "untested.csv").to_dict("records")
    assert (left["family"], left["of"], left["tested"]) == ("topics", TOPICS, 60)
    assert left["pairs_not_tested"] == 300 * 299 // 2 - 60 * 59 // 2


def test_the_page_says_what_it_leaves_out(report: Path) -> None:
    page = (report / "index.html").read_text(encoding="utf-8")
    assert len(page.encode()) < 4_000_000
    assert "Pairs among the 60 topics with the most questions" in page
    assert "the 43,080 pairs that involve the other 240 are not tested" in page
    assert "The 60 topics with the most questions; the other 240 are in metrics.csv." in page
    assert "The 500 rows with the most questions; the other 1,270 are in comparisons.csv." in page
    bodies = re.findall(r"<tbody>.*?</tbody>", page, flags=re.DOTALL)
    assert max(body.count("<tr") for body in bodies) == 500
    assert "topic 259 (26)" in page  # in a figure
    assert "topic 260 (26)" not in page


def test_figures_are_of_a_size_that_can_be_looked_at(report: Path) -> None:
    files = list((report / "figures").iterdir())
    assert max(file.stat().st_size for file in files) < 1_000_000
    assert sum(file.stat().st_size for file in report.rglob("*") if file.is_file()) < 30e6


def test_reading_takes_no_list_of_all_questions_per_question(
    report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200,000 questions took the square of that many steps."""
    (store,) = Results(report.parent / "results").stores()
    asked, ids = [0], store.question_ids

    def counted(_: TaskStore) -> list[int]:
        asked[0] += 1
        return list(ids)

    monkeypatch.setattr(TaskStore, "question_ids", property(counted))
    assert len(input_of([store]).options) == len(ids)
    assert asked[0] < 20


def models(count: int, n: int) -> ReportInput:
    frames = [
        score_frame(n + 3 * (k % 2), ("first",), model=f"m{k:03d}", seed=k) for k in range(count)
    ]
    return Input(pd.concat(frames, ignore_index=True))


def test_pairs_of_the_largest_models() -> None:
    data = models(70, 30)
    evaluated = evaluations(data)
    found = compare(evaluated, replicates=20)
    accuracy = found[(found["family"] == "models") & (found["quantity"] == "accuracy")]
    assert len(accuracy) == 60 * 59 // 2
    names = {*accuracy["model_a"], *accuracy["model_b"]}
    assert names == {f"m{k:03d}" for k in range(70) if k % 2 or k < 50}
    (left,) = untested(evaluated).to_dict("records")
    assert (left["family"], left["of"], left["pairs_not_tested"]) == ("models", 70, 2415 - 1770)


def test_few_models_are_all_paired_with_resamples() -> None:
    found = compare(evaluations(models(4, 60)), replicates=20)
    own = found[(found["family"] == "models") & (found["quantity"] == "roc_auc")]
    assert len(own) == 6
    assert (own["replicates"] == 20).all()
    assert untested(evaluations(models(4, 60))).empty


def test_sections_get_pages_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = models(2, 60)
    runs = [{"model_folder": f"m{k:03d}", "task_folder": "t", "note": f"run {k}"} for k in range(2)]
    data = Input(data.scores, manifests=runs)
    whole = build_report(data, tmp_path / "one", replicates=20, formats=("svg",))
    assert not (tmp_path / "one" / "sections").exists()
    monkeypatch.setattr(pages, "PAGE", 100_000)
    built = build_report(data, tmp_path / "many", replicates=20, formats=("svg",))
    assert {file for file in built.files if not file.is_file()} == set()
    index = (tmp_path / "many" / "index.html").read_text(encoding="utf-8")
    links = list(dict.fromkeys(re.findall(r'href="(sections/[^"]+)"', index)))
    beside = {f"sections/{file.name}" for file in (tmp_path / "many" / "sections").iterdir()}
    assert set(links) == beside
    assert len(beside) >= 3
    one = (tmp_path / "one" / "index.html").read_text(encoding="utf-8")
    assert len(index) < len(one) / 3
    texts = [index, *((tmp_path / "many" / name).read_text(encoding="utf-8") for name in links)]
    for heading in re.findall(r"<h3>[^<]+</h3>", one):
        assert any(heading in text for text in texts)
    for number in range(2):
        assert whole.summary[number].split(":")[0][:20] in index
        own = [text for text in texts if f"run {number}" in text]
        assert len(own) == 1
        assert f"m00{number} on t" in own[0]
    for first, second in pairwise(texts[1:]):
        assert first != second
