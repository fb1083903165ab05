"""vLLM's own server behind the endpoints' engine: the same numbers as the hf engine's."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.endpoints.budget import Budget
from apprehend.benchmark.engines.endpoint.completions import CompletionsEngine
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import ChoicePrompt, Failed, Generation
from apprehend.tasks.dataset import embedded_file
from helpers import environment, rows
from real_servers import serving
from thinking_cases import LABELS, MESSAGES, MOST, STOP, asked
from thinking_styles import STYLES, write_style
from vllm_runs import CLOSE, apart, apprehend, arguments, differences, hf, needs_vllm, with_vllm

pytestmark = needs_vllm
TASKS = "mmlu_pro_direct_law,mmlu_pro_direct_math,mmlu_pro_cot_law,mmlu_pro_cot_math"
ESTIMATORS = "option_entropy,perplexity,forced_option_entropy,answer_convergence"


@contextlib.contextmanager
def vllm_server(model: Path, log: Path, *more: str) -> Iterator[str]:
    """Serve a model by vLLM; gives the address."""
    command = (sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", model,
               "--served-model-name", "m", "--dtype", "float32", "--enforce-eager",
               "--no-enable-chunked-prefill", *more)  # fmt: skip
    with serving(command, "/health", with_vllm(), log, 600) as address:
        yield f"{address}/v1"


def test_answers_traces_and_forced_answers(tmp_path: Path) -> None:
    """With the log-probabilities of all 1,895 tokens of the vocabulary."""
    model = embedded_file("model")
    with vllm_server(model, tmp_path / "log", "--max-logprobs", "1895") as url:
        given = f"model=m,base_url={url}/completions,tokenizer={model},top_logprobs=1895"
        done = apprehend(
            [*arguments(tmp_path / "http", TASKS, 8, ESTIMATORS),
             "--model", "local-completions", "--model_args", given], environment(),
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    hf(*arguments(tmp_path / "hf", TASKS, 8, ESTIMATORS))

    def both(task: str, signal: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        mine, theirs = (rows(tmp_path / f / "m" / task, signal) for f in ("http", "hf"))
        assert len(mine) == 16
        return mine, theirs

    mine, theirs = both("mmlu_pro_direct", "answer")
    same = ["question_id", "answer", "status", "correct", "prompt_tokens"]
    pd.testing.assert_frame_equal(mine[same], theirs[same])
    for name in ("option_logprobs", "scored_logprobs"):
        assert apart(mine[name], theirs[name]) < CLOSE, name
    mine, theirs = both("mmlu_pro_cot", "trace")
    same = ["question_id", "text", "answer", "status", "prompt_tokens", "finished"]
    pd.testing.assert_frame_equal(mine[same], theirs[same])
    for name in ("answer_position", "token_logprobs"):
        assert apart(mine[name], theirs[name]) < CLOSE, name
    # Texts come with twenty alternatives per token: labels beyond share what is missing.
    shown, known = (t.option_logprobs.map(np.exp) for t in (mine, theirs))
    assert apart(shown, known) < CLOSE
    mine, theirs = both("mmlu_pro_cot", "forced_answers")
    for name in ("points", "answers", "option_logprobs"):
        assert apart(mine[name], theirs[name]) < CLOSE, name


@pytest.mark.parametrize("style", STYLES)
def test_thinking_models_over_the_text_protocol(tmp_path: Path, style: str) -> None:
    """Marks, stop texts, budgets and forced answers; the tokenizer on this side renders prompts."""
    model = write_style(tmp_path / style, STYLES[style])
    theirs = asked(HFEngine({"pretrained": str(model), "dtype": "float32"}, 8, "cpu"))
    size = json.loads((model / "config.json").read_text())["vocab_size"]
    with vllm_server(model, tmp_path / "log", "--max-logprobs", str(size)) as url:
        given = {"model": "m", "base_url": f"{url}/completions", "tokenizer": str(model),
                 "top_logprobs": size}  # fmt: skip
        mine = asked(CompletionsEngine("local-completions", given, Budget()))
    # A space and a letter, two tokens here, are a label's other spelling: an endpoint shows one.
    for found in (mine, theirs):
        found["forced"] = np.exp(found["forced"]).tolist()
    assert differences(mine, json.loads(json.dumps(theirs))) == []


def test_reasoning_of_a_chat_endpoint_stands_apart(tmp_path: Path) -> None:
    """The server's parser moves it into a field; log-probabilities cover both parts."""
    model = write_style(tmp_path / "qwen3", STYLES["qwen3"])
    prompt = json.dumps(MESSAGES)
    with vllm_server(model, tmp_path / "log", "--reasoning-parser", "qwen3") as url:
        given = {"model": "m", "base_url": f"{url}/chat/completions"}
        engine = CompletionsEngine("local-chat-completions", given, Budget())
        assert engine.thinking is not None
        (text, *cut) = (engine.generate([prompt], most, [STOP])[0] for most in (MOST, 1, 3, 6))
        (scored,) = engine.score([ChoicePrompt(prompt, LABELS, len(LABELS))])
    assert isinstance(scored, Failed)
    assert isinstance(text, Generation)
    assert text.answer_text.strip() == "The answer is [[B]]."
    assert "[[A]]" in str(text.reasoning)
    position = text.token_at(text.text.index("B"))
    assert position == text.answer_token + 1
    known = text.label_logprobs(position, LABELS)
    assert known is not None
    assert known[1] == text.token_logprobs[position]
    for part in cut:
        assert isinstance(part, Generation)
        assert (part.text, part.answer_start, part.finished) == ("", None, False)
