"""What an importer reads: recorded answers of one model on one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...estimators.signals.batch import Signal, Status

UNKNOWN_TOPIC = "all questions"


@dataclass
class ImportedQuestion:
    """One recorded answer. Option indices start at 0; None is unknown (``answer``: unparsed)."""

    question_id: str
    topic: str
    answer: int | None
    correct: bool | None = None
    gold: int | None = None
    option_logprobs: Sequence[float] | None = None
    """Natural-log probabilities, not renormalized; -inf for an option that was not seen."""
    scores: dict[str, float] = field(default_factory=dict)
    question: str | None = None
    options: Sequence[str] | None = None
    trace: str | None = None
    """The generated text that the answer was parsed from, if any."""
    status: Status | None = None
    top_logprobs: Sequence[float] | None = None
    """The largest log-probabilities at the answer token, in descending order."""
    missing_mass: float | None = None
    """Probability outside ``top_logprobs``, or outside the options where these alone are known."""
    place: str = ""
    """Where it stands in its file: ``line 3``."""
    said: str | None = None
    """What stands there in the place of an answer that cannot be read."""


@dataclass(frozen=True)
class Recording:
    """Recorded answers of one model on one task, as read from files.

    Attributes:
        files: The files; messages name the first.
        signal: ``answer``, or ``trace`` if text was generated.
        questions: One recorded answer per question, with unique ids.
        task: The task's name in the files; None if they do not contain it.
        origin: What the manifest says about how the files were read.
        notes: What was decided while reading, one line each.
        confidences: Names of the scores that were given as confidences.
    """

    files: Sequence[Path]
    signal: Signal
    questions: Sequence[ImportedQuestion]
    task: str | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    confidences: Sequence[str] = ()


def places_named(places: Sequence[str], most: int = 3) -> str:
    """Name some of the places: ``line 3, line 7 and 12 more``."""
    listed = ", ".join(places[:most])
    return f"{listed} and {len(places) - most:,} more" if len(places) > most else listed
