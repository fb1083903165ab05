"""``apprehend score``: scores whatever can be scored, and reports the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from helpers import in_process


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """One model with a direct task, whose options have probabilities, and a chain of thought."""
    table = tmp_path / "direct.jsonl"
    rows = [{"id": i, "gold": "AB"[i % 2], "p": [0.6, 0.4]} for i in range(4)]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recorded = tmp_path / "cot.json"
    answers = [{"question_id": i, "options": ["x", "y"], "answer": "A", "category": "law",
                "pred": "AB"[i % 2], "model_outputs": "The answer is."}
               for i in range(4)]  # fmt: skip
    recorded.write_text(json.dumps(answers))
    for command in (
        ["import", "table", table, "--model", "m", "--task", "direct", "--id", "id",
         "--answer", "gold", "--option_probs", "p"],
        ["import", "mmlu-pro", recorded, "--model", "m", "--task", "cot"],
    ):  # fmt: skip
        done = in_process([*command, "--output_path", tmp_path / "results"], tmp_path)
        assert done.returncode == 0, done.stderr
    return tmp_path / "results"


def scored(results: Path, task: str) -> set[str]:
    return set(pd.read_parquet(results / "m" / task / "scores.parquet").estimator)


def test_a_task_that_cannot_have_an_estimator_is_named(results: Path) -> None:
    before = scored(results, "cot")
    done = in_process(["score", results, "--estimators", "option_entropy"], results.parent)
    assert done.returncode == 0, done.stderr
    assert scored(results, "direct") == {"option_entropy"}
    assert scored(results, "cot") == before
    (line,) = [line for line in done.stderr.splitlines() if "nothing to score" in line]
    assert str(results / "m" / "cot") in line
    assert "option_entropy: needs answer" in line
    assert line.endswith("its scores stay as they were")


def test_nothing_that_can_be_scored_is_a_failure(results: Path) -> None:
    done = in_process(["score", results, "--estimators", "p_true"], results.parent)
    assert done.returncode == 1
    for task in ("direct", "cot"):
        assert f"{results / 'm' / task}: nothing to score (p_true: needs" in done.stderr


def test_an_unknown_estimator_is_wrong_use(results: Path) -> None:
    done = in_process(["score", results, "--estimators", "option_entropi"], results.parent)
    assert done.returncode == 2
