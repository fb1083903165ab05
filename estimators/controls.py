"""Controls: scores that know nothing of the answer. Any estimator must beat them."""

from __future__ import annotations

import hashlib

import numpy as np

from .base import Estimator
from .signals import Signal, Signals
from .tables import FloatArray

FAMILY = "controls"


class Random(Estimator):
    """Uniform in [0, 1), a function of the seed and the question's id alone."""

    name = "random"
    family = FAMILY
    reference = "apprehend"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def score(self, signals: Signals) -> FloatArray:
        digests = (
            hashlib.blake2b(f"{self.seed}:{question}".encode(), digest_size=8).digest()
            for question in signals.question_id.tolist()
        )
        return np.array([int.from_bytes(digest, "big") / 2**64 for digest in digests])


class PromptLength(Estimator):
    """Number of tokens in the prompt, at least 1."""

    name = "prompt_length"
    needs = frozenset({Signal.ANSWER | Signal.TRACE})
    family = FAMILY
    reference = "apprehend"

    def score(self, signals: Signals) -> FloatArray:
        tokens = signals.prompt_tokens.astype(np.float64)
        return np.where(tokens >= 0, tokens, np.nan)
