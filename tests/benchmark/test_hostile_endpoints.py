"""Endpoints that violate the protocol: every question gets its row or a stored reason, in time."""

from __future__ import annotations

import json
import math
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from apprehend.benchmark.console.errors import ApprehendError, UsageError
from apprehend.benchmark.endpoints.budget import Budget
from apprehend.benchmark.endpoints.endpoint import Endpoint
from apprehend.benchmark.endpoints.reply_json import parse
from apprehend.benchmark.endpoints.request_errors import EndpointGone, RequestFailed, TryAgain
from apprehend.benchmark.engines.endpoint.completions import CompletionsEngine
from apprehend.benchmark.engines.endpoint.replies import Reply, generation, read_chat, read_text
from apprehend.benchmark.engines.endpoint.tokens import Token, label_logprob
from apprehend.benchmark.engines.shared.endings import Ending
from apprehend.benchmark.engines.shared.engine import ChoicePrompt, Failed
from apprehend.benchmark.judges.judge import load_judge
from apprehend.benchmark.judges.judge_options import JudgeOptions
from apprehend.benchmark.judges.judging import judge_questions
from apprehend.benchmark.run.asking.adapter import UncertaintyLM
from apprehend.benchmark.run.probes.probe import ChoiceProbe
from apprehend.benchmark.run.probes.probe_options import Item, ProbeOptions
from apprehend.benchmark.run.questions.task_facts import TaskFacts
from apprehend.benchmark.store.failures import note_failures, read_failures
from apprehend.benchmark.store.manifest import new_manifest
from apprehend.benchmark.store.stored_rows import Record, Row
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.estimators import Signal
from apprehend.tasks.question_view import view
from faulty_server import verdict
from helpers import Run, environment, rows
from hostile_server import (
    BEHAVIORS,
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

TIMEOUT = 0.3
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
    """Ask the questions through the class that lm-eval uses, and store the rows."""
    chat = "chat" in engine.kind
    facts = TaskFacts(
        view=lambda doc: view("?", tuple(LETTERS), (LETTERS.index(doc["gold"]),)),
        own_id=lambda doc, _: doc["id"],
    )

    def sink(signal: Signal, rows: list[Row]) -> None:
        store.store_part(signal, rows)

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
    return [name for name, behavior in BEHAVIORS.items() if protocol in behavior.protocols]


def check_failures(store: TaskStore, name: str) -> set[int]:
    """Ids of the questions that must have a row."""
    failed = read_failures(store.path)
    wanted = BEHAVIORS[name].reason
    if not wanted:
        assert failed == []
        return set(QUESTIONS)
    (row,) = failed
    assert row["question_id"] == str(VICTIM)
    assert re.search(wanted, row["reason"]), row["reason"]
    assert len(row["reason"].splitlines()) == 1
    assert len(row["reason"]) <= 300
    return set(QUESTIONS) - {VICTIM}


def check_requests(server: HostileServer, before: int) -> None:
    """Assert that only questions are sent, and only to the given address."""
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
    server.behavior, before = name, len(server.asked)
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
    server.behavior, before = name, len(server.asked)
    judge = load_judge(JudgeOptions("local-chat-completions", arguments(server), "j"))
    judge.ask(["Question number 0?"], 5)  # an endpoint that has answered once
    began = time.monotonic()
    problems, unread = judge_questions(store, judge, ["complexity"], list(map(str, QUESTIONS)), {})
    assert time.monotonic() - began < 2 * TIMEOUT + SLACK
    expected = check_failures(store, name)
    assert bool(problems) == bool(BEHAVIORS[name].reason)
    assert not unread
    table = rows(store.path, "judgement")
    assert set(table.question_id) == expected
    assert not table.value.isna().any()
    check_requests(server, before)


def test_there_are_enough_behaviors() -> None:
    assert all(len(of(protocol)) >= 60 for protocol in (TEXT, CHAT, JUDGE))


# -- what is not one reply's doing -----------------------------------------------------------------


def endpoint(url: str, **more: Any) -> Endpoint:
    return Endpoint(url, {}, Budget(), **{"tries": 1, "timeout": TIMEOUT, **more})


def fails(asked: Endpoint, reason: str) -> None:
    began = time.monotonic()
    with pytest.raises(RequestFailed, match=reason):
        asked.post({"prompt": "Question number 1?"}, read_text)
    assert time.monotonic() - began < TIMEOUT + SLACK


def test_the_deadline_holds_for_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        fails(endpoint(f"http://127.0.0.1:{port}/v1"), r"no reply within 0\.3 s")
        fails(endpoint(f"https://127.0.0.1:{port}/v1"), r"no reply within 0\.3 s")
        for one in waiting:
            one.close()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    fails(endpoint("http://slow.invalid/v1"), r"no reply within 0\.3 s")


def test_the_deadline_holds_for_a_handshake() -> None:
    with hostile(TEXT, "never answers") as server, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        fails(endpoint(f"https://127.0.0.1:{silent.getsockname()[1]}/v1"), "no reply within")
        fails(endpoint(server.url), "no reply within")


def test_the_deadline_holds_for_sending() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        asked = endpoint(f"http://127.0.0.1:{silent.getsockname()[1]}/v1")
        began = time.monotonic()
        with pytest.raises(RequestFailed, match="no reply within"):
            asked.post({"prompt": "x" * (16 << 20)}, read_text)
        assert time.monotonic() - began < TIMEOUT + SLACK


def test_nothing_is_sent_that_was_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No password of .netrc, no cookie, and no proxy that could read key and questions."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password planted\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with hostile(TEXT) as server, hostile(TEXT) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        asked = Endpoint(server.url, {"Authorization": "Bearer mine"}, Budget(), tries=1)
        asked.post({"prompt": "Question number 0?"}, read_text)
        assert proxy.asked == []
        assert server.headers[-1]["authorization"] == "Bearer mine"
        assert "cookie" not in server.headers[-1]
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        hidden = Endpoint("https://questions.invalid/v1", server.headers[-1], Budget(), tries=1)
        with pytest.raises(RequestFailed, match="no connection"):
            hidden.post({"prompt": "Question number 0?"}, read_text)
        assert [line.split()[:2] for line in proxy.asked] == [["CONNECT", "questions.invalid:443"]]
        assert not any("authorization" in name for name in proxy.headers[-1])


@pytest.mark.parametrize("name", ["redirects with 302", "redirects with 307", "redirects within"])
def test_an_endpoint_that_only_redirects_is_left_at_once(name: str) -> None:
    with hostile(TEXT, name) as server:
        asked = endpoint(server.url, tries=6)
        with pytest.raises(EndpointGone, match=BEHAVIORS[name].reason):
            asked.post({"prompt": "Question number 1?"}, read_text)
        assert len(server.asked) == 1


@pytest.mark.parametrize("protocol", MODELS)
def test_answers_that_come_in_any_order_are_not_swapped(tmp_path: Path, protocol: str) -> None:
    store = new_store(tmp_path, 24)
    with hostile(protocol) as server:
        server.delays = lambda number: 0.01 * (number * 7 % 5)
        answer(store, model(server, num_concurrent=8, timeout=30), 24)
    table = rows(store.path, "answer")
    assert [LETTERS[a] for a in table.answer] == [letter(i) for i in table.question_id]
    assert len(table) == 24


@pytest.mark.parametrize("name", ["sends HTML", "drips the body", "has probabilities of 3 in all",
                                  "nests 400 deep", "says 400"])  # fmt: skip
def test_an_endpoint_that_is_hostile_from_the_first_reply_is_named(name: str) -> None:
    """It is asked for fewer and fewer log-probabilities, and then given up."""
    with hostile(TEXT, name) as server:
        server.everyone = True
        began = time.monotonic()
        with pytest.raises(ApprehendError, match=rf"127\.0\.0\.1:{server.port}/v1/completions: "):
            model(server)
        assert time.monotonic() - began < 5 * TIMEOUT + SLACK


@pytest.mark.parametrize("error", [ValueError, KeyError, OverflowError, RecursionError, TypeError])
def test_a_reader_that_stumbles_costs_the_request(error: type[Exception]) -> None:
    def stumble(_: Any) -> None:
        raise error("oh")

    with hostile(TEXT) as server, pytest.raises(RequestFailed, match="the reply cannot be read"):
        endpoint(server.url).post({"prompt": "Question number 0?"}, stumble)


def test_a_text_that_cannot_be_stored_costs_its_row(tmp_path: Path) -> None:
    """For any judge, lm-eval's own models included, whose replies we do not parse ourselves."""
    store = new_store(tmp_path)

    class Batch:
        name, workers, identity = "b", 0, {}

        def ask(self, messages: list[str], max_new_tokens: int) -> list[str]:
            return [verdict(m) + "\ud83d" * ("number 1?" in m) for m in messages]

        def stop(self) -> None:
            pass

    asked = list(map(str, QUESTIONS))
    (problem,), _ = judge_questions(store, Batch(), ["complexity"], asked, {})  # type: ignore[arg-type]
    assert "on 1 of 3 questions" in problem
    assert "half of a character" in problem
    assert set(rows(store.path, "judgement").question_id) == {0, 2}
    (row,) = read_failures(store.path)
    assert row["question_id"] == "1"


def test_a_failed_reply_costs_its_own_question_and_no_request_more(tmp_path: Path) -> None:
    """A probe with several requests per question: the rows of other questions are stored."""
    asked: list[ChoicePrompt] = []

    class Flaky:
        def score(self, prompts: list[ChoicePrompt]) -> list[Any]:
            asked.extend(prompts)
            return [Failed("oh") if "1b" in p.context else p.context for p in prompts]

    class BothOrders(ChoiceProbe):
        signal = Signal.PROMPTED_ANSWERS

        def prompts(self, item: Item) -> list[ChoicePrompt]:
            return [ChoicePrompt(f"{item[1].question_id}{order}", (" A",), 1) for order in "ab"]

        def record(self, item: Item, prompts: Any, replies: Any) -> Record:
            return {"seen": list(replies)}

    store = new_store(tmp_path)
    store.append(Signal.ANSWER, [{"question_id": n, "answer": 0} for n in range(3)])
    probe = BothOrders(Flaky(), store, ProbeOptions(), "")  # type: ignore[arg-type]
    rows = probe.collect([(None, SimpleNamespace(question_id=n)) for n in range(3)])  # type: ignore[misc]
    assert rows == [{"seen": ["0a", "0b"]}, Failed("oh"), {"seen": ["2a", "2b"]}]
    assert len(asked) == 6


def test_what_is_no_reason_to_drop_rows_is_raised(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    with pytest.raises(Exception, match=r"int|convert"):
        store.store_part(Signal.HIDDEN_STATE, [(0, {"state": 3})])


def test_reasons_with_half_a_character_are_stored(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    note_failures(store.path, Signal.ANSWER, "", "", [1], {1: "oh \ud83d"})
    assert read_failures(store.path)[0]["reason"] == "oh \\ud83d"
    assert str(RequestFailed("oh \ud83d")) == "oh \\ud83d"


def test_tokens_that_are_written_alike_are_added() -> None:
    found = parse(b'{"A": -0.7, "B": -2, "A": -1.5}', "json")
    reply = {"choices": [{"text": "A", "finish_reason": "stop", "logprobs": {
        "tokens": ["A"], "token_logprobs": [-0.7], "top_logprobs": [found]}}]}  # fmt: skip
    (token,) = read_text(reply).tokens
    assert token.logprob == -0.7
    assert [value for _, value in token.top] == [-0.7, -1.5, -2.0]
    merged = label_logprob(token.top, "A")
    assert merged == pytest.approx(math.log(math.exp(-0.7) + math.exp(-1.5)))
    listed = [{"token": t, "logprob": v} for t, v in (("A", -1.5), ("A", -0.7), ("B", -2))]
    chat = {"choices": [{"message": {"content": "A"}, "logprobs": {"content": [
        {"token": "A", "logprob": -0.7, "top_logprobs": listed}]}}]}  # fmt: skip
    assert read_chat(chat).tokens[0].top == token.top


@pytest.mark.parametrize(
    ("tokens", "text", "place"),
    [
        (["So", " [[", "A", "]]"], "So [[A]]", 2),
        ([" So", " [[", "A", "]]"], "So [[A]]", 2),
        (["So", "\u0120[[", "A", "]]"], "So [[A]]", -1),
        (["So", "bytes:\\xe2\\x82\\xac", "[[", "A", "]]"], "So\u20ac[[A]]", -1),
        (["So", " [[", "A", "]] \n"], "So [[A]]", 2),
        (["So"], "So [[A]]", -1),
        ([], "So [[A]]", -1),
    ],
)
def test_a_place_in_a_text_is_that_of_its_token_or_none(
    tokens: list[str], text: str, place: int
) -> None:
    made = tuple(Token(token, -0.1, ((token, -0.1),)) for token in tokens)
    found = generation(Reply(text, made, True, 7), Ending())
    assert found.token_at(text.index("A")) == place
    assert found.token_logprobs == [-0.1] * len(tokens)


@pytest.mark.parametrize("kind", ["gguf", "textsynth"])
def test_models_of_lm_evals_that_post_by_themselves_are_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=f"--judge {kind}: lm-eval sends its requests itself"):
        load_judge(JudgeOptions(kind, {"base_url": "http://x"}, "j"))


def test_any_reply_is_read_or_refused() -> None:
    for reader in (read_text, read_chat):
        for reply in (None, 0, "x", [], {}, {"choices": [{}]}, {"choices": [[]]}):
            with pytest.raises(TryAgain):
                reader(reply)


# -- the command line ------------------------------------------------------------------------------

COMMON = ("run", "--no_report", "--data", "embedded", "--model_name", "m",
          "--tasks", "mmlu_pro_direct_law", "--limit", 6)  # fmt: skip


def over_http(server: HostileServer, out: Path, *more: object) -> list[object]:
    kind = "local-completions" if server.protocol == TEXT else "local-chat-completions"
    given = ",".join(f"{name}={value}" for name, value in arguments(server).items())
    return [*COMMON, "--model", kind, "--model_args", given, "--output_path", out, *more]


def test_the_command_line_keeps_the_rest_and_asks_again(tmp_path: Path, cli: Run) -> None:
    store = tmp_path / "m/mmlu_pro_direct"
    chosen = ("--apply_chat_template", "--estimators", "option_entropy,p_true,truncated_entropy")
    with hostile(CHAT, "has half a character in its text") as server:
        server.victims = {3, 9}  # a question's answer, and a probe's reply
        done = cli(*over_http(server, tmp_path, *chosen))
        assert done.returncode == 1, done.stderr
        last = done.stderr.splitlines()[-1]
        assert "m gave no answer to 1 of 6 questions" in last
        assert "m gave no self_report p_true to " in last
        assert "half of a character (lone surrogate '\\ud83d')" in last
        assert "(all else is stored)" in last
        assert len(rows(store, "answer")) == 5
        assert 4 <= len(rows(store, "self_report")) <= 5
        assert {row["signal"] for row in read_failures(store)} == {"answer", "self_report"}
        assert (
            "only 3 top log-probabilities stored, 10 needed: truncated_entropy skipped"
            in done.stderr
        )
        server.victims = set()
        done = cli(*over_http(server, tmp_path, *chosen))
        assert done.returncode == 0, done.stderr
    assert read_failures(store) == []
    assert len(rows(store, "answer")) == len(rows(store, "self_report")) == 6


def test_the_command_line_keeps_the_rest_of_a_judge(tmp_path: Path, cli: Run) -> None:
    store = tmp_path / "m/mmlu_pro_direct"
    with hostile(JUDGE, "redirects with 302") as server:
        server.victims = {3}
        given = ",".join(f"{name}={value}" for name, value in arguments(server).items())
        judge = ("--judge", "local-chat-completions", "--judge_args", given, "--judge_name", "j")
        model = ("--model_args", "pretrained=embedded", "--device", "cpu")
        chosen = ("--estimators", "masj_complexity", "--output_path", tmp_path)
        done = cli(*COMMON, *model, *chosen, *judge)
        assert done.returncode == 1, done.stderr
        last = done.stderr.splitlines()[-1]
        assert "judge j gave no reply to complexity on 1 of 6 questions, first: http:" in last
        assert f"HTTP 302, a redirect to http://localhost:{server.port}/x" in last
    assert len(rows(store, "judgement")) == 5
    (row,) = read_failures(store)
    assert row["source"] == "j"


def test_the_command_line_ends_in_time_however_slow_the_endpoint(tmp_path: Path) -> None:
    with hostile(TEXT, "drips a header") as server:
        server.victims = {2, 4}
        command = [
            str(word) for word in over_http(server, tmp_path, "--estimators", "option_entropy")
        ]
        done = subprocess.run(
            [sys.executable, "-m", "apprehend.benchmark", *map(str, command)],
            capture_output=True, text=True, check=False, env=environment(), timeout=60,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert "no answer to 2 of 6 questions" in done.stderr
        assert "no reply within 0.3 s" in done.stderr
    assert len(rows(tmp_path / "m/mmlu_pro_direct", "answer")) == 4


def test_the_command_line_names_both_addresses_of_a_redirect(tmp_path: Path, cli: Run) -> None:
    with hostile(TEXT, "redirects with 307") as server:
        server.everyone = True
        done = cli(*over_http(server, tmp_path, "--estimators", "option_entropy"))
        assert done.returncode == 1, done.stderr
        (line,) = [line for line in done.stderr.splitlines() if "error" in line]
        assert f"{server.url}: HTTP 307, a redirect to http://localhost:{server.port}/x" in line
        assert len(server.asked) == 1
