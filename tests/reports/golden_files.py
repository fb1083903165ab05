"""Golden files: what the command line reports of the recorded answers in golden/answers.jsonl.

Rewrite them after a change that is meant to change numbers, and read the difference:

    .venv/bin/python tests/reports/golden_files.py
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pandas as pd
from apprehend.benchmark.cli.main import main

GOLDEN = Path(__file__).with_name("golden")
FILES = (
    *("metrics.csv", "comparisons.csv", "flow.csv", "missing.csv", "thresholds.csv"),
    *(f"tables/roc_auc_by_topic.{extension}" for extension in ("csv", "md", "tex")),
)
ESTIMATORS = "mine,max_probability,option_entropy,random"


def command(*arguments: object) -> None:
    """One command of the command line, in this process; raises where it fails."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        if ended.code:
            raise


def write_results(folder: Path) -> Path:
    """Two models on 90 questions, with ties, unparsed answers and missing scores."""
    answers = GOLDEN / "answers.jsonl"
    for model in sorted(set(pd.read_json(answers, lines=True)["model"])):
        command(
            *("import", "table", answers, "--model", model, "--where", f"model={model}"),
            *("--id", "id", "--topic", "topic", "--answer", "gold", "--prediction", "answer"),
            *("--option_probs", "probabilities", "--score", "mine=mine"),
            *("--task", "mmlu_pro_direct", "--output_path", folder / "results"),
        )
    command("score", folder / "results", "--estimators", ESTIMATORS)
    return folder / "results"


def write_report(folder: Path) -> Path:
    """The report of those results."""
    results = write_results(folder)
    quick = ("--replicates", 200, "--formats", "svg")
    command("report", results, "--output_path", folder / "report", *quick)
    return folder / "report"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        report = write_report(Path(made))
        for name in FILES:
            (GOLDEN / name).parent.mkdir(exist_ok=True)
            shutil.copy(report / name, GOLDEN / name)
