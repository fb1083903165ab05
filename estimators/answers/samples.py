"""Estimators over k sampled answers: how often does the model say something else?

``share(c)`` is the fraction of the samples that chose option c. A sample without an option agrees
with none: it counts in k, as a class of its own. Answers are compared by option, so the
meaning classes of semantic entropy are exact. Plug-in entropies are biased low at small k.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..signals.batch import SamplesTable, Signal, Signals
from ..signals.probabilities import entropy, pick, shares
from ..signals.tables import BoolArray, FloatArray

FAMILY = "samples"
WAYS = ("direct", "cot")
FEWER_THAN_TWO = "fewer than two samples"
NO_ANSWER = "the model gave no answer to compare with"


class _SampleEstimator(Estimator):
    """``samples`` is "direct", or "cot" for answers sampled each through its own reasoning."""

    needs = frozenset({Signal.SAMPLES.variant("direct")})
    family = FAMILY
    cost = "x"
    is_sampled = True

    def __init__(self, samples: str = "direct") -> None:
        self.samples = one_of("samples", samples, WAYS)
        others = {need for need in type(self).requirements() if need.signals != {Signal.SAMPLES}}
        self.needs = frozenset({Signal.SAMPLES.variant(samples), *others})

    def _table(self, signals: Signals) -> SamplesTable:
        return signals.samples[self.samples].only

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        table = self._table(signals)
        if not table.present[row]:
            return None
        if table.drawn[row].sum() < 2:
            return FEWER_THAN_TWO
        return "no sample named an option" if not usable(table)[row] else NO_ANSWER


class VoteShare(_SampleEstimator):
    """1 - share(answer): how many of the samples disagree with the model's answer, in [0, 1]."""

    name = "vote_share"
    is_probability = True
    needs = frozenset({Signal.SAMPLES.variant("direct"), Signal.ANSWER | Signal.TRACE})
    reference = "arXiv 2203.11171"

    def score(self, signals: Signals) -> FloatArray:
        table = self._table(signals)
        return np.where(usable(table), 1.0 - agreement(table, signals), np.nan)


class VoteEntropy(_SampleEstimator):
    """-Σ share(c) ln share(c) over the answers, nats, in [0, ln min(k, K + 1)].

    Semantic entropy with exact classes (frequency form).
    """

    name = "vote_entropy"
    reference = "arXiv 2302.09664"

    def score(self, signals: Signals) -> FloatArray:
        table = self._table(signals)
        votes = entropy(shares(table.answers, table.drawn.astype(np.float64)))
        return np.where(usable(table), votes, np.nan)


class ConsistencyConfidence(_SampleEstimator):
    """-ln p(answer) · (1 - share(answer)), nats, in [0, ∞]: confidence times consistency.

    Of the CoCoA type: the answer's surprisal where it is scored, times how much the samples
    disagree with it. Full agreement gives 0.
    """

    name = "consistency_confidence"
    needs = frozenset({Signal.SAMPLES.variant("direct"), Signal.ANSWER | Signal.TRACE})
    reference = "arXiv 2502.04964"

    def score(self, signals: Signals) -> FloatArray:
        table = self._table(signals)
        outcome = signals.outcome
        doubt = 1.0 - agreement(table, signals)
        surprise = -np.log(pick(outcome.option_probs, outcome.answer))
        known = usable(table) & ~np.isnan(surprise)
        # 0 · ∞: full agreement means no uncertainty, whatever the probability.
        return np.where(known, np.where(doubt == 0, 0.0, doubt * surprise), np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        outcome = signals.outcome
        reason = super().missing_reason(signals, row)
        if reason == NO_ANSWER and outcome.answer[row] >= 0:
            return "no option probabilities stored"
        return reason


class VendiScore(_SampleEstimator):
    """exp(-Σ λ ln λ), the effective number of different samples, in [1, k].

    λ are the eigenvalues of S/k, S the (k, k) similarities of the samples: ``kernel`` "answer" is
    1 for the same option, else 0 (then it is exp(``vote_entropy``)); "words" is the cosine of the
    texts' word counts.
    """

    name = "vendi_score"
    reference = "arXiv 2210.02410"

    def __init__(self, samples: str = "direct", kernel: str = "answer") -> None:
        super().__init__(samples)
        self.kernel = one_of("kernel", kernel, ("answer", "words"))

    def score(self, signals: Signals) -> FloatArray:
        table = self._table(signals)
        enough = usable(table) if self.kernel == "answer" else table.drawn.sum(axis=1) > 1
        result = np.full(len(signals), np.nan)
        for row in np.flatnonzero(enough):
            drawn = table.drawn[row]
            if self.kernel == "answer":
                picked = table.answers[row, drawn]
                similarity = (picked[:, None] == picked).astype(np.float64)
            else:
                texts = table.texts[row, drawn[: table.texts.shape[1]]]
                if not len(texts) or any(text is None for text in texts):
                    continue
                similarity = word_cosines(texts)
            result[row] = effective_number(similarity)
        return result

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        reason = super().missing_reason(signals, row)
        if self.kernel == "words" and reason not in (None, FEWER_THAN_TWO):
            return "no sampled texts stored"
        return reason


def usable(table: SamplesTable) -> BoolArray:
    """Return (n,) whether there are at least two samples, of which at least one chose an option."""
    drawn = table.drawn
    named = np.count_nonzero(drawn & (table.answers >= 0), axis=1)
    return (named > 0) & (np.count_nonzero(drawn, axis=1) > 1)


def agreement(table: SamplesTable, signals: Signals) -> FloatArray:
    """Return the (n,) share of samples that chose the model's answer; NaN if it gave none."""
    votes = shares(table.answers, table.drawn.astype(np.float64))[:, :-1]
    answer = signals.outcome.answer
    share = pick(votes, answer)
    # An option that no sample of the batch chose has no column.
    unseen = (answer >= votes.shape[1]) & table.drawn.any(axis=1)
    return np.where(unseen, 0.0, share)


def effective_number(similarity: FloatArray) -> float:
    """Return exp of the entropy of the eigenvalues of S/k; S is (k, k) with diagonal 1."""
    eigenvalues = np.linalg.eigvalsh(similarity / len(similarity))
    positive = np.maximum(eigenvalues, 0.0)
    return float(np.exp(entropy(positive)))


def word_cosines(texts: npt.NDArray[Any]) -> FloatArray:
    """Return the (k, k) cosines of the texts' word counts; two empty texts are equal."""
    counts = [Counter(str(text).lower().split()) for text in texts]
    words = {word: column for column, word in enumerate(sorted(set().union(*counts)))}
    vectors = np.zeros((len(texts), len(words) + 1))
    for row, count in enumerate(counts):
        for word, number in count.items():
            vectors[row, words[word]] = number
        # Empty texts get an axis of their own.
        vectors[row, -1] = not count
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors @ vectors.T
