"""Controls: scores that do not depend on the model's answer. Any estimator must beat them."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from .core.estimator import Estimator, require_fit
from .signals.batch import Signal, Signals
from .signals.tables import BoolArray, FloatArray

FAMILY = "controls"


class Random(Estimator):
    """Uniform in [0, 1), a function of the seed and the question's id alone.

    Another ``seed`` gives other numbers.
    """

    name = "random"
    is_control = True
    look = ("gray", ":")
    in_demo = True
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
    is_control = True
    look = ("gray", "--")
    in_demo = True
    needs = frozenset({Signal.ANSWER | Signal.TRACE})
    family = FAMILY
    reference = "apprehend"

    def score(self, signals: Signals) -> FloatArray:
        tokens = signals.prompt_tokens.astype(np.float64)
        return np.where(tokens >= 0, tokens, np.nan)


class OptionCount(Estimator):
    """K, the number of options, at least 2: by chance alone more options mean more errors."""

    name = "option_count"
    is_control = True
    family = FAMILY
    reference = "apprehend"

    def score(self, signals: Signals) -> FloatArray:
        return np.where(signals.option_count > 0, signals.option_count, np.nan)


class TopicErrorRate(Estimator):
    """Share of wrong answers to the training part's questions of the same topic, in [0, 1].

    A baseline for pooled AUCs, which partly reflect the difference between the error rates of
    topics.
    """

    name = "topic_error_rate"
    is_probability = True
    is_control = True
    family = FAMILY
    reference = "apprehend"
    holds_out_topics = False

    def __init__(self) -> None:
        self._rates: dict[Any, float] | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Compute the error rate of each topic; ``correct`` is (n,)."""
        wrong = ~np.asarray(correct, dtype=np.bool_)
        topics = set(signals.topic.tolist())
        self._rates = {topic: float(wrong[signals.topic == topic].mean()) for topic in topics}

    def score(self, signals: Signals) -> FloatArray:
        rates = require_fit(self, self._rates)
        return np.array([rates.get(topic, np.nan) for topic in signals.topic.tolist()], dtype=float)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return f"topic {signals.topic[row]} is not in the training part"
