"""``apprehend demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    from ....estimators.registry import builtin_estimators
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
        estimators=[cls.name for cls in builtin_estimators().values() if cls.in_demo],
        output_path=output_path,
        device="cpu",
        limit=limit,
    )
    run(options).raise_problems()
