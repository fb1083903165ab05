"""Thinking models in this process: marks, thoughts that are cut, stop texts, budgets, templates."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from apprehend.benchmark.engines.shared.engine import Generation, Sampling
from apprehend.benchmark.run.asking.thought_budget import with_budget
from apprehend.benchmark.run.questions.task_facts import TaskFacts
from apprehend.tasks.question_view import QuestionView
from helpers import in_process, rows
from scripted_model import GEMMA2, LOGIT, QWEN3, write_model
from thinking_styles import HARMONY_TEXT, STOP, STYLES, Style, write_style

USER = [{"role": "user", "content": "Which one?"}]
ASKED = [{"role": "system", "content": "Reply with a letter."}, *USER]


def load(folder: Path, style: Style, **more: object) -> HFEngine:
    write_style(folder, style)
    return HFEngine({"pretrained": str(folder), "dtype": "float32", **more}, device="cpu")


@pytest.fixture(scope="module", params=STYLES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> HFEngine:
    return load(tmp_path_factory.mktemp(request.param), STYLES[request.param])


def read(
    generation: Generation, own: Callable[[str, Any], int | None] | None = None
) -> tuple[int | None, int, list[float] | None]:
    view = QuestionView("Which one?", ("a", "b", "c"), ("A", "B", "C"))
    facts = TaskFacts(view=lambda row: view, own_id=lambda row, index: index,
                      read_filtered=own)  # fmt: skip
    answer, position, known = facts.read(generation, {}, "ladder")
    return None if answer is None else answer.index, position, known


def test_the_answer_is_read_behind_the_thought(engine: HFEngine) -> None:
    (text,) = engine.generate([engine.chat(USER)], 64, [STOP])
    assert engine.thinking is not None
    assert text.finished
    assert text.answer_text.strip() == "The answer is [[B]]."
    assert "[[A]]" in text.text
    answer, position, known = read(text)
    assert answer == 1
    assert position == len(text.token_logprobs) - 2
    assert text.answer_token == position - 1
    assert known is not None
    assert np.argmax(known) == 1
    assert known[1] == pytest.approx(text.token_logprobs[position], abs=1e-5)


def test_a_tasks_own_filter_reads_the_answer_alone(engine: HFEngine) -> None:
    """The filter of lm-eval's ``mmlu_pro`` takes the first letter that it finds."""
    (text,) = engine.generate([engine.chat(USER)], 64, [STOP])
    assert read(text, lambda said, row: "ABC".find(said.split("[[")[1][0]))[0] == 1


def test_stop_texts_inside_a_thought_stop_nothing(engine: HFEngine) -> None:
    (whole,) = engine.generate([engine.chat(USER)], 64)
    (stopped,) = engine.generate([engine.chat(USER)], 64, [STOP])
    assert whole.text.count(STOP) == 2
    assert whole.text.endswith("[[C]]")
    assert stopped.text == whole.text[: whole.text.rfind(STOP)]


def test_a_thought_that_is_cut_has_no_answer(engine: HFEngine) -> None:
    for most in range(1, 5):
        (text,) = engine.generate([engine.chat(USER)], most, [STOP])
        assert not text.finished
        assert text.answer_start is None
        assert text.answer_token == len(text.token_logprobs) == most
        assert read(text) == (None, -1, None)


def test_statistics_are_those_of_the_known_distribution(engine: HFEngine) -> None:
    (text,) = engine.generate([engine.chat(USER)], 64)
    count = engine.model.config.vocab_size
    rest = count - 1
    logprob = LOGIT - math.log(math.exp(LOGIT) + rest)
    np.testing.assert_allclose(text.token_logprobs, logprob, atol=1e-5)
    entropy = -math.exp(logprob) * logprob - rest * math.exp(logprob - LOGIT) * (logprob - LOGIT)
    np.testing.assert_allclose(text.token_entropies, entropy, rtol=1e-3)


def test_a_spent_budget_closes_the_thought(engine: HFEngine) -> None:
    """After the closing mark this model knows no successor: what matters is where it stands."""
    prompt = engine.chat(USER)
    for budget in (1, 3):
        (text,) = with_budget(engine, budget).generate([prompt], 12, [STOP])
        assert isinstance(text, Generation)
        assert text.thought_closed
        (part,) = engine.generate([prompt], budget)
        assert text.text.startswith(part.text)
        assert text.answer_start is not None
        ends = ("</think>", "[/THINK]", HARMONY_TEXT)
        assert text.text[: text.answer_start].rstrip().endswith(ends)
        assert text.answer_token == budget or not text.answer_text.strip()
        assert len(text.token_logprobs) <= 12
    (whole,) = with_budget(engine, 63).generate([prompt], 64, [STOP])
    assert isinstance(whole, Generation)
    assert not whole.thought_closed
    assert whole.text == engine.generate([prompt], 64, [STOP])[0].text


def test_with_a_budget_the_answer_under_way_is_not_harmed(engine: HFEngine) -> None:
    (plain,) = engine.generate([engine.chat(USER)], 64)
    begins = plain.answer_token
    (text,) = with_budget(engine, begins + 1).generate([engine.chat(USER)], 64)
    assert isinstance(text, Generation)
    assert (text.text, text.token_logprobs) == (plain.text, plain.token_logprobs)
    assert not text.thought_closed


def test_without_a_budget_prompts_hold_an_empty_thought(engine: HFEngine) -> None:
    forced = with_budget(engine, 0)
    assert forced.thinking is None
    prompt = forced.chat(USER)
    assert prompt.startswith(engine.chat(USER))
    (text,) = forced.generate([prompt], 4)
    assert isinstance(text, Generation)
    assert text.answer_start == 0


def test_samples_have_seeds_of_their_own(engine: HFEngine) -> None:
    sampling = Sampling(8.0, [[1, 2, 3]], top_p=0.9)
    texts = engine.generate([engine.chat(USER)], 6, (), sampling)
    again = engine.generate([engine.chat(USER)], 6, (), Sampling(8.0, [[2]], top_p=0.9))
    assert again[0].text == texts[1].text
    assert len({text.text for text in texts}) == 3
    certain = engine.generate([engine.chat(USER)], 6, (), Sampling(8.0, [[5]], top_k=1))
    assert certain[0].text == engine.generate([engine.chat(USER)], 6)[0].text


def test_thinking_is_turned_off_as_in_lm_eval(tmp_path: Path) -> None:
    engine = load(tmp_path, STYLES["qwen3"], enable_thinking=False)
    assert engine.chat(USER).endswith("<think>\n\n</think>\n\n")
    assert engine.thinking is None
    on = HFEngine({"pretrained": str(tmp_path), "enable_thinking": True}, device="cpu")
    assert on.thinking is not None


def test_reasoning_effort_reaches_the_template(tmp_path: Path) -> None:
    engine = load(tmp_path, STYLES["gpt_oss"], reasoning_effort="low")
    assert "Reasoning: low" in engine.chat(USER)
    args = {"pretrained": str(tmp_path), "chat_template_args": {"reasoning_effort": "high"}}
    assert "Reasoning: high" in HFEngine(args, device="cpu").chat(USER)


@pytest.mark.parametrize("mark", ["</done>", "id"])
def test_a_mark_of_the_users_own_ends_the_thought(tmp_path: Path, mark: str) -> None:
    style = Style(QWEN3.replace("think", "hmm"), "assistant\n", (), ("</done>",))
    load(tmp_path, style)
    args: dict[str, object] = {"pretrained": str(tmp_path), "think_end_token": mark}
    if mark == "id":
        plain = HFEngine({"pretrained": str(tmp_path)}, device="cpu")
        args["think_end_token"] = plain.tokenizer.convert_tokens_to_ids("</done>")
    engine = HFEngine(args, device="cpu")
    (text,) = engine.generate([engine.chat(USER)], 64, [STOP])
    assert text.answer_text.strip() == "The answer is [[B]]."
    (cut,) = engine.generate([engine.chat(USER)], 3, [STOP])
    assert cut.answer_start is None


def test_a_template_without_a_system_role_still_gets_the_instruction(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_model(tmp_path, "model\n", ("[[", "B", "]]"), GEMMA2, bos=True)
    engine = HFEngine({"pretrained": str(tmp_path)}, device="cpu")
    with caplog.at_level(logging.WARNING):
        prompts = [engine.chat(ASKED) for _ in range(3)]
    assert set(prompts) == {
        "<s><start_of_turn>user\nReply with a letter.\n\nWhich one?<end_of_turn>\n"
        "<start_of_turn>model\n"
    }
    said = [r.getMessage() for r in caplog.records if "no system message" in r.getMessage()]
    assert len(said) == 1
    assert "System role not supported" in said[0]


def test_prompts_have_one_begin_of_sequence(tmp_path: Path) -> None:
    """A tokenizer that adds the token, after a template that writes it, and without one."""
    write_model(tmp_path, "model\n", ("[[", "B", "]]"), GEMMA2, bos=True)
    engine = HFEngine({"pretrained": str(tmp_path)}, device="cpu")
    begin = engine.tokenizer.bos_token_id
    for prompt in (engine.chat(USER), "Question: x\nAnswer:"):
        ids = engine.encode(prompt)
        assert ids[0] == begin
        assert ids.count(begin) == 1


def test_a_run_counts_cut_thoughts_and_says_what_it_does(tmp_path: Path) -> None:
    style = STYLES["qwen3"]
    write_model(tmp_path / "m", style.last, style.pieces, style.template)
    common = (
        *("run", "--model_args", f"pretrained={tmp_path / 'm'}", "--device", "cpu"),
        *("--data", "embedded", "--limit", 2, "--apply_chat_template", "--no_report"),
    )
    cot = (*common, "--tasks", "mmlu_pro_cot_law", "--model_name", "m", "--estimators",
           "cot_mean_entropy(part=reasoning),cot_mean_entropy(part=answer),"
           "trace_length")  # fmt: skip
    whole = in_process([*cot, "--output_path", tmp_path / "whole"], tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert "may think before it answers" in whole.stderr
    assert "temperature=0.6,top_p=0.95" in whole.stderr
    traces = rows(tmp_path / "whole/m/mmlu_pro_cot", "trace")
    assert traces.answer.tolist() == [1, 1]
    assert set(traces.status) == {"parsed"}
    assert set(traces.answer_start) == {6}
    scores = pd.read_parquet(tmp_path / "whole/m/mmlu_pro_cot/scores.parquet")
    assert {name for name in scores.estimator if "part" in name} == {
        "cot_mean_entropy(part='reasoning')", "cot_mean_entropy(part='answer')",
    }  # fmt: skip
    assert scores.score.notna().all()

    settings = ("--gen_kwargs", "max_gen_toks=4,temperature=0.7,top_p=0.9")
    cut = in_process([*cot, *settings, "--output_path", tmp_path / "cut"], tmp_path)
    assert cut.returncode == 0, cut.stderr
    store = tmp_path / "cut/m/mmlu_pro_cot"
    assert set(rows(store, "trace").status) == {"cut_while_thinking"}
    manifest = json.loads((store / "manifest.json").read_text())
    generation = manifest["task"]["generation"]
    assert (generation["temperature"], generation["top_p"], generation["seed"]) == (0.7, 0.9, 0)
    arguments = ["report", tmp_path / "cut", "--output_path", tmp_path / "r", "--formats", "svg"]
    shown = in_process(arguments, tmp_path)
    assert shown.returncode == 0, shown.stderr
    flow = pd.read_csv(tmp_path / "r/flow.csv").set_index("stage")
    assert flow.n["cut_while_thinking"] == 2
    assert pd.read_csv(tmp_path / "r/readings.csv").rule.unique().tolist() == ["cut while thinking"]
    page = (tmp_path / "r/index.html").read_text()
    assert "cut while thinking" in page

    direct = in_process([*common, "--tasks", "mmlu_pro_direct_law", "--model_name", "d",
                         "--output_path", tmp_path / "direct"], tmp_path)  # fmt: skip
    assert direct.returncode == 0, direct.stderr
    assert "options are scored where its thought would begin" in direct.stderr
    forced = in_process([*common, "--tasks", "mmlu_pro_direct_law", "--model_name", "f",
                         "--thinking_budget", 0, "--output_path", tmp_path / "direct"],
                        tmp_path)  # fmt: skip
    assert forced.returncode == 0, forced.stderr
    assert "may think" not in forced.stderr
    whole = in_process([*cot, "--thinking_budget", 1024, "--output_path", tmp_path / "b"], tmp_path)
    assert whole.returncode == 2
    assert "--thinking_budget 1024 leaves nothing of the 1024 tokens" in whole.stderr
    closed = in_process([*cot, "--thinking_budget", 3, "--gen_kwargs", "max_gen_toks=9",
                         "--output_path", tmp_path / "b"], tmp_path)  # fmt: skip
    assert closed.returncode == 0, closed.stderr
    traces = rows(tmp_path / "b/m/mmlu_pro_cot", "trace")
    assert set(traces.thought_closed) == {1}
    assert all("</think>" in text for text in traces.text)  # this model knows no answer after it
    shown = in_process(["show", tmp_path / "b", traces.question_id[0]], tmp_path)
    assert "its thought was closed by the budget" in " ".join(shown.stdout.split())
