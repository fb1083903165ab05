"""``apprehend import opencompass``: the prediction files that OpenCompass writes per data set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks.files.cells import is_missing
from ...tasks.files.json_rows import read_json_rows
from ...tasks.reading.answer_columns import MOST, index_of
from ..console.errors import ApprehendError
from ..recordings.answer_keys import KEY_OPTIONS, Key, read_keys, unknown_ids_note
from ..recordings.recorded import ImportedQuestion, Recording
from ..recordings.reply_answers import SHORT
from ..recordings.sniffing import mentions
from .importer import Importer, files_in

_SUBJECT = re.compile(
    r"(?:lukaemon_)?(?P<group>mmlu_pro|mmlu|cmmlu|ceval|agieval)[_-](?P<topic>.+)"
)


def read_predictions(
    file: Path, keys: Mapping[str, Key] | None, prefix: str
) -> list[ImportedQuestion]:
    """Read one file: ``{"0": {"origin_prompt", "prediction", "gold"}, …}``.

    Args:
        file: The file.
        keys: Right answers by id, for files without ``gold``.
        prefix: What ids begin with, where the positions of several files go together.

    Raises ApprehendError or DataError, with file and place, for other content.
    """
    subject = _SUBJECT.fullmatch(file.stem)
    topic = subject["topic"] if subject else file.stem
    questions = []
    for number, (place, row) in enumerate(read_json_rows(file).items()):
        if "prediction" not in row:
            raise ApprehendError(f"{file}, {place}: no 'prediction'; expected OpenCompass's output")
        identity = f"{prefix}{row.get('key', number)}"
        key = None if keys is None else keys.get(identity)
        options = key.options if key is not None and key.options is not None else ()
        said = row["prediction"][0] if isinstance(row["prediction"], list) else row["prediction"]
        gold = key.gold if key is not None else index_of(row.get("gold"), MOST, options)
        answer = index_of(said, len(options) or MOST, options)
        if keys is None and gold is None and not is_missing(row.get("gold")):
            raise ApprehendError(
                f"{file}, {place}: gold {str(row['gold'])[:40]!r} names no option by its letter; "
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
                trace=said if isinstance(said, str) else None,
                place=place,
                said=None if is_missing(said) else str(said)[:200],
            )
        )
    return questions


def _read_paths(paths: Sequence[Path], options: Mapping[str, Any]) -> Iterator[Recording]:
    files = files_in(paths, _recognizes, "prediction files (origin_prompt, prediction)")
    notes: list[str] = []
    keys = None
    if options["gold"] is not None or not all(mentions(file, "gold") for file in files):
        keys = read_keys(
            options["gold"], options["gold_columns"], options["index_base"], str(files[0]), notes
        )
    groups: dict[str, list[Path]] = {}
    for file in files:
        subject = _SUBJECT.fullmatch(file.stem)
        groups.setdefault(
            options["task"] or (subject["group"] if subject else file.stem), []
        ).append(file)
    for task, own in groups.items():
        questions: list[ImportedQuestion] = []
        for file in own:
            questions += read_predictions(file, keys, "" if task == file.stem else f"{file.stem}:")
        seen: set[str] = set()
        for question in questions:
            if question.question_id in seen:
                raise ApprehendError(f"{own[0]}: duplicate id {question.question_id} in its folder")
            seen.add(question.question_id)
        if keys is not None:
            notes += unknown_ids_note([question.question_id for question in questions], keys)
        long = sum(len(str(question.trace or "").split()) > SHORT for question in questions)
        signal = Signal.TRACE if 2 * long > len(questions) else Signal.ANSWER
        yield Recording(own, signal, questions, task, notes=notes)
        notes = []


def _recognizes(path: Path) -> bool:
    return mentions(path, "prediction") and (
        mentions(path, "origin_prompt") or mentions(path, "in-context examples")
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
