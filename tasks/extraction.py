"""Read the answer out of a chain of thought: a ladder of named rules, the surest first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .answer_rules import (
    Choices,
    Finder,
    ReadAnswer,
    Rule,
    as_answer,
    read_boxed,
    read_final_line,
    read_last_label,
    read_marker,
    read_option_text,
    read_statement,
)


def _first_statement(text: str, choices: Choices) -> ReadAnswer | None:
    """The first "answer is (C)", as lm-eval's filter and the benchmark authors' first level."""
    match = re.search(rf"answer is \(?([A-{choices.labels[-1]}])\)?", text)
    return match and as_answer(choices, match, Rule.FIRST_STATEMENT)


def _answer_line(text: str, choices: Choices) -> ReadAnswer | None:
    """The authors' second level, ``.*[aA]nswer:\\s*([A-J])``: the last on the first such line.

    Their pattern takes the square of a text's length; this one reads the same.
    """
    matches = list(re.finditer(rf"[aA]nswer:\s*([A-{choices.labels[-1]}])", text))
    if not matches:
        return None
    end = text.find("\n", matches[0].start())
    line = [match for match in matches if end < 0 or match.start() < end]
    return as_answer(choices, line[-1], Rule.ANSWER_LINE)


def _any_letter(text: str, choices: Choices) -> ReadAnswer | None:
    """The authors' third level: the last capital that is a label and stands alone."""
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


def read_answer(
    text: str, labels: Sequence[str], options: Sequence[str] = (), extraction: str = "ladder"
) -> ReadAnswer | None:
    """The answer in a generated text, by the first rule of the ladder that reads one.

    Args:
        text: The generated text.
        labels: The options' labels, capitals, in the options' order.
        options: The options' texts, where they are known.
        extraction: A name of `EXTRACTIONS`.

    Returns:
        The option, where it is named, and the rule; None where no rule reads an answer.

    Raises:
        KeyError: There is no such extraction.
    """
    choices = Choices(tuple(labels), tuple(options))
    for rule in EXTRACTIONS[extraction]:
        answer = rule(text, choices)
        if answer is not None:
            return answer
    return None
