"""A small run of the embedded sample in a process of its own, which may be killed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PRELOADED = [
    "apprehend.benchmark.running",
    "apprehend.benchmark.engines.hf",
    "lm_eval.models.huggingface",
    "lm_eval.tasks",
    "datasets",
]
"""What every run imports, once, in the server that the processes are forked from."""
QUESTIONS_AT_A_TIME = 8
"""Few, so that many parts are written and kills fall between all kinds of them."""


def collect(folder: str, limit: int, log: str) -> None:
    """Run to the end, or until somebody kills it."""
    errors = Path(log).open("a", encoding="utf-8")  # noqa: SIM115 (the process owns it)
    os.dup2(errors.fileno(), sys.stderr.fileno())
    import torch
    from apprehend.benchmark import adapter, judging
    from apprehend.benchmark.plan import JudgeOptions, RunOptions
    from apprehend.benchmark.running import run

    torch.set_num_threads(1)
    adapter.Step.MOST = QUESTIONS_AT_A_TIME
    adapter.Step.__init__.__defaults__ = (QUESTIONS_AT_A_TIME,)
    judging.QUESTIONS_PER_BATCH = QUESTIONS_AT_A_TIME
    outcome = run(
        RunOptions(
            model="hf",
            model_args={"pretrained": "embedded"},
            model_name="embedded",
            tasks="mmlu_pro_direct_law,mmlu_pro_direct_math,mmlu_pro_cot_history",
            data="embedded",
            limit=limit,
            judges=[JudgeOptions("hf", {"pretrained": "embedded"})],
            estimators=["token_entropy", "vote_entropy", "cot_mean_entropy", "masj_complexity"],
            samples=3,
            output_path=Path(folder),
            device="cpu",
        )
    )
    assert not outcome.problems, outcome.problems
    errors.flush()
    os._exit(0)
