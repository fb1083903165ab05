"""A damaged manifest: every command reports it in one line, whatever the damage."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from apprehend.benchmark.console.errors import ApprehendError
from apprehend.benchmark.store.failures import FAILURES
from apprehend.benchmark.store.manifest_shape import check_shape
from apprehend.benchmark.store.task_store import Results
from helpers import imported, in_process
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([10**400, -1, "\ud83d", 2**70, float("nan")]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                max_size=3),
    max_leaves=5,
)  # fmt: skip
COMMANDS = (["score"], ["verify"], ["threshold", "--estimator", "random"], ["report"])
DAMAGES: dict[str, Any] = {
    "no data": {"data": None},
    "data as a list": {"data": []},
    "odd lacks": {"model": {"lacks": [1]}},
    "odder lacks": {"model": {"lacks": {"answer": "x"}}},
    "lacks of null": {"model": {"lacks": {"answer": {"entropy": None}}}},
    "costs of text": {"costs": {"answer": {"seconds": "x"}}},
    "costs of 400 digits": {"costs": {"answer": {"seconds": 10**400}}},
    "costs below 0": {"costs": {"answer": {"questions": -1}}},
    "judges as a list": {"judges": []},
    "half a surrogate pair": {"note": "\ud83d"},
    "nested 900 deep": {"note": json.loads("[" * 900 + "]" * 900)},
    "parameters of text": {"model": {"parameters": "many"}},
    "command of numbers": {"command": [1]},
    "imported as text": {"imported": "yes"},
    "model as text": {"model": "m"},
}


OF_A_RUN: dict[str, Any] = {
    "model": {"name": "m", "engine": "hf", "arguments": {"pretrained": "x"}, "parameters": 3,
              "lacks": {"answer": {"entropy": "not shown"}}},
    "task": {"name": "imported", "version": "1", "num_fewshot": 0, "apply_chat_template": False,
             "system_instruction": None, "prompts": {"direct": "0"},
             "prompt_texts": {"direct": "x"}},
    "judges": {"j": {"kind": "hf", "prompts": {"judge_complexity": "0"}}},
    "costs": {"answer": {"questions": 2, "seconds": 0.5}},
    "sampling": {"samples": 8, "temperature": 1.0, "seed": 0},
    "probe_prompts": {"paraphrase_1": "0"},
}  # fmt: skip
"""What a run's manifest has beyond an import's."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shape")
    assert imported(folder).returncode == 0
    return folder / "in" / "results" / "m" / "imported"


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else []
    for key, inner in items:
        found += places(inner, (*at, key))
    return found


def changed(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    return {**value, at[0]: changed(value[at[0]], at[1:], new)}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_damaged_manifest_gets_one_line(
    name: str, command: list[str], store: Path, tmp_path: Path
) -> None:
    results = tmp_path / "r"
    shutil.copytree(store.parent.parent, results)
    file = results / "m" / "imported" / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **DAMAGES[name]}), "utf-8")
    before = file.read_bytes()
    done = in_process([command[0], results, *command[1:]], tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    if command[0] != "verify":
        assert line.startswith(f"apprehend: error: {file}: not a readable manifest: "), line
    assert "unexpected" not in line + done.stdout
    assert file.read_bytes() == before
    if command[0] == "verify":
        assert "not a readable manifest" in done.stdout
        assert in_process(["verify", results, "--repair"], tmp_path).returncode == 0


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_any_change_of_a_real_manifest_is_read_or_refused(data: st.DataObject, store: Path) -> None:
    """In process: `score`, `verify` over changed manifests."""
    real = {**json.loads((store / "manifest.json").read_text()), **OF_A_RUN}
    new = data.draw(JSON)
    mutated = changed(real, data.draw(st.sampled_from(places(real))), new)
    file = store / "manifest.json"
    kept = file.read_bytes()
    try:
        file.write_text(json.dumps(mutated), encoding="utf-8")
        results = store.parent.parent
        score = in_process(["score", results], results)
        verify = in_process(["verify", results], results)
        for done in (score, verify):
            assert done.returncode in (0, 1, 2)
            said = done.stdout + done.stderr
            assert "Traceback" not in said
            assert "(unexpected" not in said.replace(str(new), "")  # of a crash, not of a file
        assert (verify.returncode == 0) == (score.returncode == 0)
    finally:
        file.write_bytes(kept)


def test_what_runs_write_has_the_shape(embedded_run: Path) -> None:
    for store in Results(embedded_run).stores():
        check_shape(store.manifest, store.path)


@pytest.mark.parametrize("row", [{}, [], {"signal": "no", "variant": "", "source": "",
    "question_id": 1, "reason": ""}, {"signal": "answer", "variant": 1, "source": "",
    "question_id": 1, "reason": ""}, {"signal": "answer", "variant": "", "source": "",
    "question_id": [1], "reason": ""}])  # fmt: skip
def test_odd_failures_are_refused(row: Any, tmp_path: Path) -> None:
    from apprehend.benchmark.store.failures import read_failures

    (tmp_path / FAILURES).write_text(json.dumps([row]), encoding="utf-8")
    with pytest.raises(ApprehendError, match="not readable"):
        read_failures(tmp_path)
