"""A results folder with every signal, of the size that the bar for ``apprehend score`` names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from apprehend.benchmark.store.parts import read_parquet
from apprehend.benchmark.store.task_store import TaskStore
from apprehend.estimators.registry import builtin_estimators
from apprehend.estimators.signals.batch import Signal

TASKS = ("mmlu_pro_direct", "mmlu_pro_cot")
TOKENS = 300
_PER_TOKEN = ("token_logprobs", "token_entropies", "token_uniform_kl", "token_top_logprobs")
_ROWS = 2000


def run_arguments(folder: Path) -> list[str]:
    """The run that collects every signal of some embedded questions, which `widen` repeats."""
    return [
        *("run", "--model_args", "pretrained=embedded", "--data", "embedded", "--limit", "5"),
        *("--tasks", ",".join(TASKS), "--judge", "hf", "--judge_args", "pretrained=embedded"),
        *("--estimators", "all", "--no_report", "--output_path", str(folder)),
    ]


def fitless() -> list[str]:
    """Built-in estimators that do not learn; a committee would need other models."""
    found = {name: cls() for name, cls in builtin_estimators().items()}
    return [n for n, e in found.items() if not e.learns and n != "committee_disagreement"]


def widen(source: Path, folder: Path, task: str, questions: int) -> None:
    """Repeat a task's questions under new ids until there are so many, and every trace until it
    has some 300 tokens."""
    one = TaskStore(source / "embedded" / task)
    two = TaskStore(folder / "embedded" / task)
    known = one.questions.to_pylist()
    number = {row["question_id"]: place for place, row in enumerate(known)}
    two.write_manifest(json.loads((one.path / "manifest.json").read_text()))
    two.add_questions(
        [row | {"question_id": i} for i, row in enumerate(islice(cycle(known), questions))]
    )
    for part in sorted((one.path / "signals").iterdir()):
        tables = [read_parquet(file) for file in sorted(part.rglob("*.parquet"))]
        rows = pa.concat_tables(tables, promote_options="default").to_pylist()
        for some in _repeated([_long(row) for row in rows], number, questions):
            two.append(Signal(part.name), some)
        two.compact(Signal(part.name))


def _repeated(
    rows: list[dict[str, Any]], number: dict[Any, int], questions: int
) -> Iterator[list[dict[str, Any]]]:
    waiting: list[dict[str, Any]] = []
    for start in range(0, questions, len(number)):
        for row in rows:
            place = start + number[row["question_id"]]
            if place < questions:
                waiting.append(row | {"question_id": place})
            if len(waiting) == _ROWS:
                yield waiting
                waiting = []
    yield waiting


def _long(row: dict[str, Any]) -> dict[str, Any]:
    tokens = len(row.get("token_logprobs") or ())
    if not tokens:
        return row
    times = max(1, TOKENS // tokens)
    return row | {name: row[name] * times for name in _PER_TOKEN if row.get(name)}
