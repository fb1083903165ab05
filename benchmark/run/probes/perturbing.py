"""Perturbed questions: options in another order, the stem hidden or shuffled, all of it removed."""

from __future__ import annotations

import random

from ..asking.seeds import question_seed

PARAPHRASES = ("paraphrase_1", "paraphrase_2", "paraphrase_3", "paraphrase_4")
NO_STEM, SHUFFLED_STEM, INSTRUCTION = "no_stem", "shuffled_stem", "instruction"
CONTENT_FREE = "content_free"
NOTHING_ASKED = "N/A"
"""What stands for the stem and for each option of a content-free question."""
PROMPT_VARIANTS = (*PARAPHRASES, NO_STEM, SHUFFLED_STEM, INSTRUCTION, CONTENT_FREE)


def rotated_back(values: list[float], shift: int) -> list[float]:
    """Reorder the values of a rotated row's places by the original options."""
    count = len(values)
    return [values[(i - shift) % count] for i in range(count)]


def without_stem(stem: str) -> str:
    """Hide the question, so that the options alone can give the answer away."""
    return "(not shown)"


def nothing_asked(stem: str) -> str:
    """Return what stands for the stem of a content-free question."""
    return NOTHING_ASKED


def shuffled_stem(stem: str, question_id: int | str, seed: int) -> str:
    """Shuffle the words of the question, in an order that depends on its id and the seed."""
    words = stem.split()
    random.Random(question_seed(question_id, seed, "stem")).shuffle(words)
    return " ".join(words)
