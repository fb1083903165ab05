"""Training data of the embedded model for self-reports about its own answers.

The stated confidence follows from the frequency of a fact, or the length of a sum, as if the model
had read honest authors. Whether it matches what the model knows is for the benchmark to measure.
"""

from __future__ import annotations

import random

from ..mmlu_pro import STYLES
from ..self_report_prompts import P_TRUE_LABELS, PHRASES
from .sample_judge import packaged_prompt, reason_given
from .world import Question

CORRECTNESS = "judge_correctness"
SELF_REPORT_PROMPTS = (
    "self_p_true",
    "self_one_step",
    "self_two_step",
    "self_top_k",
    "self_linguistic",
    CORRECTNESS,
)
BELIEF_IN_SUMS = {1: 0.9, 2: 0.5, 3: 0.3, 4: 0.2}
FACTS_DOUBTED = 120
"""Rank at which confidence in a fact is almost at its minimum."""


def belief(question: Question) -> float:
    """Return the probability that a learner of these lessons is right, in (0, 1)."""
    if question.steps:
        return BELIEF_IN_SUMS[question.steps]
    return max(0.15, 0.95 - 0.8 * question.rank / FACTS_DOUBTED)


def self_report_lesson(name: str, question: Question, rng: random.Random) -> tuple[str, str]:
    """Return the prompt of a self-report about ``question``, and the reply."""
    style = STYLES["mmlu_pro_direct"]
    choices = style.choices(list(question.options))
    right = rng.random() < 0.5
    others = [i for i in range(len(choices)) if i != question.answer_index]
    proposed = choices[question.answer_index if right else rng.choice(others)]
    prompt = packaged_prompt(name).render(
        question=question.text,
        choices=choices,
        topic=question.topic,
        label_kind=style.label_kind,
        proposed=f"{proposed.label}. {proposed.text}",
        phrases=", ".join(PHRASES),
    )
    sure = belief(question)
    label = choices[question.answer_index].label
    chance = sure if right else sure * (1 - sure)
    if name == "self_p_true":
        return prompt, P_TRUE_LABELS[0 if right else 1]
    if name == "self_one_step":
        return prompt, f"[[{label}, {_percent(sure)}]]"
    if name == "self_top_k":
        guesses = [label, *(choices[i].label for i in rng.sample(others, 2))]
        chances = (sure, 0.6 * (1 - sure), 0.3 * (1 - sure))
        pairs = (f"{guess}: {_percent(p)}" for guess, p in zip(guesses, chances, strict=True))
        return prompt, f"[[{', '.join(pairs)}]]"
    if name == "self_linguistic":
        return prompt, f"[[{min(PHRASES, key=lambda phrase: abs(PHRASES[phrase] - chance))}]]"
    if name == CORRECTNESS:
        return prompt, f"{reason_given(question)} [[0.{min(max(round(10 * chance), 1), 9)}]]"
    return prompt, f"[[{_percent(chance)}]]"


def _percent(chance: float) -> int:
    return 5 * min(max(round(20 * chance), 1), 19)
