"""Read the answer out of a chain of thought: a ladder of named rules, the surest first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from .answer_rules import (
    as_answer,
    read_boxed,
    read_final_line,
    read_last_label,
    read_marker,
    read_option_text,
    read_statement,
)
from .answer_types import Choices, Finder, ReadAnswer, Rule
from .reasoning import answer_start


def _first_statement(text: str, choices: Choices) -> ReadAnswer | None:
    """Read the first "answer is (C)": lm-eval's filter, the benchmark authors' first level."""
    match = re.search(rf"answer is \(?([A-{choices.labels[-1]}])\)?", text)
    return match and as_answer(choices, match, Rule.FIRST_STATEMENT)


def _answer_line(text: str, choices: Choices) -> ReadAnswer | None:
    """Read the last "answer: C" on the first such line: the authors' second level.

    Their pattern takes the square of a text's length; this one reads the same.
    """
    matches = list(re.finditer(rf"[aA]nswer:\s*([A-{choices.labels[-1]}])", text))
    if not matches:
        return None
    end = text.find("\n", matches[0].start())
    line = [match for match in matches if end < 0 or match.start() < end]
    return as_answer(choices, line[-1], Rule.ANSWER_LINE)


def _any_letter(text: str, choices: Choices) -> ReadAnswer | None:
    """Read the last capital that is a label and stands alone: the authors' third level."""
    matches = list(re.finditer(rf"\b([A-{choices.labels[-1]}])\b", text))
    return as_answer(choices, matches[-1], Rule.ANY_LETTER) if matches else None


EXTRACTIONS: dict[str, tuple[Finder, ...]] = {
    "strict": (read_marker,),
    "ladder": (
        read_marker,
        read_statement,
        read_boxed,
        read_final_line,
        read_option_text,
        read_last_label,
    ),
    "lm_eval": (_first_statement,),
    "mmlu_pro": (_first_statement, _answer_line, _any_letter),
}
"""Name → rules in their order. "ladder" is ours; "strict" reads the marker alone; "lm_eval" is the
filter of lm-eval's ``mmlu_pro``; "mmlu_pro" the benchmark authors' three levels (TIGER-AI-Lab,
``evaluate_from_local.py``), whose last level takes any capital letter."""


DEFAULT = "ladder"


def read_answer(
    text: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    extraction: str = DEFAULT,
    prompt: str = "",
    start: int | None = None,
) -> ReadAnswer | None:
    """Read the answer in a generated text, by the first rule of the ladder that reads one.

    What a thinking model writes before its answer is left out, see `answer_start`.

    Args:
        text: The generated text.
        labels: The options' labels, capitals, in the options' order.
        options: The options' texts, where they are known.
        extraction: A name of `EXTRACTIONS`.
        prompt: The end of the prompt, in which a chat template may have opened a thought.
        start: Where the answer part begins, if that is known; None to look for it.

    Returns:
        The option, where it is named, and the rule; None where no rule reads an answer.

    Raises:
        KeyError: There is no such extraction.
    """
    rules = EXTRACTIONS[extraction]
    if start is None:
        start = answer_start(text, prompt)
    if start is None:
        return None
    choices = Choices(tuple(labels), tuple(options))
    for rule in rules:
        answer = rule(text[start:], choices)
        if answer is not None:
            return replace(answer, start=answer.start + start, end=answer.end + start)
    return None
