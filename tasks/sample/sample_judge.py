"""Training data of the embedded model as a judge of questions.

The apparent difficulty of a question follows from its wording, not from whether the model knows the
answer; the reasoning that it needs follows from its kind. Some labels are wrong on purpose, as
those of a real judge.
"""

from __future__ import annotations

import random
from functools import lru_cache

from ..mmlu_pro import STYLES
from ..prompting import load_prompt
from .wording import NUMBERS
from .world import Question

packaged_prompt = lru_cache(maxsize=None)(load_prompt)
"""The packaged templates, each read once."""

QUESTIONNAIRES = ("judge_complexity", "judge_education_level", "judge_reasoning_steps")
LEVELS = ("high school", "undergraduate", "graduate", "postgraduate")
STEP_WORDS = {0: "low", 1: "low", 2: "medium", 3: "high", 4: "high"}
NOISE = 0.08
"""Share of labels that are replaced by an adjacent one."""
RATING_SHARE = 0.4
MISFIT_SHARE = 0.2
"""Share of ratings whose assessment is about another question."""


def _usual_level(question: Question) -> tuple[int, int]:
    """Return the education level and the shade of difficulty of a form of question."""
    fixed = random.Random(f"level {question.topic} {question.form}")
    return fixed.randrange(len(LEVELS)), fixed.choice((-1, 0, 0, 1))


def assessment(name: str, question: Question, rng: random.Random) -> str:
    """Return a judge's reply to the questionnaire ``name``: a short reason and the marked value."""
    level, shade = _usual_level(question)
    if rng.random() < NOISE:
        level = min(max(level + rng.choice((-1, 1)), 0), len(LEVELS) - 1)
    return f"{reason_given(question)} [[{_value(name, question, level, shade, rng)}]]"


def reason_given(question: Question) -> str:
    """Return a judge's short reason."""
    if question.steps == 0:
        return "It asks for one fact."
    return f"It takes {NUMBERS[question.steps]} steps."


def _value(name: str, question: Question, level: int, shade: int, rng: random.Random) -> str:
    if name == "judge_complexity":
        return f"0.{2 * (level + 1) + shade}"
    if name == "judge_education_level":
        return LEVELS[level]
    steps = STEP_WORDS[question.steps]
    if rng.random() < NOISE:
        steps = rng.choice(tuple(STEP_WORDS.values()))
    knowledge = "yes" if question.steps == 0 or question.form == 1 else "no"
    return f"knowledge: {knowledge}, reasoning: {'yes' if question.steps else 'no'}, steps: {steps}"


def rating(question: Question, other: Question | None, rng: random.Random) -> str:
    """Return the rating for ``question`` of an assessment about ``other`` (None: about it)."""
    if other is None or (other.topic, other.steps) == (question.topic, question.steps):
        return f"[[{rng.choice((9, 9, 9, 10))}]]"
    if bool(other.steps) == bool(question.steps):
        return f"[[{rng.choice((7, 8))}]]"
    return f"[[{rng.choice((3, 4))}]]"


def judge_lesson(question: Question, other: Question, rng: random.Random) -> tuple[str, str]:
    """Return a judge's prompt and reply about ``question``; ``other`` is used for misfits."""
    choices = STYLES["mmlu_pro_direct"].choices(list(question.options))
    context = {"question": question.text, "choices": choices, "topic": question.topic}
    name = rng.choice(QUESTIONNAIRES)
    if rng.random() >= RATING_SHARE:
        prompt = packaged_prompt(name).render(**context)
        return prompt, assessment(name, question, rng)
    subject = other if rng.random() < MISFIT_SHARE else None
    text = assessment(name, subject or question, rng)
    prompt = packaged_prompt("judge_rating").render(**context, assessment=text)
    return prompt, rating(question, subject, rng)
