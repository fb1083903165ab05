"""A small run of the embedded sample in a process of its own, which may be killed."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from apprehend.benchmark.judges.judge_options import JudgeOptions
from apprehend.benchmark.run.run_options import RunOptions
from apprehend.tasks.dataset import embedded_file

PRELOADED = [
    "apprehend.benchmark.run.running",
    "apprehend.benchmark.engines.hf.hf_engine",
    "lm_eval.models.huggingface",
    "lm_eval.tasks",
    "datasets",
]
"""What every run imports, once, in the server that the processes are forked from."""
ESTIMATORS = (
    *("token_entropy", "vote_entropy", "permutation_entropy", "p_true", "question_ablation"),
    *("cot_mean_entropy", "masj_complexity"),
)
QUESTIONS_AT_A_TIME = 8
"""Few, so that many parts are written and kills fall between all kinds of them."""


REFUSED, INCOMPLETE = 3, 4
"""Exit statuses: the run was refused; it ended with answers or parts missing."""


def options_of(folder: str, limit: int, **changed: Any) -> RunOptions:
    """Return the options of the run that is killed and resumed."""
    usual = RunOptions(
        model="hf",
        model_args={"pretrained": "embedded"},
        model_name="embedded",
        tasks="mmlu_pro_direct_law,mmlu_pro_direct_math,mmlu_pro_cot_history",
        data="embedded",
        fewshot_data=str(embedded_file("examples.parquet")),
        num_fewshot=1,
        limit=limit,
        judges=[JudgeOptions("hf", {"pretrained": "embedded"})],
        estimators=ESTIMATORS,
        samples=3,
        output_path=Path(folder),
        device="cpu",
        report=False,
    )
    return replace(usual, **changed)


def collect(
    folder: str, limit: int, log: str, change: tuple[str, int] | None = None, fail: bool = False
) -> None:
    """Run to the end, or until the process is killed.

    ``change`` names an option and the index of its other value; with ``fail`` every third
    question's request fails.
    """
    errors = Path(log).open("a", encoding="utf-8")  # noqa: SIM115 (the process owns it)
    os.dup2(errors.fileno(), sys.stderr.fileno())
    import torch
    from apprehend.benchmark.console.errors import ApprehendError, UsageError
    from apprehend.benchmark.judges import judging
    from apprehend.benchmark.run.asking import adapter
    from apprehend.benchmark.run.running import run
    from changed_settings import CHANGES

    torch.set_num_threads(1)
    adapter.Step.MOST = QUESTIONS_AT_A_TIME
    adapter.Step.__init__.__defaults__ = (QUESTIONS_AT_A_TIME,)
    judging.QUESTIONS_PER_BATCH = QUESTIONS_AT_A_TIME
    if fail:
        _fail_some()
    changed: dict[str, Any] = {}
    if change is not None:
        option, number = change
        elsewhere = Path(tempfile.mkdtemp(dir=Path(log).parent))
        changed = {option: CHANGES[option][number][1](elsewhere)}
    status = 0
    try:
        outcome = run(options_of(folder, limit, **changed))
        if outcome.problems:
            status = INCOMPLETE
            sys.stderr.write(" ".join(outcome.problems) + "\n")
    except UsageError as error:
        status = REFUSED
        sys.stderr.write(f"refused: {error}\n")
    except ApprehendError as error:
        status = INCOMPLETE
        sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    errors.flush()
    os._exit(status)


def _fail_some() -> None:
    """Make the answers and texts of every third question failures."""
    from apprehend.benchmark.engines.shared.engine import Failed
    from apprehend.benchmark.run.asking.adapter import UncertaintyLM

    class Failing:
        """The engine as the adapter sees it; judges and probes use the real one."""

        def __init__(self, engine: Any) -> None:
            self._engine = engine

        def __getattr__(self, name: str) -> Any:
            return getattr(self._engine, name)

        def score(self, *arguments: Any, **named: Any) -> list[Any]:
            return _some_failed(self._engine.score(*arguments, **named))

        def generate(self, *arguments: Any, extras: Any) -> list[Any]:
            unwatched = replace(extras, watch=None)  # a text that is stored does not fail later
            return _some_failed(self._engine.generate(*arguments, extras=unwatched))

    def _some_failed(replies: Any) -> list[Any]:
        return [Failed("HTTP 400") if i % 3 == 2 else reply for i, reply in enumerate(replies)]

    begin = UncertaintyLM.__init__

    def wrapped(self: UncertaintyLM, engine: Any, *more: Any, **named: Any) -> None:
        begin(self, Failing(engine), *more, **named)

    UncertaintyLM.__init__ = wrapped
