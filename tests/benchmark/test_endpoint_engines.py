"""Evaluated models behind endpoints: a real model over HTTP gives the ``hf`` engine's numbers."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.console.errors import ApprehendError, UsageError
from apprehend.benchmark.endpoints.budget import Budget
from apprehend.benchmark.endpoints.request_errors import TryAgain
from apprehend.benchmark.engines.endpoint.completions import CompletionsEngine
from apprehend.benchmark.engines.endpoint.tokens import (
    Token,
    label_logprob,
    label_logprobs,
    read_logprob,
)
from apprehend.benchmark.engines.shared.engine import ChoicePrompt, Failed
from apprehend.benchmark.store.failures import read_failures
from completions_server import completing
from faulty_server import Server, serving
from helpers import Run, rows

TASKS = "mmlu_pro_direct_law,mmlu_pro_direct_math"
COMMON = ("run", "--no_report", "--data", "embedded", "--limit", 12)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    answer, lock = completing(), threading.Lock()

    def one_at_a_time(payload: dict[str, Any]) -> dict[str, Any]:
        with lock:
            return answer(payload)

    with serving("/v1/completions", answer=one_at_a_time) as running:
        yield running


def run_over_http(cli: Run, server: Server, out: Path, kind: str, *more: object) -> Any:
    url = server.url if "chat" not in kind else server.url.replace("/v1/", "/v1/chat/")
    return cli(*COMMON, "--model", kind, "--model_name", "m", "--output_path", out,
               "--model_args", f"model=m,base_url={url},num_concurrent=4", *more)  # fmt: skip


def run_locally(cli: Run, out: Path, *more: object) -> None:
    done = cli(*COMMON, "--model_args", "pretrained=embedded", "--model_name", "m", "--device",
               "cpu", "--output_path", out, *more)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "more"),
    [("local-completions", ()), ("local-chat-completions", ("--apply_chat_template",))],
)
def test_option_logprobs_equal_those_of_the_hf_engine(
    server: Server, tmp_path: Path, cli: Run, kind: str, more: tuple[str, ...]
) -> None:
    done = run_over_http(cli, server, tmp_path / "http", kind, "--tasks", TASKS, *more)
    assert done.returncode == 0, done.stderr
    run_locally(cli, tmp_path / "hf", "--tasks", TASKS, *more)
    over, local = (rows(tmp_path / f / "m/mmlu_pro_direct", "answer") for f in ("http", "hf"))
    assert over.question_id.tolist() == local.question_id.tolist()
    for mine, theirs, missing in zip(
        over.option_logprobs, local.option_logprobs, over.missing_mass, strict=True
    ):
        if kind == "local-completions":
            np.testing.assert_allclose(mine, theirs, atol=1e-2)
            continue
        # Of 20 shown tokens a spelling of a label may be missing, and no more than it is lost.
        hidden = np.exp(theirs) - np.exp(mine)
        close = np.isclose(mine, theirs, atol=1e-2)
        assert np.all(close | ((hidden >= 0) & (hidden <= missing)))
        assert close.mean() >= 0.8
    for mine, theirs in zip(over.top_logprobs, local.top_logprobs, strict=True):
        np.testing.assert_allclose(mine[:20], theirs[:20], atol=1e-2)
    assert over.answer.tolist() == local.answer.tolist()
    assert over.status.tolist() == local.status.tolist()
    assert over.prompt_tokens.tolist() == local.prompt_tokens.tolist()
    assert over.entropy.isna().all()
    assert ((over.missing_mass >= 0) & (over.missing_mass < 0.05)).all()


@pytest.mark.slow
def test_what_an_endpoint_cannot_show_is_said_and_skipped(
    server: Server, tmp_path: Path, cli: Run
) -> None:
    done = run_over_http(
        cli, server, tmp_path, "local-completions", "--tasks", TASKS, "--samples", 3,
        "--estimators", "token_entropy,option_entropy,truncated_entropy,vote_entropy",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (
        "no answer.entropy: an endpoint shows its most likely tokens only: token_entropy skipped"
    ) in done.stderr
    scores = pd.read_parquet(tmp_path / "m/mmlu_pro_direct/scores.parquet")
    assert set(scores.estimator) == {"option_entropy", "truncated_entropy", "vote_entropy"}
    assert scores.score.notna().all()
    manifest = json.loads((tmp_path / "m/mmlu_pro_direct/manifest.json").read_text())
    assert manifest["model"]["logprobs_mode"] == "as the endpoint gives them"
    refused = run_over_http(
        cli, server, tmp_path, "local-completions", "--tasks", TASKS,
        "--estimators", "hidden_state_probe",
    )  # fmt: skip
    assert refused.returncode == 2


@pytest.mark.slow
def test_traces_over_http(server: Server, tmp_path: Path, cli: Run) -> None:
    tasks = ("--tasks", "mmlu_pro_cot_law")
    done = run_over_http(cli, server, tmp_path / "http", "local-completions", *tasks)
    assert done.returncode == 0, done.stderr
    run_locally(cli, tmp_path / "hf", *tasks)
    over, local = (rows(tmp_path / f / "m/mmlu_pro_cot", "trace") for f in ("http", "hf"))
    same = over.text.str.strip() == local.text.str.strip()
    assert same.mean() > 0.9, pd.concat([over.text, local.text], axis=1).to_string()
    for mine, theirs in zip(over[same].itertuples(), local[same].itertuples(), strict=True):
        assert mine.answer == theirs.answer or (pd.isna(mine.answer) and pd.isna(theirs.answer))
        assert mine.answer_position == theirs.answer_position or pd.isna(theirs.answer_position)
        np.testing.assert_allclose(mine.token_logprobs, theirs.token_logprobs, atol=1e-2)


@pytest.mark.slow
def test_questions_that_fail_are_noted_and_asked_again(
    server: Server, tmp_path: Path, cli: Run
) -> None:
    before = len(server.payloads)
    server.script += ["", "", "status 400", "", "status 400"]
    arguments = ("--tasks", "mmlu_pro_direct_law", "--estimators", "option_entropy")
    done = run_over_http(cli, server, tmp_path, "local-completions", *arguments)
    assert done.returncode == 1
    assert (
        "m gave no answer to 2 of 12 questions of mmlu_pro_direct, first: HTTP 400"
        in (done.stderr.splitlines()[-1])
    )
    store = tmp_path / "m/mmlu_pro_direct"
    assert len(read_failures(store)) == 2
    assert len(rows(store, "answer")) == 10
    asked = len(server.payloads) - before
    done = run_over_http(cli, server, tmp_path, "local-completions", *arguments)
    assert done.returncode == 0, done.stderr
    assert len(server.payloads) - before - asked == 3  # one probes the endpoint
    assert read_failures(store) == []
    assert len(rows(store, "answer")) == 12


def test_the_request_budget_holds_for_the_model_too(
    server: Server, tmp_path: Path, cli: Run
) -> None:
    before = len(server.payloads)
    done = run_over_http(
        cli, server, tmp_path, "local-completions", "--tasks", "mmlu_pro_direct_law",
        "--max_requests", 6, "--estimators", "option_entropy",
    )  # fmt: skip
    assert done.returncode == 1
    assert "the budget of 6 requests is spent" in done.stderr.splitlines()[-1]
    assert len(server.payloads) - before == 6
    assert len(rows(tmp_path / "m/mmlu_pro_direct", "answer")) == 5


def engine(server: Server, **more: Any) -> CompletionsEngine:
    arguments = {"model": "m", "base_url": server.url, **more}
    return CompletionsEngine("local-completions", arguments, Budget())


PROMPT = ChoicePrompt("Question: x\nA. a\nB. b\nAnswer:", (" A", " B"), 2)


def test_the_largest_granted_number_of_logprobs_is_used(server: Server) -> None:
    with serving("/v1/completions", script=["status 400", "status 422"],
                 answer=completing()) as strict:  # fmt: skip
        found = engine(strict)
        assert found.identity["top_logprobs"] == 20
        (answer,) = found.score([PROMPT])
    assert isinstance(answer, Failed) is False
    assert len(answer.top_logprobs) == 20


@pytest.mark.slow
def test_an_endpoint_without_logprobs_writes_and_scores_no_options(
    server: Server, tmp_path: Path, cli: Run
) -> None:
    def silent(payload: dict[str, Any]) -> dict[str, Any]:
        reply = server.answer({**payload, "logprobs": 1})
        for choice in reply["choices"]:
            del choice["logprobs"]
        return reply

    cot = ("--tasks", "mmlu_pro_cot_law", "--limit", 4)
    with serving("/v1/completions", answer=silent) as mute:
        found = engine(mute)
        with pytest.raises(ApprehendError, match="hold no log-probabilities; ask for a chain of"):
            found.score([PROMPT])
        direct = run_over_http(cli, mute, tmp_path / "d", "local-completions", "--tasks", TASKS)
        assert direct.returncode == 1
        assert "cannot score options: its replies hold no log-prob" in direct.stderr
        done = run_over_http(
            cli, mute, tmp_path / "http", "local-completions", *cot, "--samples", 2,
            "--estimators", "vote_entropy(samples=cot),perplexity,cot_max_probability,random",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "m shows no log-probabilities" in done.stderr
    why = "no log-probabilities: its replies hold no log-probabilities"
    for name, column in (
        ("perplexity", "token_logprobs"),
        ("cot_max_probability", "option_logprobs"),
    ):
        (line,) = [line for line in done.stderr.splitlines() if f": {name} skipped" in line]
        assert f"trace.{column}" in line
        assert why in line
    run_locally(cli, tmp_path / "hf", *cot)
    over, local = (rows(tmp_path / f / "m/mmlu_pro_cot", "trace") for f in ("http", "hf"))
    for column in ("text", "status", "correct"):
        assert over[column].tolist() == local[column].tolist()
    scores = pd.read_parquet(tmp_path / "http/m/mmlu_pro_cot/scores.parquet")
    assert set(scores.estimator) == {"vote_entropy(samples='cot')", "random"}


def test_an_endpoint_that_refuses_all_is_named() -> None:
    with (
        serving("/v1/completions", script=["status 400"] * 9, answer=lambda _: {}) as server,
        pytest.raises(ApprehendError, match=r"does not answer: .*400"),
    ):
        engine(server)


def test_sentinels_mean_impossible() -> None:
    with serving("/v1/completions", answer=completing(sentinel=-9999.0)) as server:
        (answer,) = engine(server).score([PROMPT])
    assert not isinstance(answer, Failed)
    assert min(answer.top_logprobs) == -math.inf
    assert answer.missing_mass < 0.05


@pytest.mark.parametrize("value", [math.nan, 0.5, "0", None, True, [0.1], math.inf])
def test_what_is_no_logprob_is_refused(value: object) -> None:
    with pytest.raises(TryAgain):
        read_logprob(value)


def test_logprobs_are_read() -> None:
    assert read_logprob(-0.5) == -0.5
    assert read_logprob(-9999) == -math.inf
    assert read_logprob(-math.inf) == -math.inf
    assert read_logprob(1e-6) == 0.0


def test_labels_merge_their_spellings_and_absent_ones_share_the_rest() -> None:
    top = ((" A", math.log(0.4)), ("A", math.log(0.2)), ("▁B", math.log(0.1)), ("x", math.log(0.1)))
    assert label_logprob(top, "A") == pytest.approx(math.log(0.6))
    assert label_logprob(top, "C") is None
    values, absent = label_logprobs(Token(" A", math.log(0.4), top), ["A", "B", "C", "D"])
    assert absent == 2
    np.testing.assert_allclose(np.exp(values), [0.6, 0.1, 0.1, 0.1])  # 0.2 is left over
    certain = ((" A", math.log(0.9)), ("x", math.log(0.04)))
    values, _ = label_logprobs(Token(" A", math.log(0.9), certain), ["A", "B"])
    np.testing.assert_allclose(np.exp(values), [0.9, 0.04])  # no more than the least shown


def test_labels_that_begin_others_are_refused(server: Server) -> None:
    prompt = ChoicePrompt("x", (" 1", " 2", " 10"), 3)
    with pytest.raises(UsageError, match="use a task with letters"):
        engine(server).score([prompt])
