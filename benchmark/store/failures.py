"""Failed requests of a run: one reason per question, kept until it succeeds.

A failure goes one way: an engine gives a ``Failed`` in the place of a reply, whoever makes a row of
the reply passes it on in the place of the row, and ``store_part`` notes it here.

They are stored in ``failures.json`` beside the signals, so that a question without a signal either
has not been asked yet or is listed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from ...estimators.signals.batch import Signal
from ..console.errors import ApprehendError
from .files import write_text

FAILURES = "failures.json"


QuestionId = str
"""Ids are text: 7 and "7" are the same question."""


@dataclass(frozen=True)
class Failed:
    """In the place of a reply, and of the row that would be made of it."""

    reason: str
    """One line."""


class FailureRow(TypedDict):
    """Which row of a store there is not, and why."""

    signal: str
    variant: str
    source: str
    question_id: QuestionId
    reason: str


def read_failures(store: Path) -> list[FailureRow]:
    """Read rows with signal, variant, source, question_id and reason, in order of occurrence.

    Raises ApprehendError if the file is damaged.
    """
    file = store / FAILURES
    if not file.is_file():
        return []
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(rows, list) or not all(map(_is_row, rows)):
            raise ValueError("expected rows with signal, variant, source, question_id and reason")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ApprehendError(
            f"{file}: not readable ({error}); delete it, the next run asks these questions again"
        ) from error
    for row in rows:
        row["question_id"] = str(row["question_id"])  # older files have numbers
    return list(rows)


def _is_row(row: object) -> bool:
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(name), str) for name in ("variant", "source", "reason"))
        and row.get("signal") in [signal.value for signal in Signal]
        and isinstance(row.get("question_id"), str | int)
    )


def note_failures(
    store: Path,
    signal: Signal,
    variant: str,
    source: str,
    asked: Iterable[Any],
    failed: Mapping[Any, str],
) -> None:
    """Replace the failures of the ``asked`` questions by ``failed``: question id → reason."""
    before = read_failures(store)
    key = (signal.value, variant, source)
    settled = set(map(str, asked))
    rows = [
        row
        for row in before
        if (row["signal"], row["variant"], row["source"]) != key
        or row["question_id"] not in settled
    ]
    rows += [
        {
            "signal": key[0],
            "variant": key[1],
            "source": key[2],
            "question_id": str(question),
            "reason": reason.encode("utf-8", "backslashreplace").decode("utf-8"),
        }
        for question, reason in failed.items()
    ]
    if rows != before:
        text = json.dumps(rows, indent=1, ensure_ascii=False, default=str)
        write_text(store / FAILURES, text + "\n")
