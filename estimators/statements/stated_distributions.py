"""Estimators that ask the model about several options: a confidence or probability of each.

Numbers are stored as they were stated or read, and normalized here. What cannot be parsed is a
missing score.
"""

from __future__ import annotations

import numpy as np

from ..core.parameters import one_of
from ..signals.batch import SelfReportTable, Signal, Signals
from ..signals.probabilities import entropy
from ..signals.tables import FloatArray, IntArray
from .asked_model import AskedModel


class _SharedOut(AskedModel):
    """1 - the answer's share of the numbers of all options."""

    is_probability = True

    def score(self, signals: Signals) -> FloatArray:
        answer = signals.outcome.answer
        options, normalized = _normalized(self._table(signals))
        own = np.where(options == answer[:, None], np.nan_to_num(normalized), 0.0).sum(axis=1)
        known = (answer >= 0) & ~np.isnan(normalized).all(axis=1)
        return np.where(known, np.clip(1.0 - own, 0.0, 1.0), np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if self._table(signals).present[row] and signals.outcome.answer[row] < 0:
            return "the model gave no answer"
        return super().missing_reason(signals, row)


class VerbalizedDistribution(_SharedOut):
    """1 - the probability stated for the answer, when asked for one of every option, in [0, 1].

    The stated probabilities need not sum to 1: they are stored as stated, and divided by their sum
    here. ``measure="entropy"`` is their entropy after that, nats, in [0, ln K].
    """

    name = "verbalized_distribution"
    variant = "distribution"
    needs = frozenset({Signal.SELF_REPORT.variant("distribution"), Signal.ANSWER | Signal.TRACE})
    reference = "arXiv 2511.14275"

    def __init__(self, measure: str = "probability") -> None:
        self.measure = one_of("measure", measure, ("probability", "entropy"))
        self.is_probability = measure == "probability"

    def score(self, signals: Signals) -> FloatArray:
        if self.measure == "probability":
            return super().score(signals)
        return entropy(_normalized(self._table(signals))[1])

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if self.measure == "probability":
            return super().missing_reason(signals, row)
        return AskedModel.missing_reason(self, signals, row)


class DistractorNormalizedConfidence(_SharedOut):
    """1 - stated confidence of the answer / sum of those of all options, each asked apart.

    In [0, 1]. A model that believes whatever it is asked about states much for every option, which
    the sum takes out (DiNCo). The options are the distractors, and exclude each other, so that none
    is weighted. Missing where the confidence of one option cannot be parsed, or all are 0.
    """

    name = "distractor_normalized_confidence"
    cost = "x"
    variant = "each_option"
    needs = frozenset({Signal.SELF_REPORT.variant("each_option"), Signal.ANSWER | Signal.TRACE})
    reference = "arXiv 2509.25532"

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        reason = super().missing_reason(signals, row)
        table = self._table(signals)
        none = table.present[row] and table.reason[row] is None and signals.outcome.answer[row] >= 0
        return "stated confidence is 0 for every option" if none else reason


class ClusteredSelfAssessment(_SharedOut):
    """1 - P(answer), asked again among the answer and the sampled options only, in [0, 1].

    Read from the probabilities of the labels, renormalized over the options shown. 0 where all
    samples chose the answer: one option is no question. The options that samples chose are the
    source's clusters, exact in multiple choice.
    """

    name = "clustered_self_assessment"
    cost = "x"
    is_sampled = True
    variant = "among_samples"
    needs = frozenset(
        {
            Signal.SELF_REPORT.variant("among_samples"),
            Signal.SAMPLES.variant("direct"),
            Signal.ANSWER | Signal.TRACE,
        }
    )
    reference = "arXiv 2606.03846"


def _normalized(table: SelfReportTable) -> tuple[IntArray, FloatArray]:
    """Return the (n, k) options and their numbers divided by the sum; NaN beyond the last option.

    A row is all NaN where the number of one of its options is missing, or all are 0.
    """
    width = min(table.answers.shape[1], table.values.shape[1])
    options, values = table.answers[:, :width], table.values[:, :width]
    named = options >= 0
    total = np.where(named, values, 0.0).sum(axis=1, keepdims=True)
    usable = named & (total > 0)
    return options, np.where(usable, values / np.where(total > 0, total, 1.0), np.nan)
