"""Runs killed with SIGKILL at random moments and resumed, until nothing is missing.

``make chaos`` does a hundred of them; APPREHEND_CHAOS_RUNS and APPREHEND_CHAOS_SEED say how many
and which.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest
from apprehend.benchmark.store import TaskStore
from apprehend.benchmark.verifying import findings
from chaos_run import PRELOADED, collect

RUNS = int(os.environ.get("APPREHEND_CHAOS_RUNS", "3"))
SEED = int(os.environ.get("APPREHEND_CHAOS_SEED", "0"))
LIMIT = 12
AT_ONCE = 2
TIME_LIMIT = 600.0
TASKS = {
    "mmlu_pro_direct": ("answer", "samples", "judgement"),
    "mmlu_pro_cot": ("trace", "judgement"),
}
KEYS = ["question_id", "variant", "source"]


@dataclass(frozen=True)
class Ended:
    seconds: float
    killed: bool


def run(folder: Path, kill_after: float | None = None) -> Ended:
    """One process; killed after some seconds, if it has not ended by then."""
    context = multiprocessing.get_context("forkserver")
    log = folder.with_suffix(".log")
    process = context.Process(target=collect, args=(str(folder), LIMIT, str(log)))
    began = time.monotonic()
    process.start()
    process.join(TIME_LIMIT if kill_after is None else kill_after)
    killed = process.exitcode is None
    if killed:
        process.kill()
        process.join()
    assert killed or process.exitcode == 0, log.read_text()[-2000:]
    assert not (killed and kill_after is None), "a run that nobody kills does not end"
    return Ended(time.monotonic() - began, killed)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Everything that a finished run left: signals and scores, sorted by their keys."""
    found = {}
    for task, signals in TASKS.items():
        store = folder / "embedded" / task
        for name in signals:
            table = ds.dataset(store / "signals" / name, format="parquet").to_table().to_pandas()
            found[f"{task}/{name}"] = table.sort_values(KEYS, ignore_index=True)
        scores = pd.read_parquet(store / "scores.parquet")
        found[f"{task}/scores"] = scores.sort_values(
            ["question_id", "estimator"], ignore_index=True
        )
    return found


def check_same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    """Same rows, same texts and numbers; floats as near as other batches make them."""
    for name, expected in one.items():
        got = other[name]
        keys = ["question_id", "estimator"] if name.endswith("scores") else KEYS
        assert not got.duplicated(keys).any(), f"{name}: doubled rows"
        assert got[keys].to_numpy().tolist() == expected[keys].to_numpy().tolist(), name
        for column in expected:
            for mine, theirs in zip(got[column], expected[column], strict=True):
                assert same(mine, theirs), f"{name}, {column}: {mine!r} and {theirs!r}"


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray | list) or isinstance(other, np.ndarray | list):
        if one is None or other is None:
            return one is None and other is None
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, atol=1e-4, rtol=1e-4, equal_nan=True))
    return bool(one == other) or (pd.isna(one) and pd.isna(other))


def check_tidy(folder: Path) -> None:
    """Nothing is damaged, and nothing half-written lies around."""
    for task in TASKS:
        store = TaskStore(folder / "embedded" / task)
        assert findings(store) == []
        assert not list(store.path.rglob(".tmp-*"))
        assert not (store.path / "set_aside").exists()


def torment(folder: Path, seed: int, usual: float) -> int:
    """Kill a run one to three times, let it end, and say how often it was killed."""
    generator = random.Random(seed)
    kills = 0
    for _ in range(generator.randint(1, 3)):
        kills += run(folder, generator.uniform(0, usual)).killed
    run(folder)
    return kills


@pytest.mark.slow
def test_killed_runs_lose_and_double_nothing(tmp_path: Path) -> None:
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    run(tmp_path / "warm")
    usual = run(tmp_path / "whole").seconds
    whole = tables(tmp_path / "whole")

    def one(number: int) -> int:
        folder = tmp_path / f"run-{number}"
        kills = torment(folder, SEED * 100_003 + number, usual * AT_ONCE)
        check_tidy(folder)
        check_same(whole, tables(folder))
        return kills

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kills = list(pool.map(one, range(RUNS)))
    rows = sum(len(table) for table in whole.values())
    print(  # noqa: T201
        f"\nchaos: {RUNS} runs, {sum(kills)} kills, {rows} rows each, 0 lost, 0 doubled, "
        f"{time.monotonic() - began:.0f} s"
    )
    assert sum(kills) >= RUNS // 2, "too few of the runs were killed before they ended"
