"""Self-reports of a model about its own answer: prompts, and the parsing of replies.

Most prompts ask for a confidence in percent. A reply between 0 and 1 is ambiguous ("0.9" may mean
90 % or 0.9 %) and counts as not parsed, but for a whole distribution, whose sum tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .reading.parsing import MARKER
from .reading.stated_distribution import read_stated_distribution

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


def read_tenths(text: str, labels: Sequence[str]) -> Report:
    """Parse ``[[7]]`` or ``[[7/10]]``, a number from 0 to 10."""
    match = re.fullmatch(r"(\d{1,2}(?:\.\d+)?)(?:\s*/\s*10)?", (_marked(text) or "").strip())
    number = None if match is None else float(match.group(1))
    if number is None or number > SCALE[-1]:
        return _unread(text)
    return Report(value=number / SCALE[-1])


def read_distribution(text: str, labels: Sequence[str]) -> Report:
    """Parse a probability for every option; ``value`` is the largest, as stated."""
    stated = read_stated_distribution(text, labels)
    answers = tuple(range(len(stated.values)))
    if stated.reason is not None:
        shown = " ".join(text.split())[:60]
        reason = f'confidence not parsed: {stated.reason}: "{shown}"'
        return Report(values=stated.values, answers=answers, reason=reason)
    return Report(value=max(stated.values), values=stated.values, answers=answers)


SCALE = tuple(range(11))
"""The numbers that may be stated on the scale from 0 to 10."""
SELF_REPORTS: dict[str, SelfReport] = {
    report.name: report
    for report in (
        SelfReport("one_step", "self_one_step", read_one_step),
        SelfReport("two_step", "self_two_step", read_two_step),
        SelfReport("top_k", "self_top_k", read_top_k),
        SelfReport("linguistic", "self_linguistic", read_linguistic),
        SelfReport("two_step_0_10", "self_two_step_0_10", read_tenths),
        SelfReport("distribution", "self_distribution", read_distribution, max_new_tokens=192),
    )
}
"""Self-reports that are one text per question."""
EACH_OPTION = SelfReport("each_option", "self_each_option", read_two_step)
"""Asked about every option apart: one text per option."""
P_TRUE = "p_true"
P_TRUE_PROMPT = "self_p_true"
P_TRUE_LABELS = ("True", "False")
BEFORE, BEFORE_PROMPT = "before", "self_before"
"""Whether the model knows the answer, asked before it gives one."""
EXPECTED, SCALE_CUE = "expected_0_10", "[["
"""The distribution of the number on the scale, behind a reply that is begun with the cue."""
AMONG_SAMPLES, AMONG_SAMPLES_PROMPT = "among_samples", "self_among_samples"
"""The question again, with the options only that samples chose."""
CANDIDATES_PROMPT = "self_p_true_candidates"
CANDIDATES = {f"{P_TRUE}_{count}": count for count in range(1, 11)}
"""Variant of P(True) → number of sampled answers that it shows."""
