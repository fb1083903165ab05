"""Shared fixtures: the command line as a process, recorded data, one small embedded run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
# As the command line does before it imports anything: no bars of the libraries below it.
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the processors; threads of each would only wait for those of the other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

from helpers import ROOT, Run, apprehend

# Packages to compare with lie apart, and behind all others: some bring stray top-level folders.
sys.path.append(str(ROOT / ".venv" / "oracles"))


@pytest.fixture(scope="session")
def cli() -> Run:
    """``cli("report", folder)`` → the finished process."""
    return apprehend  # type: ignore[return-value]


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """Return the folder of the recorded real data, or skip and say where it was searched."""
    folder = Path(os.environ.get("APPREHEND_RECORDED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "mmlu_pro_test.parquet").is_file():
        pytest.skip(f"no recorded data at {folder}; set APPREHEND_RECORDED_DATA")
    return folder


@pytest.fixture(scope="session")
def embedded_run(tmp_path_factory: pytest.TempPathFactory, cli: Run) -> Path:
    """Results of the embedded model on a few questions of every topic, directly and with CoT."""
    folder = tmp_path_factory.mktemp("embedded") / "results"
    done = cli(
        "run",
        "--model_args", "pretrained=embedded",
        "--data", "embedded",
        "--tasks", "mmlu_pro_direct,mmlu_pro_cot",
        "--judge", "hf",
        "--judge_args", "pretrained=embedded",
        "--limit", 12,
        "--device", "cpu",
        "--no_report",
        "--output_path", folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder
