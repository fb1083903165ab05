"""Other versions of a question: options in another order, the stem left out or shuffled."""

from __future__ import annotations

import hashlib
import random

from ....tasks.question_row import Row

PARAPHRASES = ("paraphrase_1", "paraphrase_2", "paraphrase_3", "paraphrase_4")
NO_STEM, SHUFFLED_STEM, INSTRUCTION = "no_stem", "shuffled_stem", "instruction"
PROMPT_VARIANTS = (*PARAPHRASES, NO_STEM, SHUFFLED_STEM, INSTRUCTION)


def question_seed(question_id: int | str, *more: object) -> int:
    """A seed that depends on the question and the purpose alone, never on the batch."""
    text = ":".join(map(str, (question_id, *more)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def rotated(row: Row, shift: int) -> Row:
    """The row with original option (i + shift) mod K at place i. Labels stay where they are."""
    options = list(row["options"])
    count = len(options)
    return {**row, "options": [options[(i + shift) % count] for i in range(count)]}


def rotated_back(values: list[float], shift: int) -> list[float]:
    """Values of a rotated row's places, in the order of the original options."""
    count = len(values)
    return [values[(i - shift) % count] for i in range(count)]


def without_stem(row: Row) -> Row:
    """The row with its question hidden: what the options alone give away."""
    return {**row, "question": "(not shown)"}


def shuffled_stem(row: Row, seed: int) -> Row:
    """The row with the words of its question in a random order that depends on its id."""
    words = str(row["question"]).split()
    random.Random(question_seed(row["question_id"], seed, "stem")).shuffle(words)
    return {**row, "question": " ".join(words)}
