"""Commands that only read stored results: paper, compare, threshold, cascade, split, analyse."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.cli.main import main
from apprehend.benchmark.store.task_store import TaskStore

PAIR = ("--small", "tiny-160m", "--large", "other-7b")


def command(*arguments: object) -> int:
    """Exit status of the command line, in this process."""
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four imported models on 240 common questions with option probabilities."""
    folder = tmp_path_factory.mktemp("commands")
    rng = np.random.default_rng(0)
    gold = rng.integers(4, size=240)
    for index, name in enumerate(("phi-4", "Qwen2.5-3B", "tiny-160m", "other-7b")):
        logits = rng.normal(size=(240, 4))
        logits[np.arange(240), gold] += 0.5 + 0.5 * index
        frame = pd.DataFrame({"id": np.arange(240), "logits": logits.tolist()})
        frame["gold"] = [str("ABCD"[g]) for g in gold]
        frame["topic"] = np.array(["law", "math", "biology"])[np.arange(240) % 3]
        frame["entropy"] = -np.abs(logits).max(axis=1) + 5
        frame.to_parquet(folder / "answers.parquet")
        status = command(
            *("import", "table", folder / "answers.parquet", "--model", name, "--id", "id"),
            *("--task", "mmlu_pro_direct", "--topic", "topic", "--answer", "gold"),
            *("--option_logits", "logits", "--score", "token_entropy=entropy"),
            *("--output_path", folder / "results"),
        )
        assert status == 0
    return folder / "results"


def test_paper(results, tmp_path, capsys):
    assert command("paper", results, "--output_path", tmp_path, "--replicates", 100) == 0
    verdicts = pd.read_csv(tmp_path / "verdicts.csv")
    known = verdicts[verdicts["verdict"].isin(["reproduced", "differs"])]
    assert set(known["stored_model"]) == {"phi-4", "Qwen2.5-3B"}
    assert "published ROC AUCs" in capsys.readouterr().out


def test_compare(results, tmp_path):
    paths = (results / "phi-4", results / "tiny-160m", results / "other-7b")
    assert command("compare", *paths, "--output_path", tmp_path, "--replicates", 100) == 0
    tests = pd.read_csv(tmp_path / "comparisons.csv")
    assert set(tests["model_a"]) | set(tests["model_b"]) == {path.name for path in paths}
    sizes = pd.read_csv(tmp_path / "sizes.csv").set_index("model")["parameters"]
    assert sizes["tiny-160m"] == 160e6
    assert (tmp_path / "figures" / "model_size_mmlu_pro_direct.png").is_file()
    assert (tmp_path / "index.html").is_file()


def test_threshold(results, tmp_path, capsys):
    out = tmp_path / "threshold.csv"
    given = ("--estimator", "max_probability", "--target_risk", 0.3, "--output_path", out)
    assert command("threshold", results, *given) == 0
    found = pd.read_csv(out)
    assert len(found) == 4
    assert (found["development_risk"].dropna() <= 0.3).all()
    assert "threshold" in capsys.readouterr().out


def test_cascade(results, tmp_path, capsys):
    given = (*PAIR, "--by", "max_probability")
    assert command("cascade", results, *given, "--output_path", tmp_path) == 0
    curve = pd.read_csv(tmp_path / "cascade.csv")
    assert curve["share_escalated"].iloc[-1] == 1
    assert (tmp_path / "figures" / "cascade_mmlu_pro_direct.png").is_file() or (
        tmp_path / "cascade_mmlu_pro_direct.png"
    ).is_file()
    said = capsys.readouterr().out
    assert "random routing" in said
    assert "1 and 10 assumed" in said


def test_cascade_costs_are_those_of_the_manifests(results, tmp_path, capsys):
    """240 direct answers in 12 s; the same by the large model in 120 s."""
    own = tmp_path / "results"
    shutil.copytree(results, own)
    for model, seconds in (("tiny-160m", 12.0), ("other-7b", 120.0)):
        store = TaskStore(own / model / "mmlu_pro_direct")
        costs = {"answer": {"questions": 240, "seconds": seconds}}
        store.write_manifest({**store.manifest, "costs": costs})
    given = (*PAIR, "--by", "max_probability")
    assert command("cascade", own, *given, "--output_path", tmp_path / "out") == 0
    curve = pd.read_csv(tmp_path / "out" / "cascade.csv")
    assert curve["cost"].iloc[0] == pytest.approx(0.05)
    assert curve["cost"].iloc[-1] == pytest.approx(0.55)
    assert "0.05 and 0.5 seconds" in capsys.readouterr().out
    set_by_hand = (*given, "--cost_small", 2, "--cost_large", 3)
    assert command("cascade", own, *set_by_hand, "--output_path", tmp_path / "out") == 0
    assert pd.read_csv(tmp_path / "out" / "cascade.csv")["cost"].iloc[-1] == 5


def test_split(results, tmp_path):
    out = tmp_path / "split.csv"
    given = ("--by", "max_probability", "--groups", "easy=2,hard", "--model", "phi-4")
    assert command("split", results, *given, "--output_path", out) == 0
    split = pd.read_csv(out)
    assert len(split) == 240
    assert split["group"].value_counts(normalize=True)["easy"] == pytest.approx(2 / 3, abs=0.01)


def test_analyse(results, tmp_path, capsys):
    assert command("analyse", results, "--output_path", tmp_path) == 0
    assert (tmp_path / "factors.csv").is_file()
    assert "shared cause" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("threshold", "{}", "--estimator", "max_probabilty"), 2, "did you mean 'max_probability'"),
        (("threshold", "{}", "--estimator", "random", "--model", "phi4"), 2, "no model 'phi4'"),
        (("threshold", "{}", "--estimator", "random", "--target_risk", "7"), 2, "target_risk"),
        (("split", "{}", "--by", "random", "--groups", "a"), 2, "at least two names"),
        (("split", "{}", "--by", "random", "--groups", "a,b=x"), 2, "name=weight"),
        (
            ("cascade", "{}", "--small", "phi-4", "--large", "x", "--by", "random"),
            1,
            "no task in common",
        ),
        (("cascade", "{}", *PAIR, "--by", "random", "--cost_small", "1"), 2, "--cost_large"),
        (("compare", "/nowhere"), 2, "no results folder"),
        (("paper", "/nowhere"), 2, "no results folder"),
        (("analyse", "/nowhere"), 2, "no results folder"),
    ],
)
def test_wrong_use_is_one_clear_line(results, capsys, arguments, status, words):
    assert command(*(str(results) if one == "{}" else one for one in arguments)) == status
    error = capsys.readouterr().err.strip()
    assert words in error
    assert len(error.splitlines()) == 1
