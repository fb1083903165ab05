"""Estimators that read the question's own tokens: how familiar the model is with its text.

ℓ_t = ln q(token t | those before it) over the T tokens of stem and options, read without a prompt.
A text that was trained on surprises less, so these scores also point at contamination.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import number_above, share_of
from ..signals.batch import Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.probabilities import row_mean
from ..signals.tables import FloatArray

FAMILY = "familiarity"
MOST_FREQUENCIES = 64 * 2**20
"""Largest file of frequencies, in bytes: some million tokens."""


class _FamiliarityEstimator(Estimator):
    needs = frozenset({Signal.QUESTION_TOKENS})
    family = FAMILY
    cost = "m"

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if not signals.question_tokens.present[row]:
            return "no tokens of the question stored"
        return "the question has no token after its first"


class QuestionPerplexity(_FamiliarityEstimator):
    """-(1/T) Σ ℓ_t, nats, at least 0: the mean surprise at the question's own tokens.

    The logarithm of the perplexity of the question.
    """

    name = "question_perplexity"
    reference = "arXiv 2104.08315 (perplexity of inputs)"

    def score(self, signals: Signals) -> FloatArray:
        return -row_mean(signals.question_tokens.token_logprobs)


class MinKProbability(_FamiliarityEstimator):
    """-mean of the ⌈k T⌉ smallest ℓ_t, nats, at least 0: the question's least expected tokens.

    ``k`` is a share. Low for a text that was trained on, in which no token surprises (Min-K % Prob
    with its sign turned).
    """

    name = "min_k_probability"
    reference = "arXiv 2310.16789"

    def __init__(self, k: float = 0.2) -> None:
        self.k = share_of("k", k)

    def score(self, signals: Signals) -> FloatArray:
        ordered = np.sort(signals.question_tokens.token_logprobs, axis=1)  # NaN last
        count = (~np.isnan(ordered)).sum(axis=1)
        kept = np.ceil(self.k * count - 1e-9)
        return -row_mean(np.where(np.arange(ordered.shape[1]) < kept[:, None], ordered, np.nan))


class CorpusDivergence(_FamiliarityEstimator):
    """-mean of min(-q_t ln f_t, a) over the first occurrence of each token, in [-a, 0].

    q_t = e^ℓ_t is the model's probability of the token, f_t = (count + 1) / (N + V) its frequency
    in a corpus: a text that was trained on has tokens that the model expects though they are rare
    (DC-PDD, with its sign turned). ``frequencies`` is a JSON file of token → count, in the spelling
    of the model's vocabulary; N is the sum of its counts and V the number of its tokens. Without a
    file there is no score. ``a`` limits what a single token counts.
    """

    name = "corpus_divergence"
    reference = "arXiv 2409.14781"

    def __init__(self, frequencies: str = "", a: float = 0.01) -> None:
        self.frequencies = frequencies
        self.a = number_above("a", a, 0.0)
        self._counts = read_frequencies(frequencies) if frequencies else None
        if not frequencies:
            self.unready = f"names no file of token frequencies: {self.name}(frequencies='FILE')"

    def score(self, signals: Signals) -> FloatArray:
        table = signals.question_tokens
        scores = np.full(len(signals), np.nan)
        if self._counts is None:
            return scores
        total = sum(self._counts.values()) + len(self._counts)
        for row, (tokens, logprobs) in enumerate(
            zip(table.tokens.tolist(), table.token_logprobs.tolist(), strict=True)
        ):
            seen: dict[str, float] = {}
            for token, logprob in zip(tokens, logprobs, strict=False):
                if token is not None and not np.isnan(logprob):
                    seen.setdefault(token, logprob)
            terms = [
                min(-np.exp(logprob) * np.log((self._counts.get(token, 0) + 1) / total), self.a)
                for token, logprob in seen.items()
            ]
            scores[row] = -np.mean(terms) if terms else np.nan
        return scores

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if self._counts is None:
            return self.unready
        return super().missing_reason(signals, row)


@lru_cache(maxsize=8)
def read_frequencies(path: str) -> dict[str, int]:
    """Read a JSON file of token → count.

    Raises EstimatorError for a file that cannot be read, or holds something else.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MOST_FREQUENCIES:
            raise EstimatorError(f"{path}: larger than {MOST_FREQUENCIES // 2**20} MiB")
        read: object = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EstimatorError(f"{path}: no readable JSON file of token frequencies") from error
    if not isinstance(read, dict) or not read:
        raise EstimatorError(f"{path}: expected a JSON object of token → count")
    for token, count in read.items():
        if type(count) is not int or count < 0:
            raise EstimatorError(
                f"{path}: {token!r}: expected a count of at least 0, got {count!r}"
            )
    return {str(token): int(count) for token, count in read.items()}
