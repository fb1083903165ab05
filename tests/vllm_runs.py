"""Runs of the command line on vLLM and on the hf engine, and how far their numbers are apart."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import environment

VLLM = Path(os.environ.get("APPREHEND_VLLM", "none")).absolute()
needs_vllm = pytest.mark.skipif(
    not (VLLM / "vllm").is_dir(),
    reason="needs vLLM in APPREHEND_VLLM: make test-engines, where it can be installed",
)
MODEL = "pretrained=embedded,dtype=float32,enforce_eager=True"
CLOSE = 1e-3
"""Of log-probabilities in float32; they were 3e-5 apart at most when this was written."""


def arguments(folder: Path, tasks: str, limit: int, estimators: str) -> list[str]:
    return ["run", "--no_report", "--data", "embedded", "--tasks", tasks, "--limit", str(limit),
            "--estimators", estimators, "--model_name", "m", "--samples", "8",
            "--output_path", str(folder)]  # fmt: skip


def with_vllm() -> dict[str, str]:
    """The environment with vLLM's packages before the others."""
    paths = [str(VLLM), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**environment(), "PYTHONPATH": os.pathsep.join(paths), "VLLM_CPU_KVCACHE_SPACE": "1"}


def apprehend(given: Sequence[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "apprehend.benchmark", *given],
        capture_output=True, text=True, timeout=600, check=False, env=env,
    )  # fmt: skip


def vllm(*given: str, model: str = MODEL) -> subprocess.CompletedProcess[str]:
    return apprehend([*given, "--model", "vllm", "--model_args", model], with_vllm())


def hf(*given: str, model: str = "pretrained=embedded") -> None:
    """With one thread: small matrices, and other processes keep the other processors."""
    env = {**environment(), "OMP_NUM_THREADS": "1"}
    done = apprehend([*given, "--device", "cpu", "--model_args", model], env)
    assert done.returncode == 0, done.stderr


def clean(done: subprocess.CompletedProcess[str]) -> None:
    """The run ended well and left nothing of vLLM's on the console."""
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for noise in ("Traceback", "unexpectedly", "EngineCore", "force killing", "it/s]"):
        assert noise not in said, said


def numbers(value: object) -> list[float]:
    """The numbers in lists of lists; a null is NaN."""
    if isinstance(value, list | np.ndarray):
        return [number for part in value for number in numbers(part)]
    return [math.nan if value is None else float(value)]  # type: ignore[arg-type]


def apart(mine: pd.Series, theirs: pd.Series) -> float:
    """Largest difference of two columns of numbers or of lists of numbers."""
    assert (
        mine.map(lambda v: len(numbers(v))).tolist()
        == theirs.map(lambda v: len(numbers(v))).tolist()
    )
    a, b = (np.asarray(numbers(column.tolist())) for column in (mine, theirs))
    assert (np.isnan(a) == np.isnan(b)).all()
    known = ~np.isnan(a) & (a != b)
    return float(abs(a - b)[known].max(initial=0.0))


def differences(mine: Any, theirs: Any, place: str = "") -> list[str]:
    """Where two results differ: numbers by more than the tolerance, all else at all."""
    if isinstance(mine, float) and isinstance(theirs, float):
        same = math.isclose(mine, theirs, rel_tol=0, abs_tol=CLOSE)
        return [] if same else [f"{place}: {mine} is not {theirs}"]
    if isinstance(mine, dict) and isinstance(theirs, dict) and mine.keys() == theirs.keys():
        return [d for at in mine for d in differences(mine[at], theirs[at], f"{place}.{at}")]
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        pairs = enumerate(zip(mine, theirs, strict=True))
        return [d for at, pair in pairs for d in differences(*pair, f"{place}[{at}]")]
    return [] if mine == theirs else [f"{place}: {mine!r} is not {theirs!r}"]
