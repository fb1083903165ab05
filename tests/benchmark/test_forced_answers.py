"""Forced answers of a run: stored with the traces, collected by prompts where they are missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from apprehend.tasks.answer_forcing import POINTS, cut_points
from helpers import in_process, rows

RUN = (
    *("run", "--model_args", "pretrained=embedded", "--data", "embedded", "--device", "cpu"),
    *("--tasks", "mmlu_pro_cot_law", "--limit", "5", "--estimators", "answer_convergence"),
)


def test_forced_answers_come_with_the_traces_or_by_prompts(tmp_path: Path) -> None:
    results = tmp_path / "results"
    command = [*RUN, "--output_path", str(results)]
    done = in_process(command, tmp_path)
    assert done.returncode == 0, done.stderr
    store = results / "embedded" / "mmlu_pro_cot"
    first = rows(store, "forced_answers").sort_values("question_id", ignore_index=True)
    traces = rows(store, "trace").sort_values("question_id", ignore_index=True)
    assert first.question_id.tolist() == traces.question_id.tolist()
    assert (first.cached == 1).all()
    for forced, text in zip(first.itertuples(), traces.text, strict=True):
        assert len(forced.points) == len(forced.answers) == POINTS
        best = [int(np.argmax(row)) for row in forced.option_logprobs]
        assert list(forced.answers) == best
        assert forced.points[0] == 0.0
        assert forced.points[-1] == 1.0
        assert (forced.points >= np.array(cut_points(text)) / len(text) - 1e-9).all()
    report = pd.read_csv(results / "report" / "forced_answers.csv").set_index("topic")
    agreeing = sum(
        forced[-1] == read for forced, read in zip(first.answers, traces.answer, strict=True)
    )
    assert report.loc["all", ["n", "read", "agreeing"]].tolist() == [
        *(5, traces.answer.notna().sum(), agreeing)
    ]
    shutil.rmtree(store / "signals" / "forced_answers")
    before = (store / "signals" / "trace").stat().st_mtime
    done = in_process(command, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (store / "signals" / "trace").stat().st_mtime == before
    again = rows(store, "forced_answers").sort_values("question_id", ignore_index=True)
    assert (again.cached == 0).all()
    for one, other in zip(first.itertuples(), again.itertuples(), strict=True):
        # The end is the same text; it is encoded to the same tokens by this tokenizer.
        np.testing.assert_allclose(one.option_logprobs[-1], other.option_logprobs[-1], atol=1e-3)


def test_a_chat_endpoint_cannot_be_forced(tmp_path: Path) -> None:
    done = in_process(
        ["run", "--model", "local-chat-completions", "--model_args",
         "model=m,base_url=http://127.0.0.1:9/v1/chat/completions", "--data", "embedded",
         "--tasks", "mmlu_pro_cot_law", "--limit", "2", "--estimators", "answer_convergence",
         "--output_path", str(tmp_path / "results")],
        tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "a chat endpoint does not continue a reply that has been begun" in done.stderr
