"""A run of chains of thought that is killed: what had been finished five seconds ago is stored."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.estimators.signals.batch import Signal
from helpers import environment, in_process

SLOWLY = """
import sys, time
from apprehend.benchmark.engines.hf.forward import Forward
from apprehend.benchmark.run.asking.finished_texts import FinishedTexts
log = open(sys.argv.pop(1), "a", buffering=1)
step, finished = Forward.decode_call, FinishedTexts.finished
def slow(self, decoding, tokens):
    time.sleep(0.1)
    return step(self, decoding, tokens)
def noted(self, prompt, generations):
    finished(self, prompt, generations)
    log.write(f"{time.time()} {prompt}\\n")
Forward.decode_call, FinishedTexts.finished = slow, noted
from apprehend.benchmark.cli.main import main
main(sys.argv[1:])
"""
ALLOWED = 5.0
RUN = (
    *("run", "--model_args", "pretrained=embedded", "--data", "embedded", "--no_report"),
    *("--tasks", "mmlu_pro_cot_math,mmlu_pro_cot_law", "--limit", "60", "--batch_size", "6"),
    *("--device", "cpu", "--estimators", "answer_convergence", "--output_path"),
)


def _finished(log: Path) -> list[tuple[float, int]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


@pytest.mark.slow
def test_a_killed_run_loses_five_seconds_at_most(tmp_path: Path) -> None:
    results, log = tmp_path / "results", tmp_path / "finished.txt"
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, log, *RUN, results],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**environment(), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        while not _finished(log):
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(random.uniform(6.0, 12.0))
        assert process.poll() is None, "the run ended too soon to be killed"
    finally:
        process.kill()
        killed = time.time()
        process.wait()
    store = TaskStore(results / "embedded" / "mmlu_pro_cot")
    stored = store.done(Signal.TRACE)
    forced = store.done(Signal.FORCED_ANSWERS)
    done = _finished(log)
    old = [prompt for when, prompt in done if when < killed - ALLOWED]
    assert old
    assert len(stored) >= len(old)
    assert len(stored) < 120  # the others were still being written, or waited
    assert forced <= stored
    assert len(stored - forced) <= 6
    again = in_process([*RUN, str(results)], tmp_path)
    assert again.returncode == 0, again.stderr
    store.forget()
    assert len(store.done(Signal.TRACE)) == len(store.done(Signal.FORCED_ANSWERS)) == 120
