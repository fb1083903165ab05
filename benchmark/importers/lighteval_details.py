"""``apprehend import lighteval``: the details that lighteval saves, of today and of old."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...estimators.signals.batch import Signal
from ...tasks.files.cells import as_list, is_blank, number
from ...tasks.files.identifiers import id_text
from ...tasks.files.table_reader import read_table_file
from ...tasks.reading.answer_columns import MOST, index_of
from ..console.declared import Typed
from ..console.errors import ApprehendError
from ..recordings.outcomes import contradicting, truth
from ..recordings.recorded import ImportedQuestion, Recording, places_named
from .importer import Importer, files_in

_FILE = re.compile(r"details_(?P<task>.+?)_\d{4}-\d{2}-\d{2}T.*")
_SUITES = frozenset(
    ("leaderboard", "lighteval", "harness", "helm", "bigbench", "original", "extended", "custom",
     "community", "multilingual")
)  # fmt: skip
METRICS = (
    "acc", "loglikelihood_acc", "em", "exact_match", "extractive_match", "pem", "qem", "acc_norm",
)  # fmt: skip
"""Metrics that tell right from wrong; the first that a row has is taken."""


def task_of(file: Path) -> tuple[str, str]:
    """Return (task, topic) of ``details_lighteval|mmlu:anatomy|5_2025-….parquet``."""
    match = _FILE.fullmatch(file.stem)
    name = match["task"] if match else file.stem.removeprefix("details_")
    parts = [part for part in re.split(r"[|]|__", name) if part and not part.isdigit()]
    if "|" not in name and len(parts) > 1:  # where names cannot have | and :
        parts = [":".join(parts[1:] if parts[0] in _SUITES else parts)]
    name = parts[-1] if parts else name
    task, _, topic = name.partition(":")
    if not topic and task.startswith("hendrycksTest-"):
        return "mmlu", task.removeprefix("hendrycksTest-")
    return task, topic or task


def read_details(
    file: Path, metric: str | None, prefix: str, topic: str
) -> tuple[Signal, list[ImportedQuestion]]:
    """Read one file of details.

    Args:
        file: Parquet, or JSONL of the same rows.
        metric: The metric that tells right from wrong; the first known by default.
        prefix: What ids begin with, where the positions of several files go together.
        topic: The topic of its questions.

    Raises ApprehendError or DataError, with file and row, for other content.
    """
    table = read_table_file(file)
    questions: list[ImportedQuestion] = []
    scored = 0
    for position, (place, row) in enumerate(zip(table.places, table.rows, strict=True)):
        nested = row.get("doc")
        doc = nested if isinstance(nested, Mapping) else row
        response = row.get("model_response")
        response = response if isinstance(response, Mapping) else row
        metrics = row.get("metric", row.get("metrics"))
        choices = as_list(doc.get("choices"))
        options = [str(choice).strip() for choice in choices] if choices else None
        identity = id_text(doc.get("id", row.get("id")))
        question = ImportedQuestion(
            question_id=f"{prefix}{identity if identity is not None else position}",
            topic=topic,
            answer=None,
            correct=_correct(f"{file}, {place}", metrics, row, metric),
            options=options if options and len(options) <= MOST else None,
            question=_text(doc.get("query", row.get("example", row.get("full_prompt")))),
            gold=_gold(doc, row, options),
            place=place,
        )
        values = _logprobs(response, row)
        if values is not None and (options is None or len(values) == len(options)):
            scored += 1
            question.option_logprobs = values
            question.answer = int(np.argmax(values))
        else:
            said = _said(response, row)
            question.trace = said
            question.said = said or None
            question.answer = index_of(said, len(options or ()) or MOST, options or ())
        questions.append(question)
    if 0 < scored < len(questions):
        raise ApprehendError(
            f"{file}: {scored:,} of {len(questions):,} rows have log-probabilities of all options, "
            "the others do not"
        )
    return Signal.ANSWER if scored else Signal.TRACE, questions


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _gold(doc: Mapping[str, Any], row: Mapping[str, Any], options: list[str] | None) -> int | None:
    """Return the index of the right option; None where there are several."""
    value = doc.get("gold_index", row.get("gold_index"))
    listed = as_list(value)
    if listed is not None:
        value = listed[0] if len(set(map(str, listed))) == 1 else None
    index = number(value)
    if index is not None and index >= 0 and float(index).is_integer():
        return int(index) if index < len(options or ()) or options is None else None
    golds = as_list(row.get("gold")) or [row.get("gold")]
    return index_of(golds[0], len(options or ()) or MOST, options or ()) if golds else None


def _correct(place: str, metrics: Any, row: Mapping[str, Any], metric: str | None) -> bool:
    shown = metrics if isinstance(metrics, Mapping) else row
    names = METRICS if metric is None else (metric,)
    for name in names:
        key = next(
            (k for k in shown if str(k).split(":")[0].split("@")[0] == name or k == name), None
        )
        if key is None or is_blank(shown[key]):
            continue
        outcome = truth(shown[key])
        if outcome is None:
            raise ApprehendError(
                f"{place}: metric {key} is {shown[key]!r}, not 0 or 1; --metric names another"
            )
        return outcome
    known = ", ".join(map(str, shown)) if isinstance(metrics, Mapping) else "none"
    raise ApprehendError(
        f"{place}: no metric {' or '.join(names)}, found: {known}; name one by --metric"
    )


def _logprobs(response: Mapping[str, Any], row: Mapping[str, Any]) -> list[float] | None:
    """Return the options' log-likelihoods, of either age."""
    if as_list(response.get("text")):
        return None  # of the tokens of a generated text
    for value in (response.get("logprobs"), row.get("predictions"), row.get("pred_logits")):
        listed = as_list(value)
        if not listed or len(listed) < 2:
            continue
        first = [as_list(item) if not isinstance(item, int | float) else None for item in listed]
        plain = [pair[0] if pair else item for pair, item in zip(first, listed, strict=True)]
        values = [number(item) for item in plain]
        if all(value is not None and not np.isnan(value) for value in values):
            return [float(value) for value in values if value is not None]
    return None


def _said(response: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    for name in ("text_post_processed", "final_text", "text", "predictions", "prediction"):
        value = response.get(name, row.get(name))
        listed = as_list(value) if not isinstance(value, str) or value[:1] == "[" else None
        value = listed[0] if listed else value
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _newest(files: Sequence[Path], notes: list[str]) -> list[Path]:
    """Return one file per task: of several runs of a model the newest, with a note."""
    runs: dict[tuple[Path, str], list[Path]] = {}
    for file in files:
        match = _FILE.fullmatch(file.stem)
        folder = file.parent
        if match and file.stem.endswith(f"_{folder.name}"):
            folder = folder.parent  # of the times of runs
        runs.setdefault((folder, match["task"] if match else file.stem), []).append(file)
    chosen = []
    for (_, task), own in runs.items():
        newest = max(own, key=lambda file: file.stem)
        if len(own) > 1:
            others = ", ".join(str(file) for file in own if file != newest)
            notes.append(f"{task}: {newest.name} is the newest, left out: {others}")
        chosen.append(newest)
    return chosen


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    groups: dict[str, list[Path]] = {}
    for file in files_in(paths, _recognizes, "details_*.parquet"):
        groups.setdefault(options["task"] or task_of(file)[0], []).append(file)
    for task, own_files in groups.items():
        questions: dict[str, ImportedQuestion] = {}
        signals = set()
        notes: list[str] = []
        files = _newest(own_files, notes)
        for file in files:
            own, topic = task_of(file)
            prefix = f"{topic}:" if topic != own or len(files) > 1 else ""
            signal, rows = read_details(file, options["metric"], prefix, topic)
            signals.add(signal)
            for question in rows:
                if question.question_id in questions:
                    raise ApprehendError(
                        f"{file}, {question.place}: duplicate id {question.question_id}; give one "
                        "run of each task"
                    )
                questions[question.question_id] = question
        if len(signals) > 1:
            raise ApprehendError(f"{task}: some files score options, others hold texts")
        against = contradicting(questions.values())
        if against:
            notes.append(
                f"the metric contradicts the likeliest option in {len(against):,} of "
                f"{len(questions):,} rows ({places_named(against)}); the metric counts"
            )
        yield Recording(files, signals.pop(), list(questions.values()), task, notes=notes)


def _recognizes(path: Path) -> bool:
    if path.is_dir() or path.suffix != ".parquet":
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = set(pq.read_schema(path).names)
    except (OSError, ValueError, pa.ArrowException):
        return path.name.startswith("details_")
    return {"doc", "model_response"} <= names or {"gold_index", "choices", "metrics"} <= names


IMPORTER = Importer(
    name="lighteval",
    summary="Details that lighteval saves with --save-details.",
    files="details_*.parquet files, or folders.",
    recognizes=_recognizes,
    read=_read_paths,
    options={
        "metric": Typed("Metric that tells right from wrong (default: acc, em, …)."),
    },
    rank=2,
)
