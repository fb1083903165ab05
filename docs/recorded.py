"""Import every recorded answer, score, and write `apprehend report` and `apprehend paper`.

    python docs/recorded.py [--data FOLDER] [--output_path recorded] [--only MODEL …]

Then analyze the benchmark, choose a subset of its questions, and write the findings of
docs/findings.py. The command of each step is printed. docs/recorded.md describes the files.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import findings
import pyarrow.parquet as pq
from apprehend.benchmark.cli.main import main as apprehend

ROOT = Path(__file__).resolve().parents[1]
OPTION_LOGITS = "llm_uncertainty_bench_"
QWEN = "recorded_qwen2.5-3b.parquet"
COT = "mmlu_pro_cot_answers.parquet"
COT_TASK = "mmlu_pro_cot_5shot"


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
    parser.add_argument("--findings", action="store_true", help="write the findings only")
    given = parser.parse_args()
    results = str(given.output_path / "results")
    by_model = {step[step.index("--model") + 1]: step for step in imports(given.data)}
    if not by_model:
        parser.error(f"no recorded data in {given.data}; set APPREHEND_RECORDED_DATA or --data")
    unknown = set(given.only or ()) - set(by_model)
    if unknown:
        parser.error(f"--only: no {sorted(unknown)[0]!r}, known: {', '.join(by_model)}")
    if not given.findings:
        if Path(results).exists():
            parser.error(f"{results} exists already; remove it or use another --output_path")
        for model in given.only or by_model:
            run("import", *by_model[model], "--output_path", results)
        run("score", results)  # again, now that every model has the others as its committee
        for command in ("report", "paper"):
            run(command, results, "--output_path", str(given.output_path / command))
    if not given.only:
        if not given.findings:
            run("analyse", results, "--output_path", str(given.output_path / "analyses"))
            subset = str(given.output_path / "subset.csv")
            run("subset", results, "--task", COT_TASK, "--size", "600", "--output_path", subset)
        write_findings(given.data, given.output_path)


def write_findings(data: Path, output_path: Path) -> None:
    """Import what docs/findings.py needs, and write the findings."""
    stores, added = output_path / "findings" / "results", False
    for model, step in findings.imports(data, output_path / "findings" / "converted"):
        if not (stores / model / step[step.index("--task") + 1]).exists():
            run("import", *step, "--output_path", str(stores))
            added = True
    if added:
        run("score", str(stores))  # again, now that every model has the others as its committee
    if stores.exists():
        others = [folder for folder in (output_path / "results",) if folder.exists()]
        findings.write_findings(data, stores, others, output_path / "findings")
        sys.stderr.write(f"findings: {output_path / 'findings' / 'findings.md'}\n")


if __name__ == "__main__":
    main()
