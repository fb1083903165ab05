"""``apprehend demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ESTIMATORS = (
    "token_entropy",
    "post_answer_entropy",
    "option_entropy",
    "normalized_option_entropy",
    "max_probability",
    "probability_margin",
    "off_option_mass",
    "cot_answer_entropy",
    "cot_mean_entropy",
    "cot_max_entropy",
    "masj_complexity",
    "masj_education_level",
    "masj_reasoning_steps",
    "random",
    "prompt_length",
)
"""Estimators that the demo compares; ``apprehend score demo`` computes others from its signals."""


def demo(
    output_path: Annotated[
        Path, typer.Option("--output_path", help="Folder for results and report.")
    ] = Path("demo"),
    limit: Annotated[
        int,
        typer.Option(min=1, max=120, help="Questions per topic, of 120 (840 of 1,680 by default)."),
    ] = 60,
) -> None:
    """Evaluate the embedded model on the embedded questions, with itself as judge; no download."""
    from ....tasks.dataset import EMBEDDED
    from ...judges.judge_options import JudgeOptions
    from ...run.run_options import RunOptions
    from ...run.running import run

    options = RunOptions(
        model="hf",
        model_args={"pretrained": EMBEDDED},
        model_name=EMBEDDED,
        tasks="mmlu_pro_direct,mmlu_pro_cot",
        data=EMBEDDED,
        judges=[JudgeOptions("hf", {"pretrained": EMBEDDED})],
        estimators=ESTIMATORS,
        output_path=output_path,
        device="cpu",
        limit=limit,
    )
    run(options).raise_problems()
