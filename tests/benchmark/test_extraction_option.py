"""The option --extraction: what it changes, what it stores, and stores that came before it."""

import shutil
from pathlib import Path

import pytest
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.estimators.signals.batch import Need, Signal
from helpers import in_process

OLD = Path(__file__).parent / "trace_stores" / "schema_3"
RUN = (
    *("run", "--model_args", "pretrained=embedded", "--data", "embedded", "--no_report"),
    *("--tasks", "mmlu_pro_cot_law", "--estimators", "cot_mean_entropy", "--output_path"),
)


def _traces(results: Path):
    (manifest,) = results.glob("*/*/manifest.json")
    store = TaskStore(manifest.parent)
    return store, store.load([Need.of(Signal.TRACE)], store.question_ids).trace


def test_the_rule_is_stored_beside_the_answer(tmp_path: Path) -> None:
    done = in_process([*RUN, "results", "--limit", "4"], tmp_path)
    assert done.returncode == 0, done.stderr
    store, trace = _traces(tmp_path / "results")
    assert store.manifest["task"]["extraction"] == "ladder"
    assert [rule is None for rule in trace.rule] == [status != "parsed" for status in trace.status]
    assert "marker" in set(trace.rule)


def test_other_rules_do_not_resume(tmp_path: Path) -> None:
    shutil.copytree(OLD, tmp_path / "results")
    store, trace = _traces(tmp_path / "results")
    assert store.manifest["task"]["extraction"] == "strict"
    assert trace.present.sum() == 3
    assert set(trace.rule) == {None}
    more = [*RUN, "results", "--limit", "4", "--model_name", "org/tiny"]
    refused = in_process(more, tmp_path)
    assert refused.returncode == 2
    assert "--extraction (stored: 'strict', now: 'ladder')" in refused.stderr
    assert _traces(tmp_path / "results")[1].present.sum() == 3
    done = in_process([*more, "--extraction", "strict"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert _traces(tmp_path / "results")[1].present.sum() == 4


@pytest.mark.parametrize("word", ["Ladder", "laddr"])
def test_unknown_extraction(tmp_path: Path, word: str) -> None:
    done = in_process([*RUN, "results", "--extraction", word], tmp_path)
    assert done.returncode == 2
    assert "--extraction: expected one of" in done.stderr
    assert not (tmp_path / "results").exists()
