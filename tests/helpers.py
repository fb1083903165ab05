"""What several test files read: stored signals, and lm-eval's own samples."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
from fork_server import ForkServer

ROOT = Path(__file__).parent.parent
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment() -> dict[str, str]:
    """The environment of the command line in tests: offline, two threads."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "COLUMNS": "200"}


def apprehend(*arguments: object, timeout: float = 600, cwd: Path | None = None) -> object:
    """Run the command line as a user does, but for the time that imports take."""
    return _run("apprehend.benchmark", [str(argument) for argument in arguments], timeout, cwd)


_SERVERS: list[ForkServer] = []


def _run(
    module: str, arguments: list[str], timeout: float = 600, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a module in a process of its own, forked from one that has imported the libraries.

    Under coverage, and where a test has changed the environment, a new interpreter runs it.
    """
    given = {name: value for name, value in environment().items() if name != "PYTEST_CURRENT_TEST"}
    if hasattr(os, "fork") and "COVERAGE_PROCESS_CONFIG" not in given:
        if not _SERVERS:
            _SERVERS.append(ForkServer(given))
        if _SERVERS[0].environment == given:
            return _SERVERS[0].run(module, arguments, timeout, cwd)
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=given,
        cwd=cwd,
    )


@dataclass(frozen=True)
class Done:
    returncode: int
    stderr: str
    stdout: str = ""


def in_process(arguments: list[Any], folder: Path) -> Done:
    """The command line without a new process: the same code, seconds faster per case."""
    from apprehend.benchmark.cli.main import main

    before = Path.cwd()
    errors, shown = io.StringIO(), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(shown):
            main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return Done(int(stop.code or 0), errors.getvalue(), shown.getvalue())
    finally:
        os.chdir(before)
    raise AssertionError("main returned")


def imported(folder: Path, *more: Any, model: str = "m") -> Done:
    """Import two recorded outcomes of a model into ``folder/in/results``."""
    pd.DataFrame({"id": [1, 2], "ok": [1, 0]}).to_csv(folder / "t.csv", index=False)
    return in_process(
        ["import", "table", folder / "t.csv", "--model", model, "--id", "id", "--correct", "ok",
         "--output_path", folder / "in" / "results", *more],
        folder,
    )  # fmt: skip


def rows(folder: Path, name: str) -> pd.DataFrame:
    """The stored rows of a signal in the order of their ids; ids that are numbers come as such."""
    table = ds.dataset(folder / "signals" / name, format="parquet").to_table().to_pandas()
    if table["question_id"].astype(str).str.fullmatch("[0-9]{1,18}").all():
        table["question_id"] = table["question_id"].astype("int64")
    return table.sort_values(["question_id", "variant", "source"], ignore_index=True)


def lm_eval_samples(folder: Path, tasks: str, *more: str) -> dict[int, dict[str, Any]]:
    """question_id → the sample that ``lm_eval`` itself logs for the embedded questions of tasks."""
    include = Path(__file__).parents[1] / "tasks"
    done = _run(
        "lm_eval",
        [
            "--model", "hf",
            "--model_args", f"pretrained={include / 'sample' / 'model'}",
            "--include_path", str(include), "--tasks", tasks, "--device", "cpu",
            "--metadata", '{"data": "embedded"}', "--batch_size", "16",
            "--log_samples", "--output_path", str(folder), *more,
        ],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {}
    for file in folder.rglob("samples_*.jsonl"):
        for line in file.read_text().splitlines():
            sample = json.loads(line)
            found[int(sample["doc"]["question_id"])] = sample
    return found
