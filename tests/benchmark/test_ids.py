"""Ids of questions are text from every reader to every store; older stores with numbers go on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.estimators.signals.batch import Need, Signal
from helpers import in_process

OLD = Path(__file__).parent / "stores" / "schema_4"
RUN = ("run", "--model_args", "pretrained=embedded", "--device", "cpu", "--data", "embedded",
       "--tasks", "mmlu_pro_direct_law", "--estimators", "token_entropy", "--no_report",
       "--model_name", "org/tiny", "--output_path")  # fmt: skip
IDS = ["007", "7", "1e5", "10e4", str(2**63), "1" + "0" * 24, "a b", "NA", "None"]


def table(folder: Path, name: str, ids: list[object], model: str) -> None:
    frame = pd.DataFrame({"id": ids, "gold": ["A", "B"] * (len(ids) // 2) + ["A"] * (len(ids) % 2)})
    frame["pred"], frame["u"] = "A", range(len(ids))
    if name.endswith(".csv"):
        frame.to_csv(folder / name, index=False)
    elif name.endswith(".parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_json(folder / name, orient="records", lines=True)
    done = in_process(
        ["import", "table", name, "--model", model, "--id", "id", "--answer", "gold",
         "--prediction", "pred", "--score", "u=u", "--output_path", "results"], folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_an_id_is_the_text_that_stands_there(tmp_path: Path, name: str) -> None:
    table(tmp_path, name, list(IDS), "m")
    scores = pd.read_parquet(tmp_path / "results" / "m" / "imported" / "scores.parquet")
    assert scores[scores.estimator == "u"].question_id.tolist() == IDS


@pytest.mark.slow
def test_models_whose_ids_differ_in_type_answer_the_same_questions(tmp_path: Path) -> None:
    numbers = list(range(1, 41))
    table(tmp_path, "a.csv", list(numbers), "a")
    table(tmp_path, "b.jsonl", [str(number) for number in numbers], "b")
    table(tmp_path, "c.parquet", list(numbers), "c")
    table(tmp_path, "d.parquet", [float(number) for number in numbers], "d")
    for command in (
        ["verify", "results"], ["score", "results"], ["report", "results", "--formats", "svg"],
        ["compare", "results"],
    ):  # fmt: skip
        done = in_process(command, tmp_path)
        assert done.returncode == 0, (command, done.stderr)
    comparisons = pd.read_csv(tmp_path / "report" / "comparisons.csv")
    assert len(comparisons) > 0
    for model in "abcd":
        scores = pd.read_parquet(tmp_path / "results" / model / "imported" / "scores.parquet")
        assert set(scores.question_id) == set(map(str, numbers))


def test_a_number_and_its_text_are_one_id(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": 1, "ok": 1}\n{"id": "1", "ok": 0}\n', "utf-8")
    command = ["import", "table", "t.jsonl", "--model", "m", "--id", "id", "--correct", "ok"]
    done = in_process(command, tmp_path)
    assert done.returncode == 1
    assert "line 2, column 'id': duplicate id 1, first in line 1" in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_store_of_numbered_ids_resumes_and_becomes_text(tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "results")
    folder = tmp_path / "results" / "org__tiny" / "mmlu_pro_direct"
    (part,) = (folder / "signals" / "answer").glob("part-*.parquet")
    assert pq.read_schema(part).field("question_id").type == pa.int64()
    before = TaskStore(folder)
    ids = before.question_ids
    assert all(isinstance(i, str) for i in ids)
    entropy = before.load([Need.of(Signal.ANSWER)], ids).answer.entropy
    assert len(entropy) == 4
    assert in_process(["verify", "results"], tmp_path).returncode == 0
    done = in_process([*RUN, "results", "--limit", "6"], tmp_path)
    assert done.returncode == 0, done.stderr
    after = TaskStore(folder)
    assert after.manifest["schema_version"] == 5
    assert after.question_ids[:4] == ids
    assert after.load([Need.of(Signal.ANSWER)], ids).answer.entropy.tolist() == entropy.tolist()
    assert len(after.done(Signal.ANSWER)) == 6
    assert in_process(["verify", "results"], tmp_path).returncode == 0
    for name in ("questions.parquet", "scores.parquet", "strata.parquet"):
        assert pq.read_schema(folder / name).field("question_id").type == pa.string()
    after.compact(Signal.ANSWER)
    (merged,) = (folder / "signals" / "answer").glob("part-*.parquet")
    assert pq.read_schema(merged).field("question_id").type == pa.string()
    assert pq.read_table(merged).column("question_id").to_pylist()[:4] == ids
