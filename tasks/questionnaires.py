"""The judge's questionnaires: their prompts, the parsing of replies, and the strata they define.

A reply ends in a value in double brackets; the last one counts.

References:
    arXiv 2503.01688
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .reading.parsing import MARKER


@dataclass(frozen=True)
class Verdict:
    """A parsed reply. Either ``value`` is in [0, 1] or ``reason`` says why it is missing."""

    value: float | None = None
    labels: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Questionnaire:
    """A prompt about each question of the benchmark, answered by a judge."""

    name: str
    prompt: str
    read: Callable[[str], Verdict]
    strata: tuple[str, ...] = ()
    """Names of the strata that the labels define, in order."""
    scale: Mapping[str, float] = field(default_factory=dict)
    """Labels to choose from, in order, and their values."""
    about_answer: bool = False
    """Whether it is about the evaluated model's answer too, not only about the question."""

    def label_start(self, text: str) -> int | None:
        """Return where the label from ``scale`` begins in a reply; None if there is none."""
        markers = list(MARKER.finditer(text))
        if not markers:
            return None
        inner = markers[-1].group(1)
        labels = sorted(self.scale, key=len, reverse=True)
        match = re.search(rf"\b({'|'.join(map(re.escape, labels))})\s*$", inner.lower())
        return None if match is None else markers[-1].start(1) + match.start(1)


EDUCATION_LEVELS: dict[str, float] = {
    "high school": 0.2,
    "undergraduate": 0.4,
    "graduate": 0.6,
    "postgraduate": 0.8,
}
REASONING_STEPS: dict[str, float] = {"low": 0.25, "medium": 0.5, "high": 0.75}
TENTHS: dict[str, float] = {f"{number / 10:g}": number / 10 for number in range(11)}
_SHOWN = 60


def _last_marker(text: str) -> str | None:
    values = MARKER.findall(text)
    return values[-1].strip().lower() if values else None


def _unread(what: str, text: str) -> Verdict:
    shown = " ".join(text.split())
    shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
    return Verdict(reason=f'{what} not parsed: "{shown}"')


def read_number(text: str, low: float, high: float) -> float | None:
    """Parse the number in the last marker; None if there is none in [low, high]."""
    inner = _last_marker(text)
    if inner is None or not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", inner):
        return None
    number = float(inner)
    return number if low <= number <= high else None


def read_complexity(text: str) -> Verdict:
    """Parse ``[[0.4]]``, a number in [0, 1]."""
    number = read_number(text, 0.0, 1.0)
    return _unread("complexity", text) if number is None else Verdict(value=number)


def read_correctness(text: str) -> Verdict:
    """Parse ``[[0.8]]``, the probability that the answer is right, in [0, 1]."""
    number = read_number(text, 0.0, 1.0)
    return _unread("correctness", text) if number is None else Verdict(value=number)


def read_education_level(text: str) -> Verdict:
    """Parse ``[[graduate]]``, one of ``EDUCATION_LEVELS``, or a variant of it."""
    inner = re.sub(r"[^a-z]+", " ", _last_marker(text) or "").strip()
    inner = re.sub(r"^post graduate", "postgraduate", inner)
    inner = re.sub(r"^under graduate", "undergraduate", inner)
    inner = re.sub(r" (and|or) (easier|less|below)$| (level|student)$", "", inner)
    if inner not in EDUCATION_LEVELS:
        return _unread("education level", text)
    return Verdict(value=EDUCATION_LEVELS[inner], labels=(inner,))


_REASONING = re.compile(
    r"knowledge\W+(?P<knowledge>yes|no)\b\W+reasoning\W+(?P<reasoning>yes|no)\b\W+"
    r"(?:number of )?(?:reasoning )?steps\W+(?P<steps>low|medium|high)"
)


def read_reasoning_steps(text: str) -> Verdict:
    """Parse ``[[knowledge: yes, reasoning: no, steps: low]]``; the value is that of the steps."""
    match = _REASONING.fullmatch(_last_marker(text) or "")
    if match is None:
        return _unread("reasoning", text)
    labels = (match["knowledge"], match["reasoning"], match["steps"])
    return Verdict(value=REASONING_STEPS[labels[2]], labels=labels)


def read_rating(text: str) -> float | None:
    """Parse ``[[9]]``, the rating of a judgment by a second call, 1 to 10."""
    return read_number(text, 1.0, 10.0)


QUESTIONNAIRES: dict[str, Questionnaire] = {
    q.name: q
    for q in (
        Questionnaire("complexity", "judge_complexity", read_complexity, scale=TENTHS),
        Questionnaire(
            "education_level",
            "judge_education_level",
            read_education_level,
            ("education_level",),
            EDUCATION_LEVELS,
        ),
        Questionnaire(
            "reasoning_steps",
            "judge_reasoning_steps",
            read_reasoning_steps,
            ("requires_knowledge", "requires_reasoning", "reasoning_steps"),
            REASONING_STEPS,
        ),
        Questionnaire(
            "correctness", "judge_correctness", read_correctness, scale=TENTHS, about_answer=True
        ),
    )
}
ABOUT_QUESTION = tuple(n for n, q in QUESTIONNAIRES.items() if not q.about_answer)
RATING_PROMPT = "judge_rating"
