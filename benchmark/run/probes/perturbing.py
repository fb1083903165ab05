"""Perturbed questions: options in another order, the stem hidden or shuffled."""

from __future__ import annotations

import hashlib
import random

PARAPHRASES = ("paraphrase_1", "paraphrase_2", "paraphrase_3", "paraphrase_4")
NO_STEM, SHUFFLED_STEM, INSTRUCTION = "no_stem", "shuffled_stem", "instruction"
PROMPT_VARIANTS = (*PARAPHRASES, NO_STEM, SHUFFLED_STEM, INSTRUCTION)


def question_seed(question_id: int | str, *more: object) -> int:
    """Return a seed that depends on the question and the purpose alone, never on the batch."""
    text = ":".join(map(str, (question_id, *more)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def rotated_back(values: list[float], shift: int) -> list[float]:
    """Reorder the values of a rotated row's places by the original options."""
    count = len(values)
    return [values[(i - shift) % count] for i in range(count)]


def without_stem(stem: str) -> str:
    """Hide the question, so that the options alone can give the answer away."""
    return "(not shown)"


def shuffled_stem(stem: str, question_id: int | str, seed: int) -> str:
    """Shuffle the words of the question, in an order that depends on its id and the seed."""
    words = stem.split()
    random.Random(question_seed(question_id, seed, "stem")).shuffle(words)
    return " ".join(words)
