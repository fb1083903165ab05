"""Endpoints that do everything but what the protocol says: after each, every question has the right
row or a stored reason, in time."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apprehend.benchmark.adapter import Record, TaskFacts, UncertaintyLM
from apprehend.benchmark.budget import Budget
from apprehend.benchmark.engines.completions import CompletionsEngine
from apprehend.benchmark.failures import note_failures, read_failures
from apprehend.benchmark.judges import load_judge
from apprehend.benchmark.judging import judge_questions
from apprehend.benchmark.manifest import new_manifest
from apprehend.benchmark.plan import JudgeOptions
from apprehend.benchmark.sink import store_rows
from apprehend.benchmark.store import TaskStore
from apprehend.estimators import Signal
from helpers import rows
from hostile_server import (
    BEHAVIOURS,
    CHAT,
    JUDGE,
    LETTERS,
    MODELS,
    TEXT,
    VICTIM,
    HostileServer,
    hostile,
    letter,
)
from lm_eval.api.instance import Instance

TIMEOUT = 0.5
SLACK = 5.0
"""Seconds beyond the time limit that a busy machine may need."""
QUESTIONS = range(3)


def new_store(folder: Path, count: int = 3) -> TaskStore:
    store = TaskStore(folder / "model" / "task")
    store.write_manifest(new_manifest({"engine": "local"}, {}, {"fingerprint": "d"}))
    store.add_questions(
        [
            {"question_id": i, "topic": "law", "option_count": 3, "gold": letter(i),
             "question": f"Question number {i}?", "options": ["a", "b", "c"]}
            for i in range(count)
        ]
    )  # fmt: skip
    return store


def arguments(server: HostileServer, **more: Any) -> dict[str, Any]:
    return {"model": "m", "base_url": server.url, "max_retries": 1, "timeout": TIMEOUT, **more}


def model(server: HostileServer, **more: Any) -> CompletionsEngine:
    kind = "local-completions" if server.protocol == TEXT else "local-chat-completions"
    return CompletionsEngine(kind, arguments(server, **more), Budget())


def answer(store: TaskStore, engine: CompletionsEngine, count: int = 3) -> None:
    """Ask the questions through the class that lm-eval sees, and store what comes."""
    chat = "chat" in engine.kind
    facts = TaskFacts(lambda doc: LETTERS.index(doc["gold"]), lambda _: list(LETTERS),
                      lambda _: 3, lambda doc, _: doc["id"])  # fmt: skip

    def sink(_: str, signal: Signal, records: list[Record]) -> None:
        failed = {r["question_id"]: r["failure"] for r in records if "failure" in r}
        failed |= store_rows(store, signal, [r for r in records if "failure" not in r])
        note_failures(store.path, signal, "", "", [r["question_id"] for r in records], failed)

    requests = []
    for number in range(count):
        text = f"Question number {number}? Answer:"
        prompt = json.dumps([{"role": "user", "content": text}]) if chat else text
        for option in LETTERS:
            label = option if chat else f" {option}"
            doc = {"id": number, "gold": letter(number)}
            requests.append(
                Instance("loglikelihood", doc, (prompt, label), number, ("t", number, 1))
            )
    UncertaintyLM(engine, {"t": facts}, sink).loglikelihood(requests)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, HostileServer]]:
    with hostile(TEXT) as text, hostile(CHAT) as chat, hostile(JUDGE) as judge:
        yield {TEXT: text, CHAT: chat, JUDGE: judge}


@pytest.fixture(scope="module")
def models(servers: dict[str, HostileServer]) -> dict[str, CompletionsEngine]:
    return {name: model(servers[name]) for name in MODELS}


def of(protocol: str) -> list[str]:
    return [name for name, behaviour in BEHAVIOURS.items() if protocol in behaviour.protocols]


def check_failures(store: TaskStore, name: str) -> set[int]:
    """Ids of the questions that must have a row."""
    failed = read_failures(store.path)
    wanted = BEHAVIOURS[name].reason
    if not wanted:
        assert failed == []
        return set(QUESTIONS)
    (row,) = failed
    assert row["question_id"] == VICTIM
    assert re.search(wanted, row["reason"]), row["reason"]
    assert len(row["reason"].splitlines()) == 1
    assert len(row["reason"]) <= 300
    return set(QUESTIONS) - {VICTIM}


def check_requests(server: HostileServer, before: int) -> None:
    """Nothing but questions, to nowhere but the address that was named."""
    path = server.url.split(str(server.port))[1]
    assert set(server.asked[before:]) == {f"POST {path} HTTP/1.1"}


@pytest.mark.parametrize(
    ("protocol", "name"), [(protocol, name) for protocol in MODELS for name in of(protocol)]
)
def test_every_question_to_a_hostile_model_has_its_row_or_a_reason(
    tmp_path: Path,
    servers: dict[str, HostileServer],
    models: dict[str, CompletionsEngine],
    protocol: str,
    name: str,
) -> None:
    server, store = servers[protocol], new_store(tmp_path)
    server.behaviour, before = name, len(server.asked)
    began = time.monotonic()
    answer(store, models[protocol])
    assert time.monotonic() - began < TIMEOUT + SLACK
    expected = check_failures(store, name)
    table = rows(store.path, "answer")
    assert set(table.question_id) == expected
    for row in table.itertuples():
        assert LETTERS[row.answer] == letter(row.question_id)
        assert max(row.option_logprobs) == pytest.approx(-0.1, abs=0.01)
        assert row.status == "parsed"
        assert row.correct == 1
        assert row.prompt_tokens in (7, -1)
    check_requests(server, before)


@pytest.mark.parametrize("name", of(JUDGE))
def test_every_question_to_a_hostile_judge_has_its_row_or_a_reason(
    tmp_path: Path, servers: dict[str, HostileServer], name: str
) -> None:
    server, store = servers[JUDGE], new_store(tmp_path)
    server.behaviour, before = name, len(server.asked)
    judge = load_judge(JudgeOptions("local-chat-completions", arguments(server), "j"))
    judge.ask(["Question number 0?"], 5)  # an endpoint that has answered once
    began = time.monotonic()
    problems = judge_questions(store, judge, ["complexity"], list(QUESTIONS), {})
    assert time.monotonic() - began < 2 * TIMEOUT + SLACK
    expected = check_failures(store, name)
    assert bool(problems) == bool(BEHAVIOURS[name].reason)
    table = rows(store.path, "judgement")
    assert set(table.question_id) == expected
    assert not table.value.isna().any()
    check_requests(server, before)


def test_there_are_enough_behaviours() -> None:
    assert all(len(of(protocol)) >= 60 for protocol in (TEXT, CHAT, JUDGE))
