"""Judges over HTTP when the endpoint fails, refuses, is slow, or costs money."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from apprehend.benchmark.console.errors import UsageError
from apprehend.benchmark.endpoints.budget import Budget
from apprehend.benchmark.endpoints.concurrency import as_completed
from apprehend.benchmark.endpoints.endpoint import Endpoint
from apprehend.benchmark.endpoints.request_errors import RequestFailed
from apprehend.benchmark.endpoints.transport import retry_after
from apprehend.benchmark.judges.judge import load_judge
from apprehend.benchmark.judges.judge_options import JudgeOptions
from apprehend.benchmark.judges.judging import judge_questions
from apprehend.benchmark.store.failures import read_failures
from apprehend.benchmark.store.manifest import new_manifest
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.estimators import Signal
from faulty_server import FAULTS, Server, serving, verdict
from helpers import Run, environment, rows

COUNT = 60


def make_store(folder: Path, count: int = COUNT) -> TaskStore:
    store = TaskStore(folder / "model" / "task")
    store.write_manifest(new_manifest({"engine": "hf"}, {}, {"fingerprint": "d"}))
    store.add_questions(
        [
            {"question_id": i, "topic": "law", "option_count": 2, "gold": "A",
             "question": f"Question number {i}?", "options": [f"yes {i}", "no"]}
            for i in range(count)
        ]
    )  # fmt: skip
    return store


def judge(server: Server, budget: Budget | None = None, **more: Any) -> Any:
    arguments = {"model": "j", "base_url": server.url, "num_concurrent": 8, "timeout": 1, **more}
    return load_judge(JudgeOptions("local-chat-completions", arguments, "j"), budget=budget)


def ask(store: TaskStore, judge: Any, names: tuple[str, ...] = ("complexity",)) -> list[str]:
    return judge_questions(store, judge, names, store.question_ids, {})[0]


def check_rows(store: TaskStore, server: Server) -> pd.DataFrame:
    """Assert that every stored verdict is the one that the server gives to that question."""
    table = rows(store.path, "judgement")
    said = {payload["messages"][-1]["content"] for payload in server.payloads}
    for row in table.itertuples():
        matching = [m for m in said if f"Question number {row.question_id}?" in m]
        assert row.text in {verdict(message) for message in matching}, row.question_id
    assert not table.duplicated(["question_id", "variant", "source"]).any()
    return table


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_third_of_all_requests_may_fail(tmp_path: Path, seed: int) -> None:
    store = make_store(tmp_path)
    budget = Budget()
    with serving(rate=0.3, pause=1.5) as server:
        server._random.seed(seed)
        problems = ask(
            store, judge(server, budget, max_retries=8), ("complexity", "education_level")
        )
    table = check_rows(store, server)
    failed = read_failures(store.path)
    assert bool(problems) == bool(failed)
    got = {(r.question_id, r.variant) for r in table.itertuples()}
    got |= {(int(row["question_id"]), row["variant"]) for row in failed}
    assert got == {(i, v) for i in range(COUNT) for v in ("complexity", "education_level")}
    assert len(table) > 0.95 * 2 * COUNT
    assert budget.requests == len(server.payloads)
    assert server.most_at_once <= 8 + len(FAULTS)  # those that timed out are still being served
    assert len(server.payloads) > 1.25 * server.answered


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_overcome(fault: str) -> None:
    with serving(script=[fault, fault], pause=2.5) as server:
        endpoint = Endpoint(server.url, {}, Budget(), timeout=2)
        reply = judge_reader(endpoint, server)
    assert reply == verdict("hello")
    assert len(server.payloads) == 3


def judge_reader(endpoint: Endpoint, server: Server) -> str:
    reader = judge(server)
    payload = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5}
    return str(endpoint.post(payload, reader._text))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_is_named(fault: str) -> None:
    with serving(rate=1, faults=(fault,), pause=2.5) as server:
        endpoint = Endpoint(server.url, {}, Budget(), timeout=2, tries=2)
        with pytest.raises(RequestFailed) as error:
            judge_reader(endpoint, server)
    assert len(str(error.value).splitlines()) == 1
    assert len(server.payloads) == 2


def test_a_question_that_cannot_be_asked_has_a_reason_and_is_asked_again(tmp_path: Path) -> None:
    store = make_store(tmp_path, 6)
    with serving(script=["", "", "status 422", "", ""]) as server:
        problems = ask(store, judge(server, num_concurrent=1, timeout=60))
    (row,) = read_failures(store.path)
    assert row["signal"] == "judgement"
    assert row["reason"].startswith("HTTP 422")
    assert "no reply to complexity on 1 of 6 questions, first: HTTP 422" in problems[0]
    assert len(rows(store.path, "judgement")) == 5
    with serving() as server:
        assert ask(store, judge(server, timeout=60)) == []
        assert len(server.payloads) == 2
    assert read_failures(store.path) == []
    assert len(rows(store.path, "judgement")) == 6


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_endpoint_that_refuses_is_left_at_once(tmp_path: Path, status: int) -> None:
    store = make_store(tmp_path)
    with serving(rate=1, faults=(f"status {status}",)) as server:
        (problem,) = ask(store, judge(server, timeout=60))
    assert f"HTTP {status}" in problem
    assert "run again to resume" in problem
    assert len(server.payloads) <= 8


def test_an_endpoint_that_is_gone_is_not_asked_for_ever(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with serving() as server:
        pass
    began = time.monotonic()
    (problem,) = ask(store, judge(server, max_retries=2))
    assert "requests in a row failed, last: no connection" in problem
    assert time.monotonic() - began < 20


def test_the_budget_of_requests_is_kept_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    store = make_store(tmp_path, 20)
    with serving(rate=0.3, faults=("server error", "truncated")) as server:
        budget = Budget(max_requests=25)
        (problem,) = ask(store, judge(server, budget, max_retries=8))
        assert len(server.payloads) == budget.requests == 25
        assert "the budget of 25 requests is spent" in problem
        before = rows(store.path, "judgement")
        assert 0 < len(before) < 20
        assert ask(store, judge(server, Budget(), max_retries=8)) == []
    after = check_rows(store, server)
    assert len(after) == 20
    pd.testing.assert_frame_equal(
        before, after[after.question_id.isin(before.question_id)].reset_index(drop=True)
    )


def test_the_budget_of_money_is_kept(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    prices = {"input_price": 10_000, "output_price": 20_000}
    with serving() as server:
        with pytest.raises(UsageError, match="--max_cost needs prices"):
            judge(server, Budget(max_cost=5))
        budget = Budget(max_cost=40)
        (problem,) = ask(store, judge(server, budget, timeout=60, **prices))
    assert "the budget of 40 is spent" in problem
    assert budget.cost == pytest.approx(server.answered * (100 * 0.01 + 10 * 0.02))
    assert 0 < budget.cost <= 40
    assert len(rows(store.path, "judgement")) < COUNT


def test_retry_after_is_obeyed_by_all() -> None:
    with serving(script=["too many 2"]) as server:
        endpoint = Endpoint(server.url, {}, Budget())
        began = time.monotonic()
        first = threading.Thread(target=judge_reader, args=(endpoint, server))
        first.start()
        while not server.payloads:
            time.sleep(0.01)
        time.sleep(0.2)
        judge_reader(endpoint, server)
        first.join()
    assert all(moment - began >= 2 for moment in server.times[1:]), server.times
    assert len(server.times) == 3


def test_retry_after_forms() -> None:
    from email.utils import formatdate

    assert retry_after(None) is None
    assert retry_after("7") == 7
    assert retry_after("-3") == 0
    assert retry_after("soon") is None
    assert retry_after(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after(formatdate(time.time() - 30, usegmt=True)) == 0


def test_waits_double_and_differ() -> None:
    endpoint = Endpoint("http://x", {}, Budget())

    class State:
        outcome = None
        attempt_number = 0

    waits = {}
    for number in range(1, 9):
        State.attempt_number = number
        waits[number] = [endpoint._wait(State()) for _ in range(200)]  # type: ignore[arg-type]
    for number, found in waits.items():
        longest = min(60.0, 0.5 * 2**number)
        assert longest / 2 <= min(found) < max(found) <= longest
        assert len(set(found)) > 100


def test_work_is_done_once_each_by_no_more_than_the_workers() -> None:
    now, most = [0], [0]
    lock = threading.Lock()

    def work(item: int) -> int:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= 1
        if item % 7 == 3:
            raise ValueError(item)
        return item * item

    found = {done.item: done for done in as_completed(work, range(50), 4)}
    assert sorted(found) == list(range(50))
    assert most[0] == 4
    for item, done in found.items():
        assert (done.result == item * item) if item % 7 != 3 else isinstance(done.error, ValueError)


@pytest.mark.slow
def test_ctrl_c_stores_everything_and_says_one_line(tmp_path: Path, cli: Run) -> None:
    common = ["run", "--no_report", "--model_args", "pretrained=embedded", "--data", "embedded",
          "--device", "cpu",
              "--tasks", "mmlu_pro_direct_law", "--limit", "40",
              "--estimators", "token_entropy,masj_complexity", "--judge", "local-chat-completions",
              "--judge_name", "j", "--output_path", str(tmp_path)]  # fmt: skip
    with serving(delay=0.3) as server:
        given = [*common, "--judge_args", f"model=j,base_url={server.url},num_concurrent=4"]
        process = subprocess.Popen(
            [sys.executable, "-m", "apprehend.benchmark", *given],
            stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True,
            # A shell's background jobs ignore the signal, and so would what they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )  # fmt: skip
        while server.answered < 20 and process.poll() is None:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=60)
        answered = server.answered
        assert process.returncode == 130, error
        last = error.strip().splitlines()[-1]
        assert last == (
            "apprehend: error: stopped; what was collected is stored, run again to resume"
        )
        assert "Traceback" not in error
        store = TaskStore(tmp_path / "embedded" / "mmlu_pro_direct")
        kept = store.done(Signal.JUDGEMENT, "complexity", "j")
        # Two requests make a judgement; at most one question per worker was on its way.
        assert len(kept) >= answered // 2 - 4
        server.delay = 0
        before = len(server.payloads)
        done = cli(*given)
        assert done.returncode == 0, done.stderr
        assert len(server.payloads) - before == 2 * (40 - len(kept))
    manifest = json.loads((store.path / "manifest.json").read_text())
    (line,) = [v for name, v in manifest["costs"].items() if name.startswith("judgement")]
    assert line["requests"] == 2 * (40 - len(kept))
