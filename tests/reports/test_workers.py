"""Processes that draw end with the run that started them, whatever ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from apprehend.benchmark.recordings.writing import ImportedQuestion, write_import
from apprehend.benchmark.score.scoring import score_store
from apprehend.benchmark.store.task_store import Results
from apprehend.estimators.signals.batch import Signal
from apprehend.reports.figures.workers import in_processes

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are found by their environment"
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four models with three scores each: enough figures to draw for some seconds."""
    folder = tmp_path_factory.mktemp("drawn")
    rng = np.random.default_rng(0)
    for model in range(4):
        rows = [
            ImportedQuestion(
                number, f"topic {number % 5}", 0, bool(rng.random() < 0.5),
                scores={name: float(rng.random()) for name in ("first", "second", "third")},
            )
            for number in range(200)
        ]  # fmt: skip
        origin = {"kind": "made up", "files": ["none"]}
        done = write_import(Results(folder), f"m{model}", "t", Signal.ANSWER, rows, origin)
        score_store(done.store, ["first", "second", "third"])
    return folder


def marked(mark: str) -> dict[int, str]:
    """Process number → command line of every process whose environment holds the mark."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if line:  # one that has ended and is only remembered has none
                    found[int(folder.name)] = line
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], object], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def kept(process: int) -> list[str]:
    """What lies in shared memory under the number of a process."""
    names = [path.name for path in Path("/dev/shm").glob("*")]
    return [name for name in names if re.search(rf"(?<!\d){process}(?!\d)", name)]


@pytest.mark.parametrize("moment", ["as they start", "as they draw"])
def test_none_is_left_after_a_kill(results: Path, tmp_path: Path, moment: str) -> None:
    mark = f"APPREHEND_TEST_MARK={uuid.uuid4().hex}"
    name, value = mark.split("=")
    command = ["report", results, "--output_path", tmp_path / "report"]
    run = subprocess.Popen(
        [sys.executable, "-m", "apprehend.benchmark", *map(str, command)],
        env={**os.environ, "LOKY_MAX_CPU_COUNT": "2", name: value},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        figures = tmp_path / "report" / "figures"

        def drawing() -> bool:
            alive = any("popen_loky" in line for line in marked(mark).values())
            return alive and (moment == "as they start" or any(figures.glob("*.png")))

        wait_for(drawing, 120, "no process that draws was started")
        assert run.poll() is None
        run.send_signal(signal.SIGKILL)
        run.wait()
        wait_for(lambda: not marked(mark), 20, f"left behind: {marked(mark)}")
        # Nor what such a process names after the one that was killed.
        wait_for(lambda: not kept(run.pid), 5, f"in shared memory: {kept(run.pid)}")
    finally:
        for left in marked(mark):
            os.kill(left, signal.SIGKILL)
        run.wait()


def test_results_come_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in ("1", "2"):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", count)
        assert list(in_processes(divmod, [(n, 3) for n in range(7)])) == [
            divmod(n, 3) for n in range(7)
        ]
