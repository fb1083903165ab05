"""Seeds that depend on the question and the purpose alone."""

from __future__ import annotations

import hashlib


def question_seed(question_id: int | str, *more: object) -> int:
    """Return a seed that depends on the question and the purpose alone, never on the batch."""
    text = ":".join(map(str, (question_id, *more)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
