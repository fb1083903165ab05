"""Several processes on one run: shards, merging, and the same store as from one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apprehend.benchmark.console.errors import ApprehendError, UsageError
from apprehend.benchmark.run.sharding import Shard, current_shard, move_shards
from apprehend.benchmark.store.failures import note_failures, read_failures
from apprehend.benchmark.store.manifest import add_cost, new_manifest
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.estimators import Signal
from helpers import Run, environment, rows


def make_shard(results: Path, index: int, count: int, ids: list[int], **model: Any) -> TaskStore:
    folder = results / "shards" / Shard(index, count).name
    store = TaskStore(folder / "model" / "task")
    manifest = new_manifest({"engine": "hf", "fingerprint": "f", **model}, {}, {"fingerprint": "d"})
    add_cost(manifest, "answer", questions=len(ids), seconds=1.0)
    store.write_manifest(manifest)
    store.add_questions(
        [{"question_id": i, "topic": "law", "option_count": 2, "gold": "A"} for i in ids]
    )
    store.append(
        Signal.ANSWER,
        [{"question_id": i, "entropy": i / 7, "answer": 0, "status": "parsed"} for i in ids],
    )
    judged = [{"question_id": i, "variant": "complexity", "source": "j", "value": 0.5} for i in ids]
    store.append(Signal.JUDGEMENT, judged)
    return store


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("size", [0, 1, 5, 12, 49])
def test_shards_in_a_row_are_everything(count: int, size: int) -> None:
    items = list(range(size))
    shards = [Shard(index, count).part(items) for index in range(count)]
    assert [item for shard in shards for item in shard] == items
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_launchers_say_which_shard() -> None:
    variables = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_PORT": "1", "X": "y"}
    assert current_shard(None, variables) == Shard(3, 4, 1)
    assert variables == {"X": "y"}  # no library waits for the other processes
    assert current_shard(None, {}) is None
    assert current_shard(None, {"WORLD_SIZE": "1", "RANK": "0"}) is None
    assert current_shard("2/5", {}) == Shard(2, 5)
    assert current_shard("2/5", {"RANK": "0", "WORLD_SIZE": "2"}) == Shard(2, 5)


@pytest.mark.parametrize("text", ["", "1", "2/2", "-1/2", "a/b", "1/", "1/0"])
def test_shards_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="expected I/N"):
        current_shard(text, {})


def test_merging_takes_every_row_once(tmp_path: Path) -> None:
    make_shard(tmp_path, 0, 2, [1, 2, 3])
    last = make_shard(tmp_path, 1, 2, [4, 5])
    note_failures(last.path, Signal.TRACE, "", "", [5], {5: "no reply"})
    ((path, count),) = move_shards(tmp_path).items()
    store = TaskStore(path)
    assert count == 10
    assert store.path == tmp_path / "model" / "task"
    assert store.question_ids == ["1", "2", "3", "4", "5"]
    assert store.done(Signal.ANSWER) == {"1", "2", "3", "4", "5"}
    assert store.manifest["costs"]["answer"] == {"questions": 5, "seconds": 2.0}
    assert [row["question_id"] for row in read_failures(store.path)] == ["5"]
    assert not (tmp_path / "shards").exists()
    make_shard(tmp_path, 0, 1, [4, 5, 6])
    ((path, count),) = move_shards(tmp_path).items()
    store = TaskStore(path)
    assert count == 2
    assert rows(store.path, "answer").question_id.tolist() == [1, 2, 3, 4, 5, 6]


def test_a_shard_of_another_model_is_not_merged(tmp_path: Path) -> None:
    make_shard(tmp_path, 0, 2, [1])
    make_shard(tmp_path, 1, 2, [2], fingerprint="another")
    with pytest.raises(ApprehendError, match="the model's weights"):
        move_shards(tmp_path)
    assert (tmp_path / "shards" / "001-of-002" / "model" / "task" / "signals").is_dir()


def test_a_shard_that_is_being_written_is_not_merged(tmp_path: Path) -> None:
    store = make_shard(tmp_path, 0, 1, [1])
    with store.writing(), pytest.raises(ApprehendError, match="is being written by process"):
        move_shards(tmp_path)
    assert store.done(Signal.ANSWER) == {"1"}


def test_nothing_to_merge(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to merge"):
        move_shards(tmp_path)


@pytest.mark.slow
def test_two_processes_give_the_same_store_as_one(tmp_path: Path, cli: Run) -> None:
    arguments = ["run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
                 "--device",
                 "cpu", "--tasks", "mmlu_pro_direct_law,mmlu_pro_direct_math", "--limit", "11",
                 "--judge", "hf", "--judge_args", "pretrained=embedded", "--samples", "3",
                 "--estimators", "token_entropy,vote_entropy,masj_complexity"]  # fmt: skip
    assert cli(*arguments, "--output_path", tmp_path / "one").returncode == 0
    # Without --multi_gpu, accelerate starts one process on a machine without GPUs.
    done = subprocess.run(
        [Path(sys.executable).parent / "accelerate", "launch", "--multi_gpu", "--num_processes",
         "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
         "--module", "apprehend.benchmark", *arguments, "--output_path", tmp_path / "two"],
        capture_output=True, text=True, env=environment(), timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "shard 1 of 2 is collected" in done.stderr
    done = cli("merge", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    one, two = (tmp_path / name / "embedded" / "mmlu_pro_direct" for name in ("one", "two"))
    assert TaskStore(one).question_ids == TaskStore(two).question_ids
    for signal in ("answer", "samples", "judgement"):
        mine, theirs = rows(two, signal), rows(one, signal)
        assert mine.columns.tolist() == theirs.columns.tolist()
        for column in mine:
            for a, b in zip(mine[column], theirs[column], strict=True):
                if isinstance(a, float) or (isinstance(a, np.ndarray) and a.dtype.kind == "f"):
                    np.testing.assert_allclose(a, b, atol=1e-5)
                else:
                    assert np.array_equal(a, b), (signal, column)
