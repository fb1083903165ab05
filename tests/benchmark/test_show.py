"""`apprehend show`: one stored question, exactly as it was asked and answered."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from apprehend.benchmark.engines.hf.hf_engine import HFEngine
from helpers import imported, in_process, rows

CHAT = ("--apply_chat_template", "--tasks", "mmlu_pro_cot_law,mmlu_pro_direct_law")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    done = in_process(
        ["run", "--model_args", "pretrained=embedded", "--device", "cpu", "--data", "embedded",
         "--limit", 2, *CHAT, "--no_report", "--judge", "hf", "--judge_args", "pretrained=embedded",
         "--estimators", "option_entropy,cot_mean_entropy,masj_complexity,p_true",
         "--output_path", folder / "results"],
        folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "results"


def first(results: Path, task: str, signal: str) -> pd.Series:
    return rows(results / "embedded" / task, signal).iloc[0]


def test_a_question_is_shown_with_all_that_is_stored(results: Path, tmp_path: Path) -> None:
    trace = first(results, "mmlu_pro_cot", "trace")
    done = in_process(["show", results, trace.question_id, "--task", "mmlu_pro_cot"], tmp_path)
    assert done.returncode == 0, done.stderr
    shown = done.stdout
    assert f"prompt as sent, {trace.prompt_tokens} tokens" in shown
    assert f"the answer token is number {trace.answer_position:.0f}" in shown
    assert "▶" in shown
    letter = shown.split("▶")[1].split("◀")[0]
    assert letter == "ABCDEFGHIJ"[int(trace.answer)]
    assert f"read by {trace.rule}" in shown
    for name in ("cot_mean_entropy", "masj_complexity", "complexity", "correct", "answered"):
        assert name in shown
    scores = pd.read_parquet(results / "embedded/mmlu_pro_cot/scores.parquet")
    same = scores.question_id.astype(str) == str(trace.question_id)
    own = scores[same].set_index("estimator").score
    assert f"{own['cot_mean_entropy']:.4g}" in shown
    assert "mmlu_pro_direct" not in shown
    both = in_process(["show", results, trace.question_id], tmp_path)
    assert "mmlu_pro_direct" in both.stdout


def test_the_prompt_is_the_one_that_was_sent(results: Path) -> None:
    """Rendered by the chat template."""
    engine = HFEngine({"pretrained": "embedded"}, device="cpu")
    for task, signal in (("mmlu_pro_cot", "trace"), ("mmlu_pro_direct", "answer")):
        prompts = rows(results / "embedded" / task, "prompt")
        answers = rows(results / "embedded" / task, signal)
        for prompt, tokens in zip(prompts.text, answers.prompt_tokens, strict=True):
            assert engine.count_tokens(prompt) == tokens
            assert "The next question is about law." in prompt


def test_nothing_in_the_text_is_obeyed(tmp_path: Path) -> None:
    frame = {"id": ["7"], "gold": ["A"], "pred": ["B"], "topic": ["\x1b[31m[red]law"],
             "h": [0.5]}  # fmt: skip
    pd.DataFrame(frame).to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    done = in_process(
        ["import", "table", "t.jsonl", "--model", "m[red]", "--id", "id", "--answer", "gold",
         "--prediction", "pred", "--topic", "topic", "--score", "[b]h=h", "--output_path", "r"],
        tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    in_process(["score", "r"], tmp_path)
    done = in_process(["show", "r", "7"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert "[red]law" in done.stdout
    assert "not stored: the answers were imported" in done.stdout


def test_a_question_that_is_not_there(tmp_path: Path) -> None:
    assert imported(tmp_path).returncode == 0
    missing = in_process(["show", "in/results", "17"], tmp_path)
    assert missing.returncode == 2
    assert "no question '17' among 2 stored ones" in missing.stderr
    model = in_process(["show", "in/results", "1", "--model", "n"], tmp_path)
    assert model.returncode == 2
    assert "no model 'n', found: m" in model.stderr
