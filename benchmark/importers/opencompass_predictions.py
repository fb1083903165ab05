"""``apprehend import opencompass``: the prediction files that OpenCompass writes per data set."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...tasks.files.cells import is_missing, number
from ...tasks.files.json_rows import read_json_rows
from ...tasks.reading.answer_columns import MOST, index_of
from ..console.errors import ApprehendError
from ..recordings.answer_keys import KEY_OPTIONS, Key, read_keys, unknown_ids_note
from ..recordings.recorded import ImportedQuestion, Recording, places_named
from ..recordings.reply_answers import signal_of
from ..recordings.sniffing import mentions
from .importer import Importer, files_in

_LABEL = "label: "
_GOLD = ("gold", "refr", "reference")
"""Fields of the right answer: today's name, and those of older versions and of its forks."""
_PART = re.compile(r"(?P<name>.+)_[0-9]+")
_SUBJECT = re.compile(
    r"(?:lukaemon_)?(?P<group>mmlu_pro|mmlu|cmmlu|ceval|agieval)[_-](?P<topic>.+)"
)


def read_predictions(
    file: Path, name: str, keys: Mapping[str, Key] | None, prefix: str, first: int = 0
) -> list[ImportedQuestion]:
    """Read one file: ``{"0": {"origin_prompt", "prediction", "gold"}, …}``.

    Args:
        file: The file.
        name: The name of its data set.
        keys: Right answers by id, for files without ``gold``.
        prefix: What ids begin with, where the positions of several files go together.
        first: The number of its first question, where it continues another file.

    Raises ApprehendError or DataError, with file and place, for other content.
    """
    subject = _SUBJECT.fullmatch(name)
    topic = subject["topic"] if subject else name
    questions = []
    for position, (place, row) in enumerate(read_json_rows(file).items()):
        if "prediction" not in row:
            raise ApprehendError(f"{file}, {place}: no 'prediction'; expected OpenCompass's output")
        own = str(row.get("key", position))
        identity = f"{prefix}{first + int(own) if first and own.isdecimal() else own}"
        key = None if keys is None else keys.get(identity)
        labels = _labels(row)
        options = key.options if key is not None and key.options is not None else labels
        said = row["prediction"]
        values = _loglikelihoods(row, labels)
        if isinstance(said, list):
            said = labels[int(np.argmax(values))] if values is not None else said[0]
        count = len(options) or MOST
        right = next((row[name] for name in _GOLD if row.get(name) is not None), None)
        gold = key.gold if key is not None else index_of(right, count, options)
        answer = index_of(said, count, options)
        if keys is None and gold is None and not is_missing(right):
            raise ApprehendError(
                f"{file}, {place}: gold {str(right)[:40]!r} names no option by its letter; "
                "give the right answers as --gold FILE"
            )
        questions.append(
            ImportedQuestion(
                question_id=identity,
                topic=topic if key is None or key.topic == Key(None).topic else key.topic,
                answer=answer,
                correct=None if gold is None else answer == gold,
                gold=gold,
                options=options or None,
                option_logprobs=values if values is not None and len(values) == count else None,
                trace=said if isinstance(said, str) else None,
                place=place,
                said=None if is_missing(said) else str(said)[:200],
            )
        )
    return questions


def _labels(row: Mapping[str, Any]) -> list[str]:
    """Return the options of a question whose options were scored; empty for a generated text."""
    choices = row.get("choices")
    if isinstance(choices, list) and isinstance(row["prediction"], list):
        return [str(choice) for choice in choices]
    return [name.removeprefix(_LABEL) for name in row if name.startswith(_LABEL)]


def _loglikelihoods(row: Mapping[str, Any], labels: Sequence[str]) -> list[float] | None:
    """Return the options' log-probabilities; None where only perplexities of prompts are known."""
    if isinstance(row["prediction"], list) and labels:
        shares = [number(share) for share in row["prediction"]]
        if len(shares) == len(labels) and all(share is not None and share >= 0 for share in shares):
            return [math.log(share) if share else -math.inf for share in shares]
        return None
    scored = (row.get(f"{_LABEL}{label}") for label in labels)
    values = [number(o.get("Loglikelihood")) if isinstance(o, Mapping) else None for o in scored]
    known = [value for value in values if value is not None and not math.isnan(value)]
    return known if labels and len(known) == len(labels) else None


def _parts(files: Sequence[Path]) -> dict[tuple[Path, str], list[Path]]:
    """Return the files of each data set: a large one is in parts, ``x_0.json``, ``x_1.json``.

    Raises ApprehendError where a part is missing.
    """
    given = set(files)
    sets: dict[tuple[Path, str], list[Path]] = {}
    for file in files:
        match = _PART.fullmatch(file.stem)
        start = file.with_name(f"{match['name']}_0{file.suffix}") if match else file
        name = match["name"] if match and start in given else file.stem
        sets.setdefault((file.parent, name), []).append(file)
    for (folder, name), own in sets.items():
        if len(own) == 1:
            continue
        own.sort(key=lambda file: int(file.stem.rpartition("_")[2]))
        for place, file in enumerate(own):
            if file.stem != f"{name}_{place}":
                raise ApprehendError(
                    f"{folder}: part {name}_{place}{file.suffix} is missing before {file.name}"
                )
    return sets


def _has_gold(file: Path) -> bool:
    return any(mentions(file, name) for name in _GOLD)


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    notes: list[str] = []
    found = files_in(paths, _recognizes, "prediction files (origin_prompt, prediction)")
    files = [file for file in found if not file.name.startswith("tmp_")] or found
    if len(files) < len(found):
        unfinished = [file.name for file in found if file not in files]
        notes.append(f"left out, as of unfinished runs: {places_named(unfinished)}")
    keys = None
    if options["gold"] is not None or not all(map(_has_gold, files)):
        keys = read_keys(
            options["gold"], options["gold_columns"], options["index_base"], str(files[0]), notes
        )
    groups: dict[str, dict[str, list[Path]]] = {}
    for (folder, name), own in _parts(files).items():
        subject = _SUBJECT.fullmatch(name)
        sets = groups.setdefault(options["task"] or (subject["group"] if subject else name), {})
        if name in sets:
            raise ApprehendError(
                f"predictions on {name} are in several folders ({sets[name][0].parent}, {folder}); "
                "if they are of several models, import each folder with its own --model"
            )
        sets[name] = own
    for task, sets in groups.items():
        own = [file for parts in sets.values() for file in parts]
        questions: list[ImportedQuestion] = []
        for name, parts in sets.items():
            prefix, first = "" if task == name else f"{name}:", len(questions)
            for file in parts:
                done = len(questions) - first
                questions += read_predictions(file, name, keys, prefix, done)
        seen: set[str] = set()
        for question in questions:
            if question.question_id in seen:
                raise ApprehendError(f"{own[0]}: duplicate id {question.question_id} in its folder")
            seen.add(question.question_id)
        if keys is not None:
            notes += unknown_ids_note([question.question_id for question in questions], keys)
        signal = signal_of([question.trace for question in questions])
        yield Recording(own, signal, questions, task, notes=notes)
        notes = []


def _recognizes(path: Path) -> bool:
    return mentions(path, "prediction") and any(
        mentions(path, key) for key in ("origin_prompt", "in-context examples", "testing input")
    )


IMPORTER = Importer(
    name="opencompass",
    summary="Predictions of OpenCompass (predictions/MODEL/*.json).",
    files="Prediction files, or folders of them.",
    recognizes=_recognizes,
    read=_read_paths,
    options=KEY_OPTIONS,
    rank=3,
)
