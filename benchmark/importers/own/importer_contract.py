"""What recordings of any importer must hold, checked before they are stored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ....estimators.signals.batch import Signal, Status
from ....tasks.topics import LETTERS
from ...console.errors import ApprehendError
from ...recordings.recorded import ImportedQuestion, Recording

READ = (Signal.ANSWER, Signal.TRACE)
"""Signals of which recorded answers consist."""
MASS_SLACK = 1e-6
"""By how much the probabilities of the options may sum to more than 1."""


def checked_recordings(name: str, recordings: Iterable[object]) -> list[Recording]:
    """Return the recordings, with every outcome that follows from answer and right option.

    An outcome that is not given is ``answer == gold`` where the right option is known, so that an
    answer that could not be read is wrong.

    Args:
        name: The importer's name, for messages.
        recordings: What its ``read`` returned.

    Raises:
        ApprehendError: There is no recording, or one holds anything that `Recording` and
            `ImportedQuestion` do not promise; the message names the place.
    """
    checked = [_recording(name, item) for item in recordings]
    if not checked:
        raise ApprehendError(f"importer {name!r}: read no answers")
    return checked


def _recording(name: str, given: object) -> Recording:
    if not isinstance(given, Recording):
        raise ApprehendError(
            f"importer {name!r}: expected `read` to give recordings, got {type(given).__name__}"
        )
    if not given.files or not all(isinstance(file, Path) for file in given.files):
        raise ApprehendError(f"importer {name!r}: expected `files` to be paths, at least one")
    if given.signal not in READ:
        expected = " or ".join(f"Signal.{signal.name}" for signal in READ)
        raise ApprehendError(f"importer {name!r}: expected `signal` to be {expected}")
    if not given.questions:
        raise ApprehendError(f"importer {name!r}: {given.files[0]}: read no answers")
    seen: dict[str, str] = {}
    questions = []
    listed: Sequence[object] = given.questions
    for number, question in enumerate(listed, 1):
        if not isinstance(question, ImportedQuestion):
            raise ApprehendError(
                f"importer {name!r}: {given.files[0]}: expected `questions` to be "
                f"ImportedQuestion, got {type(question).__name__}"
            )
        place = question.place or f"question {number}"
        where = f"importer {name!r}: {given.files[0]}, {place}"
        wrong = next(_faults(question), None)
        if wrong is not None:
            raise ApprehendError(f"{where}: {wrong}")
        if question.question_id in seen:
            first = seen[question.question_id]
            raise ApprehendError(f"{where}: duplicate id {question.question_id!r}, first {first}")
        seen[question.question_id] = place
        questions.append(_with_outcome(question))
    return replace(given, questions=questions)


def _with_outcome(question: ImportedQuestion) -> ImportedQuestion:
    if question.correct is not None or question.gold is None:
        return question
    return replace(question, correct=question.answer == question.gold)


def _faults(question: ImportedQuestion) -> Iterator[str]:
    """Yield what is wrong with the fields of a question."""
    for name in ("question_id", "topic"):
        text: object = getattr(question, name)
        if not isinstance(text, str) or not text:
            yield f"expected `{name}` to be a text, got {text!r}"
    correct: object = question.correct
    if not (correct is None or isinstance(correct, bool | np.bool_)):
        yield f"expected `correct` to be True, False or None, got {correct!r}"
    count = _option_count(question)
    for name in ("answer", "gold"):
        yield from _index_fault(name, getattr(question, name), count)
    known = None not in (question.answer, question.gold, question.correct)
    if known and question.correct != (question.answer == question.gold):
        yield (
            f"`correct` is {question.correct}, but `answer` is {question.answer} and `gold` is "
            f"{question.gold}"
        )
    yield from _probability_faults(question)
    for name, score in question.scores.items():
        if isinstance(score, bool) or not isinstance(score, int | float | np.number):
            yield f"expected score {name!r} to be a number (NaN for none), got {score!r}"
    status: object = question.status
    if not (status is None or isinstance(status, Status)):
        yield f"expected `status` to be a Status or None, got {status!r}"


def _option_count(question: ImportedQuestion) -> int:
    listed = question.options if question.options is not None else question.option_logprobs
    return len(LETTERS) if listed is None else len(listed)


def _index_fault(name: str, index: object, count: int) -> Iterator[str]:
    if index is None:
        return
    if isinstance(index, bool) or not isinstance(index, int | np.integer):
        yield f"expected `{name}` to be the index of an option (from 0) or None, got {index!r}"
    elif not 0 <= index < count:
        yield f"expected `{name}` to be from 0 to {count - 1}, got {index}"


def _probability_faults(question: ImportedQuestion) -> Iterator[str]:
    if question.option_logprobs is None:
        return
    values = np.asarray(question.option_logprobs, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        yield "expected `option_logprobs` to be one number for each of at least 2 options"
        return
    if question.options is not None and len(values) != len(question.options):
        yield f"{len(values)} `option_logprobs` for {len(question.options)} options"
    total = float(np.exp(values).sum())
    if math.isnan(total) or total > 1 + MASS_SLACK:
        yield (
            "expected `option_logprobs` to be natural logarithms of probabilities, whose sum is "
            f"at most 1, got a sum of {total:.3g}"
        )
    elif total == 0:
        yield "no option of `option_logprobs` has any probability"
