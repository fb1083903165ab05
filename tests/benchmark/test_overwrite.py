"""The four modes of ``--overwrite``: what each does with stored signals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.tasks.dataset import embedded_file
from helpers import Run, rows

SIGNALS = "m/mmlu_pro_direct/signals"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the embedded model that a test can remove."""
    return Path(shutil.copytree(embedded_file("model"), tmp_path / "model"))


@pytest.fixture
def arguments(model: Path, tmp_path: Path) -> list[object]:
    return ["run", "--no_report", "--model_args", f"pretrained={model}", "--model_name", "m",
            "--data", "embedded", "--device", "cpu", "--tasks", "mmlu_pro_direct_law",
            "--output_path", tmp_path / "results"]  # fmt: skip


def stored(results: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(results)): file.read_bytes()
        for file in sorted((results / SIGNALS).rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def results(tmp_path: Path, arguments: list[object], cli: Run) -> Path:
    """Four questions, answered."""
    done = cli(*arguments, "--limit", 4)
    assert done.returncode == 0, done.stderr
    return tmp_path / "results"


def answers(results: Path) -> pd.DataFrame:
    return rows(results / "m/mmlu_pro_direct", "answer").set_index("question_id")


@pytest.mark.slow
def test_only_missing_is_the_default(results: Path, arguments: list[object], cli: Run) -> None:
    before = answers(results)
    done = cli(*arguments, "--limit", 7)
    assert done.returncode == 0, done.stderr
    assert "plan: answer: 3 prompts" in done.stderr
    assert len(answers(results)) == 7
    pd.testing.assert_frame_equal(answers(results).loc[before.index], before)
    files = stored(results)
    again = cli(*arguments, "--limit", 7, "--overwrite", "only-missing")
    assert again.returncode == 0, again.stderr
    assert "plan" not in again.stderr
    assert stored(results) == files


@pytest.mark.slow
def test_never_refuses_and_touches_nothing(
    results: Path, arguments: list[object], cli: Run
) -> None:
    before = stored(results)
    done = cli(*arguments, "--limit", 7, "--overwrite", "never")
    assert done.returncode == 2
    assert "exists already and --overwrite is never" in done.stderr
    assert stored(results) == before
    elsewhere = cli(*arguments, "--limit", 2, "--overwrite", "never", "--model_name", "n")
    assert elsewhere.returncode == 0, elsewhere.stderr


def test_only_cache_needs_no_model_and_names_what_is_missing(
    results: Path, arguments: list[object], cli: Run, model: Path
) -> None:
    before = stored(results)
    shutil.rmtree(model)
    scores = results / "m/mmlu_pro_direct/scores.parquet"
    scores.unlink()
    done = cli(*arguments, "--limit", 4, "--overwrite", "only-cache",
               "--estimators", "max_probability")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert set(pd.read_parquet(scores).estimator) == {"max_probability"}
    more = cli(*arguments, "--limit", 6, "--overwrite", "only-cache",
               "--estimators", "max_probability,hidden_state_probe")  # fmt: skip
    assert more.returncode == 1
    assert "lacks answer of 2 questions, hidden_state of 6 questions" in more.stderr
    assert stored(results) == before
    assert len(pd.read_parquet(scores)) == 4


@pytest.mark.slow
def test_always_collects_anew_and_keeps_the_old_aside(
    results: Path, arguments: list[object], cli: Run
) -> None:
    before, old = stored(results), answers(results)
    done = cli(*arguments, "--limit", 4, "--overwrite", "always")
    assert done.returncode == 0, done.stderr
    assert "plan: answer: 4 prompts" in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "set aside in" in line]
    aside = Path(line.split("set aside in ")[1])
    kept = {file.name: file.read_bytes() for file in aside.rglob("*.parquet")}
    assert set(kept.values()) == {b for name, b in before.items() if name.endswith(".parquet")}
    new = answers(results)
    assert new.index.tolist() == old.index.tolist()
    np.testing.assert_allclose(new.entropy, old.entropy, atol=1e-5)
    verified = cli("verify", results)
    assert verified.returncode == 0, verified.stdout + verified.stderr
