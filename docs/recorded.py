"""Import every recorded answer, score, and write `apprehend report` and `apprehend paper`.

    python docs/recorded.py [--data FOLDER] [--output_path recorded] [--only MODEL …]

The command of each step is printed. docs/recorded.md describes the files.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from apprehend.benchmark.cli.main import main as apprehend

ROOT = Path(__file__).resolve().parents[1]
OPTION_LOGITS = "llm_uncertainty_bench_"
QWEN = "recorded_qwen2.5-3b.parquet"
COT = "mmlu_pro_cot_answers.parquet"


def imports(data: Path) -> Iterator[list[str]]:
    """Yield the arguments of one `apprehend import` per model, except for the results folder."""
    if (data / QWEN).is_file():
        yield [
            *("table", str(data / QWEN), "--model", "Qwen2.5-3B", "--task", "mmlu_pro_direct"),
            *("--id", "question_id", "--topic", "category", "--prediction", "response"),
            *("--correct", "correct", "--score", "token_entropy=entropy"),
        ]
    if (data / COT).is_file():
        for model in sorted(set(pq.read_table(data / COT, columns=["model"])[0].to_pylist())):
            yield [
                *("table", str(data / COT), "--model", model, "--task", "mmlu_pro_cot_5shot"),
                *("--id", "question_id", "--topic", "topic", "--prediction", "prediction"),
                *("--answer", "answer", "--where", f"model={model}"),
            ]
    for file in sorted(data.glob(f"{OPTION_LOGITS}*.parquet")):
        if "logits" in pq.read_schema(file).names:
            yield [
                *("table", str(file), "--model", file.stem.removeprefix(OPTION_LOGITS)),
                *("--task", "mmlu_10k", "--id", "id", "--topic", "subject", "--answer", "answer"),
                *("--option_logits", "logits", "--where", "task=mmlu_10k"),
                *("--where", "prompt_style=base", "--where", "split=test"),
            ]


def run(*arguments: str) -> None:
    """Print and run one command; exit if it fails."""
    sys.stderr.write(f"$ apprehend {shlex.join(arguments)}\n")
    try:
        apprehend(list(arguments))
    except SystemExit as ended:
        if ended.code:
            raise


def main() -> None:
    """Import the answers, score them, and write the report and the paper."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = os.environ.get("APPREHEND_RECORDED_DATA") or ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder with the files")
    parser.add_argument("--output_path", type=Path, default=Path("recorded"))
    parser.add_argument("--only", nargs="+", metavar="MODEL", help="import only these models")
    given = parser.parse_args()
    results = str(given.output_path / "results")
    by_model = {step[step.index("--model") + 1]: step for step in imports(given.data)}
    if not by_model:
        parser.error(f"no recorded data in {given.data}; set APPREHEND_RECORDED_DATA or --data")
    unknown = set(given.only or ()) - set(by_model)
    if unknown:
        parser.error(f"--only: no {sorted(unknown)[0]!r}, known: {', '.join(by_model)}")
    if Path(results).exists():
        parser.error(f"{results} exists already; remove it or use another --output_path")
    for model in given.only or by_model:
        run("import", *by_model[model], "--output_path", results)
    run("score", results)  # again, now that every model has the others as its committee
    for command in ("report", "paper"):
        run(command, results, "--output_path", str(given.output_path / command))


if __name__ == "__main__":
    main()
