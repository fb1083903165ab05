"""``apprehend import lm-eval``: the ``samples_*.jsonl`` that lm-eval logs.

lm-eval logs numbers and booleans as text in some fields; each is parsed as its own type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...estimators.signals.batch import Signal
from ...tasks.jsonl import read_jsonl
from ...tasks.reading.parsing import parse_marked_label
from ...tasks.task_names import known_tasks
from ...tasks.topics import letters
from ..console.errors import ApprehendError, UsageError
from ..console.options import whole_number
from .common import UNKNOWN_TOPIC, ImportedQuestion, option_index
from .importer import Importer, Recording

_FILE = re.compile(r"samples_(?P<task>.+?)(_\d{4}-\d{2}-\d{2}T[\d.:\-]+)?\.jsonl")
_LETTER = re.compile(r"\(?([A-Za-z])\)?[.:]?")
METRICS = ("acc", "exact_match")


def sample_files(paths: Sequence[Path]) -> list[Path]:
    """Return the sample files in ``paths``, searching folders. Raises UsageError for none."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(path.rglob("samples_*.jsonl"))
        elif path.is_file():
            files.append(path)
        else:
            raise UsageError(f"no such file or folder: {path}")
    if not files:
        raise UsageError(f"no samples_*.jsonl in {', '.join(map(str, paths))}")
    return files


def task_of(file: Path) -> str:
    """Return the task's name in ``samples_<task>_<time>.jsonl``."""
    match = _FILE.fullmatch(file.name)
    return match["task"] if match else file.stem


def grouped_files(files: Sequence[Path], task: str | None) -> dict[str, list[Path]]:
    """Group files by the task whose store they go to.

    Topics of one of our groups go together; if ``task`` is given, all files do.
    """
    groups: dict[str, list[Path]] = {}
    for file in files:
        name = task_of(file)
        family = known_tasks().get(name, (name, None))[0]
        groups.setdefault(task or family, []).append(file)
    return groups


def read_samples(files: Sequence[Path]) -> tuple[Signal, list[ImportedQuestion]]:
    """Read the recorded answers of one task, whose topics may be in several files.

    Raises ApprehendError, with file and line, for content that lm-eval would not log.
    """
    questions: dict[Any, tuple[ImportedQuestion, str]] = {}
    signals = set()
    for file in files:
        for number, sample in read_jsonl(file).items():
            place = f"{file}, line {number}"
            signal, question = _read(place, sample, task_of(file))
            signals.add(signal)
            if question.question_id in questions:
                if sample.get("filter") != questions[question.question_id][1]:
                    continue  # the same answer under another of lm-eval's filters
                raise ApprehendError(f"{place}: duplicate id {question.question_id!r}")
            questions[question.question_id] = (question, str(sample.get("filter")))
    if not questions:
        raise ApprehendError(f"{files[0]}: is empty")
    if len(signals) > 1:
        raise ApprehendError(
            "some of these files score options and others generate; import them separately"
        )
    return signals.pop(), [question for question, _ in questions.values()]


def _read(place: str, sample: Mapping[str, Any], task: str) -> tuple[Signal, ImportedQuestion]:
    for name in ("doc", "target", "resps", "filtered_resps"):
        if name not in sample:
            raise ApprehendError(f"{place}: no {name!r}; expected a line logged by lm-eval")
    doc = sample["doc"] if isinstance(sample["doc"], dict) else {}
    correct = _correct(place, sample)
    identity = doc.get("question_id", sample.get("doc_id"))
    if isinstance(identity, str):
        number = whole_number(identity)
        identity = identity if number is None else number
    readable = identity is None or isinstance(identity, str | int | float)
    if not readable or (isinstance(identity, float) and not math.isfinite(identity)):
        raise ApprehendError(f"{place}: expected a text or number as the question's id")
    options = doc.get("options") or doc.get("choices")
    options = [str(o) for o in options] if isinstance(options, list) else None
    question = ImportedQuestion(
        question_id=cast(int, identity),
        topic=str(doc.get("category") or doc.get("subject") or task or UNKNOWN_TOPIC),
        answer=None,
        correct=correct,
        gold=option_index(sample["target"]),
        question=str(doc["question"]) if doc.get("question") else None,
        options=options,
    )
    pairs = _pairs(sample["filtered_resps"])
    if pairs is not None:
        question.option_logprobs = pairs[: len(options)] if options else pairs
        best = int(np.argmax(pairs))
        question.answer = best if best < len(question.option_logprobs) else None
        return Signal.ANSWER, question
    return Signal.TRACE, _from_text(question, sample, correct)


def _from_text(
    question: ImportedQuestion, sample: Mapping[str, Any], correct: bool
) -> ImportedQuestion:
    reply = sample["filtered_resps"]
    reply = reply[0] if isinstance(reply, list) and reply else reply
    text = sample["resps"]
    while isinstance(text, list) and text:
        text = text[0]
    question.trace = text if isinstance(text, str) else None
    marked = parse_marked_label(str(reply), letters(len(question.options or []) or 25))
    letter = _LETTER.fullmatch(str(reply).strip())
    if marked is not None:
        question.answer = marked.index
    elif letter is not None:
        question.answer = option_index(letter.group(1))
    target = parse_marked_label(str(sample["target"]), letters(25))
    if question.gold is None and target is not None:
        question.gold = target.index
    if correct and question.answer is None:
        question.answer = question.gold
    return question


def _correct(place: str, sample: Mapping[str, Any]) -> bool:
    for name in METRICS:
        if name in sample:
            try:
                return float(sample[name]) > 0.5
            except (TypeError, ValueError, OverflowError):
                raise ApprehendError(f"{place}: {name} is {sample[name]!r}, not a number") from None
    raise ApprehendError(f"{place}: neither {' nor '.join(METRICS)}; cannot tell right from wrong")


def _pairs(replies: Any) -> list[float] | None:
    """Return the options' log-likelihoods from lm-eval's (log-likelihood, is greedy) pairs."""
    if not isinstance(replies, list) or len(replies) < 2:
        return None
    values = []
    for reply in replies:
        if not isinstance(reply, list) or len(reply) != 2:
            return None
        try:
            values.append(float(reply[0]))
        except (TypeError, ValueError, OverflowError):
            return None
    return values


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    for task, files in grouped_files(sample_files(paths), options["task"]).items():
        signal, questions = read_samples(files)
        yield Recording(files, signal, questions, task)


IMPORTER = Importer(
    name="lm-eval",
    summary="Samples that lm-eval logged with --log_samples.",
    files="samples_*.jsonl files, or folders.",
    recognizes=lambda path: _FILE.fullmatch(path.name) is not None,
    read=_read_paths,
)
