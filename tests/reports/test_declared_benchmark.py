"""Analyses of all stored models as declarations: sentences, files, page and commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput, Study, build_benchmark_analyses, evaluations
from apprehend.reports.analyses.study.benchmark_analysis import benchmark_analyses
from helpers import in_process


def test_every_analysis_says_what_it_means_and_when_it_means_nothing() -> None:
    declared = benchmark_analyses()
    assert len(declared) >= 20
    for file, analysis in declared.items():
        assert analysis.file == file
        assert analysis.title
        assert analysis.source, file
        for sentence in (analysis.meaning, analysis.limits):
            assert len(sentence) > 60, file
            assert sentence.endswith("."), file
        assert not analysis.requires.endswith(".")
        assert analysis.requires, file


def test_they_are_listed(tmp_path) -> None:
    done = in_process(["list", "analyses"], tmp_path)
    assert done.returncode == 0, done.stderr
    shown = "".join(done.stdout.split())
    for file in benchmark_analyses():
        assert f"{file}.csv"[:12] in shown, file


def test_empty_analyses_have_their_columns_and_are_named(make_scores, tmp_path) -> None:
    data = ReportInput(make_scores(12, ("s",)))
    study = Study(data, evaluations(data))
    empty = []
    for file, analysis in benchmark_analyses().items():
        frame = analysis.compute(study)
        assert {shown.source for shown in analysis.columns} <= set(frame.columns), file
        if frame.empty:
            empty.append(analysis)
    result = build_benchmark_analyses(data, tmp_path, formats=())
    text = " ".join(result.summary)
    assert len(empty) >= 15
    for analysis in empty:
        assert f"{analysis.title} requires {analysis.requires}" in text


@pytest.mark.slow
def test_files_and_sentences_are_in_the_page(make_scores, builtin_traits, tmp_path) -> None:
    frames = [make_scores(90, ("token_entropy",), f"m{i}-{i + 1}B", seed=i) for i in range(5)]
    data = ReportInput(pd.concat(frames, ignore_index=True), traits=builtin_traits)
    result = build_benchmark_analyses(data, tmp_path, formats=(), seed=3)
    names = {path.name for path in result.files}
    full = {"facets", "effective_numbers", "flipped_labels", "information_values", "scaling"}
    full |= {"suspicious_labels", "shared_structure", "stability", "entropy_mechanism"}
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for file in full - {"entropy_mechanism"}:
        assert f"{file}.csv" in names
        analysis = benchmark_analyses()[file]
        frame = result.frames[file]
        if analysis.shown is None or len(analysis.shown(frame)):
            assert analysis.title in page
            assert analysis.limits.split(";")[0].split("'")[0][:50] in page, file
    assert result.frames["flipped_labels"]["seed"].eq(3).all()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven models on 240 questions, with option probabilities, through the command line."""
    folder = tmp_path_factory.mktemp("literature")
    rng = np.random.default_rng(0)
    gold, difficulty = rng.integers(4, size=240), rng.normal(size=240)
    for index in range(7):
        strength = 0.5 + 0.4 * index - 0.6 * difficulty
        logits = rng.normal(size=(240, 4))
        logits[np.arange(240), gold] += strength
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        table = pd.DataFrame({"id": np.arange(240), "topic": np.array(["law", "math"])[gold % 2]})
        table["gold"] = np.array(list("ABCD"))[gold]
        table["pred"] = np.array(list("ABCD"))[p.argmax(axis=1)]
        table["p"] = list(p)
        table.to_parquet(folder / f"m{index}.parquet")
        done = in_process(
            ["import", "table", folder / f"m{index}.parquet", "--model", f"m{index}", "--id", "id",
             "--topic", "topic", "--answer", "gold", "--prediction", "pred", "--option_probs", "p",
             "--task", "mine", "--output_path", folder / "results"],
            folder,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder / "results"


def test_a_rule_by_cost_is_exported_and_applied(results: Path, tmp_path: Path) -> None:
    given = ["threshold", results, "--estimator", "max_probability", "--model", "m3"]
    costs = ["--cost", "wrong=10,abstain=2,escalate=1.5"]
    done = in_process([*given, *costs, "--export", "rule.json", "--output_path", "t.csv"], tmp_path)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "t.csv")
    assert table["otherwise"].item() == "escalate"
    assert table["break_even"].item() == 0.15
    larger = [*given, *costs, "--escalate_to", "m6", "--output_path", "larger.csv"]
    assert in_process(larger, tmp_path).returncode == 0
    # The errors of m6 cost more than to abstain.
    assert pd.read_csv(tmp_path / "larger.csv")["otherwise"].item() == "abstain"
    done = in_process(["apply", "rule.json", results, "--output_path", "d.csv"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "within chance" in done.stderr
    decisions = pd.read_csv(tmp_path / "d.csv")
    kept = decisions["score"] <= table["threshold"].item()
    assert (decisions["decision"] == np.where(kept, "answer", "escalate")).all()
    other = in_process(["apply", "rule.json", results, "--model", "m0"], tmp_path)
    assert "shifted" in other.stderr


def test_thresholds_by_topic_and_their_refusals(results: Path, tmp_path: Path) -> None:
    given = ["threshold", results, "--estimator", "max_probability"]
    done = in_process(
        [*given, "--model", "m6", "--by_topic", "ltt", "--target_risk", 0.4, "--export", "r.json"],
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert '"law":' in (tmp_path / "r.json").read_text()
    for extra, message in (
        (["--by_topic", "ltt", "--cost", "wrong=1,abstain=1"], "exclude each other"),
        (["--by_topic", "no"], "expected ltt or crc"),
        (["--cost", "wrong"], "--cost: expected wrong="),
        (["--escalate_to", "m6"], "belongs to --cost"),
        (
            ["--cost", "wrong=9,escalate=1", "--escalate_to", "m66", "--model", "m1"],
            "no answers of",
        ),
        (["--export", "r.json"], "--export writes one rule"),
    ):
        refused = in_process([*given, *extra], tmp_path)
        assert refused.returncode == 2
        assert message in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
    (tmp_path / "bad.json").write_text("{}")
    assert in_process(["apply", "bad.json", results], tmp_path).returncode == 1
    assert in_process(["apply", "none.json", results], tmp_path).returncode == 2


def test_recommend_and_subset(results: Path, tmp_path: Path) -> None:
    done = in_process(
        ["recommend", results, "--model", "m2", "--target_risk", 0.3, "--output_path", "r.txt"],
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "r.txt").read_text()
    assert text.startswith("m2 on mine: use ")
    assert "corrected for the choice among" in text
    assert "Not considered, a control" in text
    for extra, message in (
        (["--budget", "z"], "expected c, m, x"),
        (["--topics", "laws"], "did you mean 'law'"),
        (["--model", "m9"], "no model 'm9'"),
    ):
        refused = in_process(["recommend", results, *extra], tmp_path)
        assert (refused.returncode, message in refused.stderr) == (2, True), refused.stderr
    done = in_process(["subset", results, "--size", 60, "--output_path", "s.csv"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "models left out of the choice" in done.stderr
    assert pd.read_csv(tmp_path / "s.csv")["question_id"].nunique() == 60
    refused = in_process(["subset", results, "--size", 999], tmp_path)
    assert refused.returncode == 1
    assert "Expected at least 999 common questions" in refused.stderr


@pytest.mark.slow
def test_the_report_names_the_choice(results: Path, tmp_path: Path) -> None:
    arguments = ["report", results, "--output_path", "report", "--replicates", 100]
    done = in_process([*arguments, "--formats", "svg"], tmp_path)
    assert done.returncode == 0, done.stderr
    selection = pd.read_csv(tmp_path / "report" / "selection.csv")
    assert selection.groupby("model")["best"].sum().eq(1).all()
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "The choice among estimators" in page
    assert "corrected for the choice among" in page
    metrics = pd.read_csv(tmp_path / "report" / "metrics.csv")
    assert {"abstention_score_75", "distributional_correctness_score"} <= set(metrics.columns)


def test_the_recorded_models_are_ranked_by_a_small_subset(recorded_folder: Path) -> None:
    """τ of at least .9 with 600 of 12,032 questions, on models left out of the choice."""
    from apprehend.reports.analyses.questions.subsets import _held_out

    frame = pd.read_parquet(recorded_folder / "mmlu_pro_cot_answers.parquet")
    wrong = frame.assign(wrong=(frame["prediction"] != frame["answer"]).astype(float))
    table = wrong.pivot_table(index="question_id", columns="model", values="wrong", aggfunc="first")
    topics = frame.drop_duplicates("question_id").set_index("question_id")["topic"]
    tried = _held_out(table.to_numpy().T, topics.reindex(table.index).to_numpy(object), 600, 0)
    tau, _, gap, _, random_gap = np.nanmean(tried, axis=0)
    assert table.shape == (12032, 10)
    assert tau >= 0.9
    assert gap < random_gap
