"""Recorded answers: the same report without a model."""

from __future__ import annotations

import json
import math
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.importers.importer import importers
from apprehend.estimators import Need, Signal
from apprehend.estimators.registry import builtin_estimators
from helpers import Run, in_process, lm_eval_samples, rows
from sklearn.metrics import average_precision_score, roc_auc_score

QWEN = ("--id", "question_id", "--topic", "category", "--prediction", "response",
        "--correct", "correct", "--score", "token_entropy=entropy")  # fmt: skip


@pytest.mark.slow
def test_recorded_qwen(recorded_data: Path, cli: Run, tmp_path: Path) -> None:
    file = recorded_data / "recorded_qwen2.5-3b.parquet"
    out = tmp_path / "results"
    done = cli("import", "table", file, "--model", "qwen2.5-3b", *QWEN, "--output_path", out)
    assert done.returncode == 0, done.stderr
    done = cli("report", out, "--output_path", tmp_path / "report", "--formats", "svg")
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(tmp_path / "report" / "metrics.csv")
    metrics = metrics[metrics.estimator == "token_entropy"].set_index("topic")
    raw = pd.read_parquet(file)
    assert round(metrics.roc_auc["all"], 3) == 0.709
    groups = {"all": raw, **dict(tuple(raw.groupby("category")))}
    assert len(groups) == 15
    for topic, group in groups.items():
        error = ~group.correct
        assert metrics.roc_auc[topic] == pytest.approx(
            roc_auc_score(error, group.entropy), abs=1e-9
        )
        assert metrics.pr_auc[topic] == pytest.approx(
            average_precision_score(error, group.entropy), abs=1e-9
        )
        assert metrics.n[topic] == len(group)
        assert metrics.n_errors[topic] == error.sum()
        assert metrics.accuracy[topic] == pytest.approx(group.correct.mean())
    assert metrics.roc_auc_low["all"] == pytest.approx(0.700, abs=3e-3)
    assert metrics.roc_auc_high["all"] == pytest.approx(0.718, abs=3e-3)


@pytest.mark.parametrize("model", ["llama-2-7b-hf", "qwen-14b"])
def test_recorded_option_logits(recorded_data: Path, cli: Run, tmp_path: Path, model: str) -> None:
    file = recorded_data / f"llm_uncertainty_bench_{model}.parquet"
    done = cli(
        "import", "table", file, "--model", model, "--task", "mmlu", "--id", "id",
        "--topic", "subject", "--answer", "answer", "--option_logits", "logits",
        "--where", "task=mmlu_10k", "--where", "prompt_style=base",
        "--output_path", tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    raw = pd.read_parquet(file)
    raw = raw[(raw.task == "mmlu_10k") & (raw.prompt_style == "base")].reset_index()
    logits = np.stack(raw.logits.to_numpy()).astype(np.float64)
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    wrong = np.array(list("ABCDEF"))[logits.argmax(axis=1)] != raw.answer
    scores = pd.read_parquet(tmp_path / model / "mmlu" / "scores.parquet")
    own = {name: g.set_index("question_id").score for name, g in scores.groupby("estimator")}
    entropy = -(probs * np.log(probs)).sum(axis=1)
    np.testing.assert_allclose(own["option_entropy"][raw.id.astype(str)], entropy, atol=1e-9)
    np.testing.assert_allclose(
        own["max_probability"][raw.id.astype(str)], 1 - probs.max(axis=1), atol=1e-9
    )
    correct = scores.drop_duplicates("question_id").set_index("question_id").correct
    assert (correct[raw.id.astype(str)].to_numpy() == ~wrong).all()
    assert "token_entropy" not in own  # logits of six options say nothing of the vocabulary


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "labeled"),
    [
        ("mmlu_10k", 10_000),
        ("halu_dialogue", 10_000),
        ("halu_summarization", 10_000),
        ("cosmosqa_10k", 2_000),
        ("hellaswag_10k", 2_000),
    ],
)
def test_families_of_the_option_distribution_run_on_every_recorded_task(
    recorded_data: Path, cli: Run, tmp_path: Path, task: str, labeled: int
) -> None:
    file = recorded_data / "llm_uncertainty_bench_yi-34b.parquet"
    families = {"answer distribution", "calibrated", "conformal"}
    answer = {Need.of(Signal.ANSWER)}
    chosen = [
        n for n, cls in builtin_estimators().items()
        if cls.family in families and cls().requirements() <= answer
    ]  # fmt: skip
    vocabulary = {
        *("token_entropy", "post_answer_entropy", "off_option_mass", "truncated_entropy"),
        "logtoku",
    }
    done = cli("import", "table", file, "--model", "m", "--task", task, "--id", "id",
               "--answer", "answer", "--option_logits", "logits", "--where", f"task={task}",
               "--where", "prompt_style=base", "--output_path", tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{labeled} questions" in done.stdout + done.stderr
    assert f"{10_000 - labeled} left out" in done.stdout + done.stderr
    done = cli("score", tmp_path, "--estimators", ",".join(set(chosen) - vocabulary))
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(tmp_path / "m" / task / "scores.parquet")
    assert set(scores.estimator) == set(chosen) - vocabulary
    assert scores.score.notna().all()
    assert (scores.groupby("estimator").size() == labeled).all()
    learned = scores[scores.estimator.isin(("platt", "isotonic"))]
    for _, part in learned.groupby("estimator"):
        assert part.score.between(0, 1).all()
        assert part.score.mean() == pytest.approx(1 - part.correct.mean(), abs=0.02)
    sets = scores[scores.estimator == "conformal_set_size"]
    assert sets.score.between(1, 6).all()


@pytest.mark.slow
def test_a_model_without_option_probabilities_hides_not_those_of_another(
    cli: Run, tmp_path: Path
) -> None:
    """Conformal sets of a model stay in the report beside a model with scores alone."""
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(4), size=80)
    frame = pd.DataFrame({"id": range(80), "gold": list("ABCD" * 20), "u": rng.random(80)})
    frame.assign(p=[p.tolist() for p in probs]).to_parquet(tmp_path / "full.parquet")
    frame.assign(said="A").to_parquet(tmp_path / "bare.parquet")
    out = tmp_path / "results"
    for name, more in (("full", ("--option_probs", "p")), ("bare", ("--prediction", "said"))):
        file = tmp_path / f"{name}.parquet"
        done = cli("import", "table", file, "--model", name, "--id", "id", "--answer", "gold",
                   "--score", "mine=u", *more, "--output_path", out)  # fmt: skip
        assert done.returncode == 0, done.stderr
    done = cli("report", out, "--formats", "svg", "--output_path", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    conformal = pd.read_csv(tmp_path / "report" / "conformal.csv")
    assert set(conformal.model) == {"full"}
    assert (conformal[conformal.topic == "all"].n == 80).all()


@pytest.mark.slow
def test_all_formats_give_the_same(tmp_path: Path, cli: Run) -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2, 3, 4],
            "topic": ["x", "x", "y", "y"],
            "pred": ["a", None, "(C)", "?"],
            "gold": [0, 1, 2, 0],
            "p": [[0.7, 0.2, 0.1], [0.4, 0.3, 0.3], [0.0, 0.0, 1.0], [0.2, 0.2, 0.2]],
            "u": [0.1, 0.9, math.nan, 0.4],
        }
    )
    text = frame.assign(p=frame.p.map(json.dumps))
    frame.to_parquet(tmp_path / "t.parquet")
    text.to_csv(tmp_path / "t.csv", index=False)
    text.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    found = []
    for suffix in ("parquet", "csv", "tsv", "jsonl"):
        out = tmp_path / suffix
        done = cli("import", "table", tmp_path / f"t.{suffix}", "--model", "m", "--id", "id",
                   "--topic", "topic", "--prediction", "pred", "--answer", "gold",
                   "--option_probs", "p", "--score", "mine=u", "--output_path", out)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "4 questions, 2 without a readable answer" in done.stderr
        found.append(pd.read_parquet(out / "m" / "imported" / "scores.parquet"))
    first = found[0]
    for other in found[1:]:
        pd.testing.assert_frame_equal(first, other)
    mine = first[first.estimator == "mine"].set_index("question_id")
    assert mine.answer.fillna("-").tolist() == ["A", "-", "C", "-"]
    assert mine.correct.tolist() == [True, False, True, False]
    assert mine.status.tolist() == ["parsed", "unparsed", "parsed", "unparsed"]
    assert mine.reason.fillna("-").tolist() == ["-", "-", "no score in the imported table", "-"]
    mass = first[first.estimator == "max_probability"].set_index("question_id").score
    np.testing.assert_allclose(mass, [0.3, 0.6, 0.0, 2 / 3], atol=1e-12)


def test_false_as_text_is_false(tmp_path: Path, cli: Run) -> None:
    pd.DataFrame({"id": [1, 2], "ok": ["False", "True"], "u": [1, 0]}).to_csv(
        tmp_path / "t.csv", index=False
    )
    done = cli("import", "table", tmp_path / "t.csv", "--model", "m", "--id", "id",
               "--correct", "ok", "--score", "u=u", "--output_path", tmp_path / "o")  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "o" / "m" / "imported" / "scores.parquet")
    assert table[table.estimator == "u"].correct.tolist() == [False, True]


def test_importing_again_does_not_overwrite(tmp_path: Path, cli: Run) -> None:
    pd.DataFrame({"id": [1, 2], "ok": [0, 1], "u": [1, 0]}).to_csv(tmp_path / "t.csv", index=False)
    command = ("import", "table", tmp_path / "t.csv", "--model", "m", "--id", "id",
               "--correct", "ok", "--score", "u=u", "--output_path", tmp_path / "o")  # fmt: skip
    assert cli(*command).returncode == 0
    again = cli(*command)
    assert again.returncode == 1
    assert "exists already" in again.stderr


@pytest.mark.slow
@pytest.mark.parametrize("group", ["mmlu_pro_direct", "mmlu_pro_cot"])
def test_lm_eval_samples_give_what_a_run_gives(tmp_path: Path, cli: Run, group: str) -> None:
    tasks = f"{group}_law,{group}_math"
    expected = lm_eval_samples(tmp_path / "lm_eval", tasks, "--limit", "20")
    done = cli("import", "lm-eval", tmp_path / "lm_eval", "--model", "e",
               "--output_path", tmp_path / "out")  # fmt: skip
    assert done.returncode == 0, done.stderr
    name = "answer" if group == "mmlu_pro_direct" else "trace"
    stored = rows(tmp_path / "out" / "e" / group, name).set_index("question_id")
    assert sorted(expected) == stored.index.tolist()
    for question, sample in expected.items():
        assert stored.correct[question] == float(sample["acc"])
        if name == "answer":
            theirs = [float(pair[0][0]) for pair in sample["resps"]]
            np.testing.assert_allclose(stored.option_logprobs[question], theirs)
        else:
            assert stored.text[question] == sample["resps"][0][0]
    shutil.rmtree(tmp_path / "lm_eval")


@pytest.mark.slow
def test_published_mmlu_pro_results(recorded_data: Path, cli: Run, tmp_path: Path) -> None:
    """Two models' files as published: their answers, and the committee of two that they form."""
    recorded = pd.read_parquet(recorded_data / "mmlu_pro_cot_answers.parquet")
    published, stored = {}, {}
    for model in ("gemma-7b", "mathstral-7B"):
        file = recorded_data / f"mmlu_pro_eval_results_{model}.zip"
        done = cli("import", "mmlu-pro", file, "--model", model, "--output_path", tmp_path)
        assert done.returncode == 0, done.stderr
        folder = stored[model] = tmp_path / model / "mmlu_pro_cot"
        ours = pd.read_parquet(folder / "scores.parquet").drop_duplicates("question_id")
        ours = ours.set_index("question_id")
        elsewhere = recorded[recorded.model == model].set_index("question_id")
        elsewhere.index = elsewhere.index.astype(str)
        common = ours.index.intersection(elsewhere.index)
        assert len(common) > 11_900
        theirs = elsewhere.prediction[common].fillna("-")
        assert (ours.answer[common].fillna("-") == theirs).mean() > 0.99
        with zipfile.ZipFile(file) as archive:
            rows = [r for name in archive.namelist() for r in json.loads(archive.read(name))]
        frame = pd.DataFrame(rows).astype({"question_id": str})
        published[model] = frame.set_index("question_id").sort_index()
    done = cli("score", tmp_path, "--estimators", "committee_disagreement")
    assert done.returncode == 0, done.stderr
    one, other = published.values()
    changed = (one.question != other.question) | (one.options != other.options)
    changed |= one.answer != other.answer
    assert f"{changed.sum()} of 12,032 common questions differ" in done.stderr
    scores = pd.read_parquet(stored["gemma-7b"] / "scores.parquet").set_index("question_id")
    known = scores.index[scores.score.notna()]
    assert not changed[known].any()
    answered = scores.answer.notna() & ~changed[scores.index]
    assert sorted(known) == sorted(scores.index[answered])
    disagree = scores.answer[known] != pd.read_parquet(
        stored["mathstral-7B"] / "scores.parquet"
    ).set_index("question_id").answer.reindex(known)
    assert (scores.score[known] == disagree).all()
    assert roc_auc_score(~scores.correct[known], scores.score[known]) == pytest.approx(
        roc_auc_score(one.answer[known] != scores.answer[known], disagree), abs=1e-9
    )


@pytest.mark.slow
def test_committee_of_recorded_models(recorded_data: Path, cli: Run, tmp_path: Path) -> None:
    answers = recorded_data / "mmlu_pro_cot_answers.parquet"
    expected = pd.read_csv(recorded_data / "tables" / "expected_committee_auc.csv")
    for model in sorted(set(expected.model)):
        done = cli("import", "table", answers, "--model", model, "--task", "mmlu_pro_cot",
                   "--id", "question_id", "--topic", "topic", "--prediction", "prediction",
                   "--answer", "answer", "--where", f"model={model}",
                   "--output_path", tmp_path)  # fmt: skip
        assert done.returncode == 0, done.stderr
    done = cli("score", tmp_path, "--estimators", "committee_disagreement")
    assert done.returncode == 0, done.stderr
    for model, rows_of_model in expected.groupby("model"):
        scores = pd.read_parquet(tmp_path / model / "mmlu_pro_cot" / "scores.parquet")
        scores = scores[scores.answer.notna()]
        for row in rows_of_model.itertuples():
            part = scores if row.topic == "all" else scores[scores.topic == row.topic]
            assert len(part) == row.n
            auc = roc_auc_score(~part.correct, part.score)
            assert auc == pytest.approx(row.roc_auc, abs=1e-9), (model, row.topic)


@pytest.mark.slow
def test_a_committee_is_chosen_by_name(cli: Run, tmp_path: Path) -> None:
    answers = {"a": "ABCD", "b": "ABCA", "c": "BBCA", "d": "CDAB"}
    for model, letters in answers.items():
        table = pd.DataFrame({"id": range(4), "gold": list("ABCB"), "said": list(letters)})
        table.to_csv(tmp_path / f"{model}.csv", index=False)
        done = cli("import", "table", tmp_path / f"{model}.csv", "--model", model, "--id", "id",
                   "--answer", "gold", "--prediction", "said", "--task", "t",
                   "--output_path", tmp_path / "out")  # fmt: skip
        assert done.returncode == 0, done.stderr
    scored = ("score", tmp_path / "out", "--estimators", "committee_disagreement")
    for chosen, expected in ((None, [2 / 3, 1 / 3, 1 / 3, 1]), ("a,b,c", [1 / 2, 0, 0, 1])):
        done = cli(*scored, *(("--committee", chosen) if chosen else ()))
        assert done.returncode == 0, done.stderr
        scores = pd.read_parquet(tmp_path / "out" / "a" / "t" / "scores.parquet")
        assert scores.sort_values("question_id").score.tolist() == pytest.approx(expected)
    unknown = cli(*scored, "--committee", "a,bb")
    assert unknown.returncode == 2
    assert "--committee: no answers of 'bb' to t" in unknown.stderr
    assert "did you mean 'b'?" in unknown.stderr


PLACES = {
    "t.csv": (b'id,ok,t\n1,1,"two\nlines"\n\n2,1,x\nN,?,x\n', "line 6"),
    "t.tsv": (b"id\tok\tt\n1\t1\ta\n2\t1\tx\nN\t?\tx\n", "line 4"),
    "t.jsonl": (b'{"id": 1, "ok": 1}\n\n{"id": 2, "ok": 1}\r\n{"id": N, "ok": "?"}\n', "line 4"),
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("what", ["duplicate", "outcome"])
def test_a_row_is_named_by_the_line_that_an_editor_shows(
    tmp_path: Path, name: str, what: str
) -> None:
    content, place = PLACES[name]
    other = {b"N": b"3"} if what == "outcome" else {b"N": b"2", b"?": b"1"}
    for old, new in other.items():
        content = content.replace(old, new)
    (tmp_path / name).write_bytes(content.replace(b'"1"', b"1"))
    done = in_process(
        ["import", "table", name, "--model", "m", "--id", "id", "--correct", "ok"], tmp_path
    )
    assert done.returncode == 1
    assert f"{name}, {place}, column" in done.stderr
    assert ("duplicate id 2, first in line" in done.stderr) == (what == "duplicate")


def test_a_row_of_a_parquet_file_is_counted_from_1(tmp_path: Path) -> None:
    pd.DataFrame({"id": [1, 2, 2], "ok": [1, 1, 1]}).to_parquet(tmp_path / "t.parquet")
    done = in_process(
        ["import", "table", "t.parquet", "--model", "m", "--id", "id", "--correct", "ok"], tmp_path
    )
    assert "t.parquet, row 3, column 'id': duplicate id 2, first in row 2" in done.stderr


def test_every_importer_is_a_command(cli: Run) -> None:
    shown = [cli("import", "--help").stdout, cli("list", "importers").stdout]
    assert {"table", "lm-eval", "mmlu-pro"} <= importers().keys()
    for name, importer in importers().items():
        for text in shown:
            assert name in {line.strip("│ ").split(" ")[0] for line in text.splitlines()}
        own = cli("import", name, "--help").stdout
        for option in ("model", "task", "output_path", *importer.options):
            assert f"--{option} " in own


RESULTS = json.dumps(
    [{"question_id": 1, "options": ["x", "y"], "answer": "A", "pred": "A", "model_outputs": "A"}]
)


def test_each_format_is_recognised_by_its_own_importer(tmp_path: Path) -> None:
    files = {
        "lm-eval": ("samples_mmlu_pro_2025-01-01T00-00-00.000001.jsonl", "{}"),
        "mmlu-pro": ("model_outputs_x_0shots.json", RESULTS),
        "table": ("answers.csv", "id,ok\n1,1\n"),
    }
    for name, (file, content) in files.items():
        (tmp_path / file).write_text(content)
        recognized = [one.name for one in importers().values() if one.recognizes(tmp_path / file)]
        assert next(other for other in recognized if other != "auto") == name


def test_a_file_of_another_format_is_told(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(RESULTS)
    done = in_process(["import", "table", "results.json", "--model", "m", "--id", "id"], tmp_path)
    assert done.returncode == 2
    assert "is it for `apprehend import mmlu-pro`?" in done.stderr
