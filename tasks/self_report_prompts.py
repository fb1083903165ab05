"""Self-reports of a model about its own answer: prompts, and the parsing of replies.

Prompts ask for a confidence in percent. A reply between 0 and 1 is ambiguous ("0.9" may mean 90 %
or 0.9 %) and counts as not parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .reading.parsing import MARKER

PHRASES: dict[str, float] = {
    "certain": 0.98,
    "almost certain": 0.95,
    "very likely": 0.9,
    "likely": 0.75,
    "about even": 0.5,
    "unlikely": 0.25,
    "very unlikely": 0.1,
    "almost no chance": 0.05,
}
"""Phrases that the linguistic self-report offers, and their probabilities."""


@dataclass(frozen=True)
class Report:
    """A parsed self-report. Either ``value`` is in [0, 1] or ``reason`` says why it is missing."""

    value: float | None = None
    values: tuple[float, ...] = ()
    answers: tuple[int, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class SelfReport:
    """One elicitation style: its prompt and its parser."""

    name: str
    prompt: str
    read: Callable[[str, Sequence[str]], Report]
    max_new_tokens: int = 48


def _marked(text: str) -> str | None:
    values = MARKER.findall(text)
    return values[-1].strip() if values else None


def _unread(text: str) -> Report:
    shown = " ".join(text.split())
    return Report(reason=f'confidence not parsed: "{shown[:60]}"')


def _percent(text: str) -> float | None:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:%|percent)?", text.strip().lower())
    if match is None:
        return None
    number = float(match.group(1))
    return number / 100 if number == 0 or 1 <= number <= 100 else None


def _index(text: str, labels: Sequence[str]) -> int:
    label = text.strip().strip("().").upper()
    return labels.index(label) if label in labels else -1


def read_two_step(text: str, labels: Sequence[str]) -> Report:
    """Parse ``[[85]]`` or ``[[85 %]]``."""
    value = _percent(_marked(text) or "")
    return _unread(text) if value is None else Report(value=value)


def read_one_step(text: str, labels: Sequence[str]) -> Report:
    """Parse ``[[C, 85]]``, an answer and the confidence in it."""
    answer, _, percent = (_marked(text) or "").partition(",")
    value = _percent(percent)
    index = _index(answer, labels)
    if value is None or index < 0:
        return _unread(text)
    return Report(value=value, values=(value,), answers=(index,))


def read_top_k(text: str, labels: Sequence[str]) -> Report:
    """Parse ``[[C: 60, A: 30, B: 5]]``."""
    values, answers = [], []
    for piece in (_marked(text) or "").split(","):
        answer, _, percent = piece.partition(":")
        value = _percent(percent)
        if value is None:
            return _unread(text)
        values.append(value)
        answers.append(_index(answer, labels))
    return Report(value=values[0], values=tuple(values), answers=tuple(answers))


def read_linguistic(text: str, labels: Sequence[str]) -> Report:
    """Parse ``[[very likely]]``, one of ``PHRASES``."""
    phrase = (_marked(text) or "").lower()
    return Report(value=PHRASES[phrase]) if phrase in PHRASES else _unread(text)


SELF_REPORTS: dict[str, SelfReport] = {
    report.name: report
    for report in (
        SelfReport("one_step", "self_one_step", read_one_step),
        SelfReport("two_step", "self_two_step", read_two_step),
        SelfReport("top_k", "self_top_k", read_top_k),
        SelfReport("linguistic", "self_linguistic", read_linguistic),
    )
}
P_TRUE = "p_true"
P_TRUE_PROMPT = "self_p_true"
P_TRUE_LABELS = ("True", "False")
