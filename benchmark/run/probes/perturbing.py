"""Perturbed questions: options in another order, the stem hidden or shuffled."""

from __future__ import annotations

import random

from ....tasks.question_row import Row
from ..asking.seeds import question_seed

PARAPHRASES = ("paraphrase_1", "paraphrase_2", "paraphrase_3", "paraphrase_4")
NO_STEM, SHUFFLED_STEM, INSTRUCTION = "no_stem", "shuffled_stem", "instruction"
PROMPT_VARIANTS = (*PARAPHRASES, NO_STEM, SHUFFLED_STEM, INSTRUCTION)


def rotated(row: Row, shift: int) -> Row:
    """Rotate the options: place i gets original option (i + shift) mod K. Labels stay in place."""
    options = list(row["options"])
    count = len(options)
    return {**row, "options": [options[(i + shift) % count] for i in range(count)]}


def rotated_back(values: list[float], shift: int) -> list[float]:
    """Reorder the values of a rotated row's places by the original options."""
    count = len(values)
    return [values[(i - shift) % count] for i in range(count)]


def without_stem(row: Row) -> Row:
    """Hide the question, so that the options alone can give the answer away."""
    return {**row, "question": "(not shown)"}


def shuffled_stem(row: Row, seed: int) -> Row:
    """Shuffle the words of the question, in an order that depends on its id and the seed."""
    words = str(row["question"]).split()
    random.Random(question_seed(row["question_id"], seed, "stem")).shuffle(words)
    return {**row, "question": " ".join(words)}
