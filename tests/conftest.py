"""Shared fixtures: the command line as a process, recorded data, one small embedded run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment() -> dict[str, str]:
    """The environment of the command line in tests: offline, two threads."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "COLUMNS": "200"}


def apprehend(*arguments: object, timeout: float = 600, cwd: Path | None = None) -> object:
    """Run the command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "apprehend.benchmark", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=environment(),
        cwd=cwd,
    )


@pytest.fixture(scope="session")
def cli() -> Run:
    """``cli("report", folder)`` → the finished process."""
    return apprehend  # type: ignore[return-value]


@pytest.fixture(scope="session")
def recorded_data() -> Path:
    """Folder of the recorded real data, or a skip that says where it was looked for."""
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
        "--output_path", folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder
