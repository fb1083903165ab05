"""Endpoints whose models think: each behavior of servers that public threads describe.

A server on the loopback interface answers as they do: the reasoning in a field of its own (under
either name), no content while the model thinks, log-probabilities of the reasoning among those of
the answer or of neither, stop texts that end a thought, placeholders instead of log-probabilities.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from apprehend.benchmark.console.errors import UsageError
from apprehend.benchmark.endpoints.budget import Budget
from apprehend.benchmark.engines.endpoint import alignment
from apprehend.benchmark.engines.endpoint.completions import CompletionsEngine
from apprehend.benchmark.engines.shared.engine import ChoicePrompt, Failed, Generation, Sampling
from apprehend.benchmark.run.asking.thought_budget import with_budget
from faulty_server import Server, serving
from helpers import in_process, rows

THOUGHT = ["<think>", "\n", "It", " could", " be", " [[", "A", "]].", "\nQuestion", ":", " which",
           "?", "\n", "</think>"]  # fmt: skip
ANSWER = ["\n\n", "The", " answer", " is", " [[", "B", "]]."]
STOP = "\nQuestion:"
MESSAGES = json.dumps([{"role": "user", "content": "Which one?"}])
Reply = dict[str, Any]


def tokens(texts: list[str], logprob: float | None = None) -> list[Reply]:
    """Log-probabilities as OpenAI's chat protocol has them, different at each place."""
    made = []
    for place, text in enumerate(texts):
        value = math.log(0.6 + 0.01 * place) if logprob is None else logprob
        other = math.log(0.1) if logprob is None else logprob
        top = [{"token": text, "logprob": value}, {"token": "C", "logprob": other}]
        made.append({"token": text, "logprob": value, "top_logprobs": top})
    return made


def replying(
    *,
    field: str | None = "reasoning_content",
    covers: str = "all",
    stops_in_thought: bool = False,
    logprob: float | None = None,
    null: bool = True,
    usage: bool = False,
) -> Callable[[Reply], Reply]:
    """Return a server's function from payload to reply.

    Args:
        field: Where the reasoning goes; None: into the content, "": nowhere.
        covers: What log-probabilities there are: of all, the answer, nothing, or other text.
        stops_in_thought: Whether stop texts act in the thought.
        logprob: The same value for all tokens.
        null: Whether the content is null while the model thinks.
        usage: Whether the usage counts reasoning tokens.
    """

    def answer(payload: Reply) -> Reply:
        template = payload.get("chat_template_kwargs") or {}
        thought = [] if template.get("enable_thinking") is False else THOUGHT
        written = [*thought, *ANSWER][: payload["max_tokens"]]
        finish = "stop" if len(written) == len([*thought, *ANSWER]) else "length"
        if stops_in_thought and payload.get("stop") and "\nQuestion" in written:
            written = written[: written.index("\nQuestion")]
            finish = "stop"
        thinking, said = written[: len(thought)], written[len(thought) :]
        reasoning = "".join(thinking).removeprefix("<think>").removesuffix("</think>").strip()
        content: str | None = "".join(said).strip()
        message: Reply = {"role": "assistant"}
        if field is None:
            content = "".join(written)
        elif field and thinking:
            message[field] = reasoning
        if not said and null and field is not None:
            content = None
        kept = {"all": written, "answer": said, "nothing": [], "other": ["no", " such"]}[covers]
        shown = {"content": tokens(kept, logprob)} if payload.get("logprobs") and kept else None
        choice = {"index": 0, "finish_reason": finish, "logprobs": shown,
                  "message": {**message, "content": content}}  # fmt: skip
        counts: Reply = {"prompt_tokens": 5, "completion_tokens": len(written)}
        if usage:
            counts["completion_tokens_details"] = {"reasoning_tokens": len(thinking)}
        return {"choices": [choice], "usage": counts}

    return answer


def engine(server: Server, fields: Reply | None = None, **more: Any) -> CompletionsEngine:
    arguments = {"model": "m", "base_url": server.url, "max_retries": 1, **more}
    return CompletionsEngine("local-chat-completions", arguments, Budget(), fields or {})


def written(found: CompletionsEngine, most: int = 64) -> Generation:
    (text,) = found.generate([MESSAGES], most, [STOP])
    assert isinstance(text, Generation), text
    return text


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])  # vllm#27755
@pytest.mark.parametrize("covers", ["all", "answer"])  # sglang#25055
def test_the_answer_token_is_never_taken_from_the_reasoning(field: str, covers: str) -> None:
    with serving(answer=replying(field=field, covers=covers)) as server:
        found = engine(server)
        text = written(found)
    assert found.thinking is not None
    assert text.text == "The answer is [[B]]."
    assert text.reasoning == "It could be [[A]].\nQuestion: which?"
    assert text.answer_start == 0
    begin = len(THOUGHT) if covers == "all" else 0
    assert text.answer_token == begin + 1  # the stripped line break before it is the model's too
    position = text.token_at(text.text.index("B"))
    assert position == begin + ANSWER.index("B")
    known = text.label_logprobs(position, ["A", "B", "C"])
    assert known is not None
    assert known[1] == text.token_logprobs[position]
    assert known[2] == pytest.approx(math.log(0.1))
    assert text.tokens_missing is None


def test_log_probabilities_of_other_text_are_not_used() -> None:
    with serving(answer=replying(covers="other")) as server:
        text = written(engine(server))
    assert text.token_logprobs == []
    assert text.tokens_missing == alignment.OTHER_TEXT
    assert text.answer_token == -1


def test_replies_with_reasoning_may_come_without_log_probabilities() -> None:
    """sglang#28456: the probe's reply has some, replies of a reasoning parser none."""
    chatty, mute = replying(field=""), replying(covers="nothing")

    def answer(payload: Reply) -> Reply:
        return (chatty if payload["max_tokens"] == 1 else mute)(
            {**payload, "chat_template_kwargs": {"enable_thinking": payload["max_tokens"] > 1}}
        )

    with serving(answer=answer) as server:
        text = written(engine(server))
    assert text.tokens_missing == alignment.NOT_SHOWN
    assert text.text == "The answer is [[B]]."


def test_no_log_probabilities_at_all_are_noticed() -> None:
    """ollama#16117: the request's fields are dropped without a word."""
    with serving(answer=replying(field="reasoning", covers="nothing")) as server:
        text = written(engine(server))
    assert (text.text, text.tokens_missing) == ("The answer is [[B]].", alignment.NOT_SHOWN)
    plain = replying(covers="nothing")
    with serving(
        answer=lambda p: plain({**p, "chat_template_kwargs": {"enable_thinking": False}})
    ) as server:
        found = engine(server)
        text = written(found)
    assert found.identity["top_logprobs"] == 0
    assert "no log-probabilities" in str(found.identity["lacks"])
    assert (text.text, text.tokens_missing) == ("The answer is [[B]].", None)


@pytest.mark.parametrize("most", [1, 5, len(THOUGHT)])
@pytest.mark.parametrize("null", [True, False])
def test_content_is_null_or_empty_while_the_model_thinks(most: int, null: bool) -> None:
    """vllm#52393, lm-eval#3382: a cut thought is no answer, whatever it says."""
    with serving(answer=replying(null=null)) as server:
        text = written(engine(server), most)
    assert (text.text, text.answer_start, text.finished) == ("", None, most == 64)
    assert text.answer_token == len(text.token_logprobs) == most


def test_reasoning_that_only_the_usage_tells_of() -> None:
    with serving(answer=replying(field="", covers="nothing", usage=True)) as server:
        cut = written(engine(server), 6)
        whole = written(engine(server))
    assert (cut.text, cut.answer_start, cut.reasoning) == ("", None, "")
    assert (whole.text, whole.answer_start) == ("The answer is [[B]].", 0)


def test_thoughts_in_the_content_are_told_by_their_marks() -> None:
    with serving(answer=replying(field=None)) as server:
        found = engine(server)
        whole, cut = written(found), written(found, 9)
    assert whole.answer_text.strip() == "The answer is [[B]]."
    assert whole.answer_token == len(THOUGHT)
    assert cut.answer_start is None


@pytest.mark.parametrize("stops", [True, False])
def test_marks_that_a_server_leaves_out_of_the_text_are_among_its_tokens(stops: bool) -> None:
    """vLLM skips special tokens in texts, and so in stop texts; a thought looks like an answer."""
    reply = replying(field=None, stops_in_thought=stops)

    def answer(payload: Reply) -> Reply:
        made = reply(payload)
        message = made["choices"][0]["message"]
        for mark in ("<think>", "</think>"):
            message["content"] = message["content"].replace(mark, "")
        message["content"] = message["content"].strip()
        return made

    with serving(answer=answer) as server:
        found = engine(server)
        whole, cut = written(found), written(found, 9)
    assert whole.answer_text.strip() == "The answer is [[B]]."
    assert whole.answer_token == len(THOUGHT)
    assert whole.token_at(whole.text.index("B")) == len(THOUGHT) + ANSWER.index("B")
    assert cut.answer_start is None


def test_a_cut_thought_that_the_server_takes_for_an_answer() -> None:
    """A parser that finds no closing mark returns the thought as content."""
    reply = replying()

    def answer(payload: Reply) -> Reply:
        made = reply(payload)
        message = made["choices"][0]["message"]
        if payload["max_tokens"] > 1 and message["content"] is None:
            message["content"] = message.pop("reasoning_content")
        return made

    with serving(answer=answer) as server:
        text = written(engine(server), 9)
    assert "[[A]]" in text.text
    assert text.answer_start is None


def test_stop_texts_are_not_sent_to_a_model_that_thinks() -> None:
    """vllm#52393, vllm#53066: the server looks for them in the thought too."""
    with serving(answer=replying(stops_in_thought=True)) as server:
        text = written(engine(server))
        assert all("stop" not in payload for payload in server.payloads)
    assert text.text == "The answer is [[B]]."


def test_a_thought_that_a_stop_text_ended_is_asked_for_again() -> None:
    """The probe's reply shows no reasoning: the first text tells that the model thinks."""
    hidden = replying(field=None, stops_in_thought=True)

    def answer(payload: Reply) -> Reply:
        if payload["max_tokens"] == 1:
            payload = {**payload, "chat_template_kwargs": {"enable_thinking": False}}
        return hidden(payload)

    with serving(answer=answer) as server:
        found = engine(server)
        texts = [written(found), written(found)]
        sent = ["stop" in payload for payload in server.payloads if payload["max_tokens"] > 1]
    assert sent == [True, False, False]
    assert all(text.answer_text.strip() == "The answer is [[B]]." for text in texts)


def test_stop_texts_are_not_sent_where_they_are_refused() -> None:
    plain = replying(field="", covers="answer")

    def answer(payload: Reply) -> Reply:
        return plain({**payload, "chat_template_kwargs": {"enable_thinking": False}})

    with serving(answer=answer) as server:
        found = engine(server)
        server.refused_field = "stop"
        texts = [written(found), written(found)]
        sent = ["stop" in payload for payload in server.payloads if payload["max_tokens"] > 1]
    assert sent == [True, False, False]
    assert {text.text for text in texts} == {"The answer is [[B]]."}


def test_a_thought_that_the_model_itself_ends_is_no_answer() -> None:
    """vllm#53066: no content, and a reason to finish that looks like an answer's."""
    reply = replying()

    def answer(payload: Reply) -> Reply:
        made = reply({**payload, "max_tokens": min(payload["max_tokens"], 8)})
        made["choices"][0]["finish_reason"] = "stop"
        return made

    with serving(answer=answer) as server:
        text = written(engine(server))
    assert (text.text, text.finished, text.answer_start) == ("", True, None)
    assert text.reasoning == "It could be [[A]]."


def test_what_is_said_to_be_greedy_is_asked_greedily(monkeypatch: pytest.MonkeyPatch) -> None:
    """lm-eval#3247: lm-eval draws the texts of models with certain letters in their names."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with serving(answer=in_tokens(replying())) as server:
        arguments = {"model": "qwen2.5-o1", "base_url": server.url, "max_retries": 1}
        found = CompletionsEngine("openai-chat-completions", arguments, Budget(), {})
        written(found)
        found.generate([MESSAGES], 64, (), Sampling(0.7, [[3]]))
        sent = [payload["temperature"] for payload in server.payloads]
    assert sent == [0.0, 0.0, 0.7]


def in_tokens(answer: Callable[[Reply], Reply]) -> Callable[[Reply], Reply]:
    """Read the limit of a request from the field that OpenAI's newer models have for it."""
    return lambda p: answer({**p, "max_tokens": p.get("max_tokens", p["max_completion_tokens"])})


@pytest.mark.parametrize("takes_one", [True, False])
def test_models_that_take_no_temperature_draw_their_texts(takes_one: bool) -> None:
    """lm-eval#3247: neither temperature 0 nor stop texts; some take no temperature at all."""

    def refuses(payload: Reply) -> str:
        if "stop" in payload:
            return "Unsupported parameter: 'stop' is not supported with this model."
        if payload.get("temperature", 1) != 1 or ("temperature" in payload and not takes_one):
            return "Unsupported value: 'temperature' does not support 0 with this model."
        return ""

    plain = replying(field="", covers="answer")

    def answer(payload: Reply) -> Reply:
        return plain({**payload, "chat_template_kwargs": {"enable_thinking": False}})

    with serving(answer=answer) as server:
        server.refuses = refuses
        found = engine(server)
        (greedy,) = found.generate([MESSAGES], 64, [STOP])
        drawn = found.generate([MESSAGES] * 2, 64, [STOP], Sampling(1.0, [[1], [2]]))
        (warm,) = found.generate([MESSAGES], 64, [STOP], Sampling(0.7, [[1]]))
    for failed in (greedy, warm):
        assert isinstance(failed, Failed)
        assert "--gen_kwargs temperature=1" in failed.reason
    for text in drawn:
        assert isinstance(text, Generation)
        assert text.text == "The answer is [[B]]."
        assert text.token_logprobs


def test_zeros_everywhere_are_no_log_probabilities(caplog: pytest.LogCaptureFixture) -> None:
    """llama.cpp#27972: every token has probability 1 under speculative decoding."""
    good, zeros = replying(), replying(logprob=0.0)
    with serving(answer=lambda p: (good if p["max_tokens"] == 1 else zeros)(p)) as server:
        found = engine(server)
        texts = [written(found), written(found)]
    assert {text.tokens_missing for text in texts} == {alignment.PLACEHOLDERS}
    assert all(text.token_logprobs == [] for text in texts)
    said = [r for r in caplog.records if alignment.PLACEHOLDERS in r.getMessage()]
    assert len(said) == 1
    with serving(answer=zeros) as server:
        assert engine(server).identity["top_logprobs"] == 0


def test_options_are_not_scored_on_the_first_token_of_a_thought() -> None:
    prompt = ChoicePrompt(MESSAGES, ("A", "B"), 2)
    for field in ("reasoning", None):
        with serving(answer=replying(field=field)) as server:
            (answer,) = engine(server).score([prompt])
        assert isinstance(answer, Failed)
        assert "the model thinks before it answers" in answer.reason


def test_arguments_of_thinking_reach_the_request() -> None:
    """The arguments of the template and other fields, values intact."""
    with serving(answer=replying()) as server:
        found = engine(
            server,
            {"chat_template_kwargs": {"thinking": True, "budget": [1, "2"]}, "min_p": 0.1},
            reasoning_effort="low",
        )
        written(found)
        last = server.payloads[-1]
    assert last["reasoning_effort"] == "low"
    assert last["min_p"] == 0.1
    assert last["chat_template_kwargs"] == {"thinking": True, "budget": [1, "2"]}
    with serving(answer=replying()) as server:
        off = engine(server, enable_thinking=False, chat_template_args={"lang": "en"})
        text = written(off)
        fields = server.payloads[-1]["chat_template_kwargs"]
    assert fields == {"lang": "en", "enable_thinking": False}
    assert off.thinking is None
    assert (text.text, text.reasoning, text.answer_start) == ("The answer is [[B]].", None, 0)
    with pytest.raises(UsageError, match="enable_thinking: expected True or False"):
        engine(replace(server), enable_thinking="perhaps")


def test_a_chat_endpoint_cannot_be_forced() -> None:
    with serving(answer=replying()) as server, pytest.raises(UsageError, match="thinking_budget"):
        with_budget(engine(server), 10)


def test_a_run_over_http_stores_reasoning_apart(tmp_path: Path) -> None:
    with serving(answer=replying(field="reasoning")) as server:
        common = (
            *("run", "--model", "local-chat-completions", "--apply_chat_template", "--model_args"),
            *(f"model=m,base_url={server.url}", "--data", "embedded", "--limit", 2, "--tasks"),
        )
        more = (
            *("--no_report", "--output_path", tmp_path, "--gen_kwargs"),
            '{"max_gen_toks": 64, "chat_template_kwargs": {"level": "1"}}',
        )
        chosen = "perplexity(part=reasoning),perplexity(part=answer),cot_max_probability"
        done = in_process([*common, "mmlu_pro_cot_law", *more, "--estimators", chosen], tmp_path)
        assert done.returncode == 0, done.stderr
        assert server.payloads[-1]["chat_template_kwargs"] == {"level": "1"}
        direct = in_process([*common, "mmlu_pro_direct_law", *more], tmp_path)
    assert "may think before it answers" in direct.stderr
    assert direct.returncode == 1
    traces = rows(tmp_path / "m/mmlu_pro_cot", "trace")
    assert set(traces.text) == {"The answer is [[B]]."}
    assert all("could be [[A]]" in reasoning for reasoning in traces.reasoning)
    assert set(traces.answer_start) == {len(THOUGHT) + 1}
    assert set(traces.answer) == {1}
    scores = pd.read_parquet(tmp_path / "m/mmlu_pro_cot/scores.parquet")
    assert scores.groupby("estimator").score.count().tolist() == [2, 2, 2]
    manifest = json.loads((tmp_path / "m/mmlu_pro_cot/manifest.json").read_text())
    assert manifest["task"]["request_fields"] == {"chat_template_kwargs": {"level": "1"}}
    refused = in_process(
        [*common, "mmlu_pro_cot_law", "--no_report", "--output_path", tmp_path], tmp_path
    )
    assert refused.returncode == 2
    assert "request" in refused.stderr
