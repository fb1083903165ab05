"""Estimators that read a chain of thought, token by token. One generation per question.

``q_t`` is the distribution over the full vocabulary from which token t of T is drawn, ``H_t`` its
entropy in nats. The end-of-sequence token is not one of the T. With ``part="reasoning"`` or
``part="answer"`` they read that part of a thinking model's text, and T is its number of tokens.
"""

from __future__ import annotations

import numpy as np

from ..core.parameters import number_above, one_of, whole_number
from ..core.trace_parts import OverTokens, TraceEstimator
from ..signals.batch import Signals
from ..signals.probabilities import pick, row_mean, top_two
from ..signals.tables import FloatArray, Status

NO_ANSWER = "no answer found in the chain of thought"
CUT = "the text ends within the reasoning"
NO_POSITION = "no token stored for the answer"


class _AtAnswer(TraceEstimator):
    def missing_reason(self, signals: Signals, row: int) -> str | None:
        trace = signals.trace
        if not trace.present[row]:
            return None
        if trace.answer[row] < 0:
            return CUT if trace.status[row] == Status.CUT_WHILE_THINKING.value else NO_ANSWER
        if trace.tokens_missing[row] is not None:
            return str(trace.tokens_missing[row])
        return self.lacking if trace.answer_position[row] >= 0 else NO_POSITION


class CotAnswerEntropy(_AtAnswer):
    """-Σ q ln q at the answer token inside the last marker, in [0, ln V]; NaN if none is found."""

    name = "cot_answer_entropy"
    is_entropy = True
    look = ("blue", "--")
    in_demo = True
    against_difficulty = True

    def score(self, signals: Signals) -> FloatArray:
        return pick(signals.trace.token_entropies, signals.trace.answer_position)


class CotMaxProbability(_AtAnswer):
    """1 - max p over the options at the answer token of the trace, in [0, 1 - 1/K]."""

    name = "cot_max_probability"
    is_probability = True
    reference = "arXiv 1610.02136"
    lacking = "no option probabilities at the answer token"

    def score(self, signals: Signals) -> FloatArray:
        answered = signals.trace.answer_position >= 0
        return np.where(answered, 1.0 - top_two(signals.trace.option_probs)[0], np.nan)


class CotMeanEntropy(OverTokens):
    """Mean over the generated tokens of the full-vocabulary entropy, in [0, ln V]."""

    name = "cot_mean_entropy"
    look = ("orange", "--")
    in_demo = True
    against_difficulty = True

    def score(self, signals: Signals) -> FloatArray:
        return row_mean(self.tokens(signals, "token_entropies"))


class CotMaxEntropy(OverTokens):
    """Largest full-vocabulary entropy of any generated token, in [0, ln V]."""

    name = "cot_max_entropy"
    look = ("vermilion", "--")
    in_demo = True

    def score(self, signals: Signals) -> FloatArray:
        return top_two(self.tokens(signals, "token_entropies"))[0]


class Perplexity(OverTokens):
    """exp(-(1/T) Σ ln q_t(token)), one over the tokens' geometric mean probability, in [1, ∞]."""

    name = "perplexity"
    reference = "Jelinek et al. 1977; arXiv 2209.15558"
    lacking = "no token log-probabilities stored"

    def score(self, signals: Signals) -> FloatArray:
        return np.exp(-row_mean(self.tokens(signals, "token_logprobs")))


class SequenceNll(OverTokens):
    """-Σ ln q_t(token): negative log-likelihood of the whole trace, nats, in [0, ∞]."""

    name = "sequence_nll"
    reference = "arXiv 2002.07650"
    lacking = "no token log-probabilities stored"

    def score(self, signals: Signals) -> FloatArray:
        logprobs = self.tokens(signals, "token_logprobs")
        there = (~np.isnan(logprobs)).any(axis=1)
        return np.where(there, np.maximum(-np.nansum(logprobs, axis=1), 0.0), np.nan)


class TraceLength(OverTokens):
    """T, the number of generated tokens, at least 1; a trace cut by the limit counts as it is."""

    name = "trace_length"
    reference = "arXiv 2510.10409"

    def score(self, signals: Signals) -> FloatArray:
        lengths = self.lengths(signals)
        return np.where(lengths > 0, lengths, np.nan)


class WindowedEntropy(OverTokens):
    """Max (or mean) over sliding windows of the mean H_t within a window, in [0, ln V].

    Windows of ``window`` tokens, one step apart; a shorter trace is one window. ``aggregate`` is
    "max" or "mean".
    """

    name = "windowed_entropy"
    reference = "arXiv 2508.15260 (groups of tokens)"

    def __init__(self, window: int = 16, aggregate: str = "max", part: str = "all") -> None:
        super().__init__(part)
        self.window = whole_number("window", window, 1)
        self.aggregate = one_of("aggregate", aggregate, ("max", "mean"))

    def score(self, signals: Signals) -> FloatArray:
        entropies = self.tokens(signals, "token_entropies")
        count = (~np.isnan(entropies)).sum(axis=1)
        size = np.minimum(self.window, count)
        sums = np.cumsum(np.nan_to_num(entropies), axis=1)
        sums = np.concatenate([np.zeros((len(sums), 1)), sums], axis=1)
        last = np.arange(sums.shape[1])
        first = np.maximum(last - size[:, None], 0)
        means = (sums - np.take_along_axis(sums, first, axis=1)) / np.maximum(size, 1)[:, None]
        whole = (last >= size[:, None]) & (last <= count[:, None]) & (count[:, None] > 0)
        windows = np.where(whole, means, np.nan)
        return row_mean(windows) if self.aggregate == "mean" else top_two(windows)[0]


class HighEntropyShare(OverTokens):
    """Share of tokens with H_t > τ, in [0, 1]; τ in nats.

    The default is the threshold of the 20 % "forking tokens" in the source.
    """

    name = "high_entropy_share"
    reference = "arXiv 2506.01939"

    def __init__(self, tau: float = 0.672, part: str = "all") -> None:
        super().__init__(part)
        self.tau = number_above("tau", tau, 0.0)

    def score(self, signals: Signals) -> FloatArray:
        entropies = self.tokens(signals, "token_entropies")
        high = np.where(np.isnan(entropies), np.nan, entropies > self.tau)
        return row_mean(high)


class PrefixEntropy(OverTokens):
    """Mean H_t over the first k tokens (all, if there are fewer), in [0, ln V].

    ``k`` is their number.
    """

    name = "prefix_entropy"
    reference = "apprehend"

    def __init__(self, k: int = 32, part: str = "all") -> None:
        super().__init__(part)
        self.k = whole_number("k", k, 1)

    def score(self, signals: Signals) -> FloatArray:
        return row_mean(self.tokens(signals, "token_entropies")[:, : self.k])


class TailConfidence(OverTokens):
    """Mean of C_t = (1/k) Σ ln q_t(i) over the last ``window`` tokens, in [-∞, -ln k].

    The sum runs over the k most probable tokens i; -C_t is the source's token confidence, large
    where one token takes all. The stored log-probabilities are used as they are.
    """

    name = "tail_confidence"
    reference = "arXiv 2508.15260"
    lacking = "no top log-probabilities stored"

    def __init__(self, window: int = 64, part: str = "all") -> None:
        super().__init__(part)
        self.window = whole_number("window", window, 1)

    def score(self, signals: Signals) -> FloatArray:
        confidence = row_mean(self.tokens(signals, "token_top_logprobs"))
        there = ~np.isnan(confidence)
        after = np.cumsum(there[:, ::-1], axis=1)[:, ::-1]
        return row_mean(np.where(there & (after <= self.window), confidence, np.nan))


class SelfCertainty(OverTokens):
    """-(1/T) Σ KL(uniform ‖ q_t), nats, in (-∞, 0]: 0 where every token is a uniform guess."""

    name = "self_certainty"
    reference = "arXiv 2502.18581"

    def score(self, signals: Signals) -> FloatArray:
        return -row_mean(self.tokens(signals, "token_uniform_kl"))
