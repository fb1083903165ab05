"""Runs killed at random moments, resumed, and disturbed, until nothing is missing.

They are killed with SIGKILL and resumed with other settings and failing requests, while parts
are deleted and folders copied. ``make chaos`` does a hundred of them; APPREHEND_CHAOS_RUNS and
APPREHEND_CHAOS_SEED set their number and seed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
import pytest
from apprehend.benchmark.store.checks.verifying import findings, folder_findings
from apprehend.benchmark.store.derivation import DERIVED_FROM
from apprehend.benchmark.store.task_store import TaskStore
from changed_settings import CHANGES
from chaos_run import INCOMPLETE, PRELOADED, REFUSED, collect

RUNS = int(os.environ.get("APPREHEND_CHAOS_RUNS", "3"))
SEED = int(os.environ.get("APPREHEND_CHAOS_SEED", "0"))
LIMIT = 12
AT_ONCE = 2
TIME_LIMIT = 600.0
TASKS = {
    "mmlu_pro_direct": (
        *("answer", "samples", "permuted_answers", "prompted_answers", "self_report", "judgement"),
    ),
    "mmlu_pro_cot": ("trace", "judgement"),
}
KEYS = ["question_id", "variant", "source"]


@dataclass(frozen=True)
class Ended:
    seconds: float
    killed: bool
    status: int = 0


def run(folder: Path, kill_after: float | None = None, **torment: Any) -> Ended:
    """Run one process, killed after some seconds unless it has ended by then."""
    context = multiprocessing.get_context("forkserver")
    log = folder.with_suffix(".log")
    process = context.Process(target=collect, args=(str(folder), LIMIT, str(log)), kwargs=torment)
    began = time.monotonic()
    process.start()
    process.join(TIME_LIMIT if kill_after is None else kill_after)
    killed = process.exitcode is None
    if killed:
        process.kill()
        process.join()
    status = process.exitcode or 0
    assert killed or status in (0, REFUSED, INCOMPLETE), log.read_text()[-2000:]
    assert not (killed and kill_after is None), "a run that is not killed does not end"
    return Ended(time.monotonic() - began, killed, status)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Return everything that a finished run stored: signals and scores, sorted by their keys."""
    found = {}
    for task, signals in TASKS.items():
        store = folder / "embedded" / task
        for name in signals:
            table = ds.dataset(store / "signals" / name, format="parquet").to_table().to_pandas()
            # A mark moves with the last digit of an answer; check_tidy finds those that do not fit.
            table = table.drop(columns=DERIVED_FROM, errors="ignore")
            found[f"{task}/{name}"] = table.sort_values(KEYS, ignore_index=True)
        scores = pd.read_parquet(store / "scores.parquet")
        found[f"{task}/scores"] = scores.sort_values(
            ["question_id", "estimator"], ignore_index=True
        )
    return found


def check_same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    """Assert equal rows, texts and numbers; floats up to the effect of other batches."""
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
    """Assert that nothing is damaged and no incomplete file is left."""
    for task in TASKS:
        store = TaskStore(folder / "embedded" / task)
        assert findings(store) == []
        assert not list(store.path.rglob(".tmp-*"))
        assert not (store.path / "set_aside").exists()


def stored(folder: Path) -> dict[Path, bytes]:
    """Return all stored rows."""
    return {file: file.read_bytes() for file in folder.rglob("*.parquet")}


def settings_recorded(folder: Path, option: str, says: str) -> bool:
    """Return whether rows of all tasks exist, so that other settings must be refused."""
    manifests = [json.loads(file.read_text()) for file in folder.glob("*/*/manifest.json")]
    about_judge = option == "judges" or "judge_" in says
    return len(manifests) == len(TASKS) and all(
        not about_judge or any(key.startswith("judgement") for key in manifest["settings"])
        for manifest in manifests
    )


def try_other_settings(folder: Path, generator: random.Random) -> int:
    """Resume with another value of an option: refused, and nothing changes. Returns 1 if tried."""
    option = generator.choice(sorted(CHANGES))
    number = generator.randrange(len(CHANGES[option]))
    if not settings_recorded(folder, option, CHANGES[option][number][0]):
        return 0
    run(folder, generator.uniform(0, 1.0))  # perhaps amid a part
    before = stored(folder)
    assert run(folder, change=(option, number)).status == REFUSED, (option, number)
    assert stored(folder) == before
    return 1


def delete_parts(folder: Path, generator: random.Random, usual: float) -> int:
    """Delete some parts while a run writes others; returns their number."""
    gone = 0
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, folder, usual)
        while not running.done():
            time.sleep(generator.uniform(0, usual / 4))
            parts = sorted(folder.glob("*/*/signals/*/part-*.parquet"))
            if parts:
                generator.choice(parts).unlink(missing_ok=True)
                gone += 1
        running.result()
    return gone


def copy_folder(folder: Path) -> int:
    """Check that a copy beside the model is found; returns 1 if there was something to copy."""
    if not list(folder.glob("embedded/*/manifest.json")):
        return 0
    shutil.copytree(folder / "embedded", folder / "copy")
    stores = [TaskStore(file.parent) for file in sorted(folder.glob("*/*/manifest.json"))]
    assert folder_findings(stores)
    shutil.rmtree(folder / "copy")
    return 1


def torment(folder: Path, seed: int, usual: float) -> dict[str, int]:
    """Kill a run one to three times, disturb it between the kills, then let it end.

    Returns the number of times each disturbance happened.
    """
    generator = random.Random(seed)
    done = dict.fromkeys(("kills", "changes", "failures", "deletions", "copies"), 0)
    for _ in range(generator.randint(1, 3)):
        done["kills"] += run(folder, generator.uniform(0, usual)).killed
        match generator.randrange(5):
            case 0:
                done["changes"] += try_other_settings(folder, generator)
            case 1:
                done["failures"] += run(folder, fail=True).status == INCOMPLETE
            case 2:
                done["deletions"] += delete_parts(folder, generator, usual)
            case 3:
                done["copies"] += copy_folder(folder)
    if run(folder).status == INCOMPLETE:  # parts were deleted up to the last moment
        assert run(folder).status == 0
    return done


@pytest.mark.slow
def test_tormented_runs_lose_double_and_mix_nothing(tmp_path: Path) -> None:
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    run(tmp_path / "warm")
    usual = run(tmp_path / "whole").seconds
    whole = tables(tmp_path / "whole")

    def one(number: int) -> dict[str, int]:
        folder = tmp_path / f"run-{number}"
        done = torment(folder, SEED * 100_003 + number, usual * AT_ONCE)
        check_tidy(folder)
        check_same(whole, tables(folder))
        return done

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = pd.DataFrame(pool.map(one, range(RUNS))).sum()
    rows = sum(len(table) for table in whole.values())
    print(  # noqa: T201
        f"\nchaos: {RUNS} runs, {done.to_dict()}, {rows} rows each, 0 lost, 0 doubled, 0 mixed, "
        f"{time.monotonic() - began:.0f} s"
    )
    assert done["kills"] >= RUNS // 2, "too few of the runs were killed before they ended"
