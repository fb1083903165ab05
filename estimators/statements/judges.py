"""Model-as-judge (MASJ): another model assesses the question, without answering it.

Source: arXiv 2503.01688. But for ``judge_correctness`` the score depends on the question alone,
not on the assessed model. With a panel of judges it is the mean over those whose reply could be
read.
"""

from __future__ import annotations

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import one_of
from ..signals.batch import JudgementTable, Signal, Signals
from ..signals.probabilities import row_mean
from ..signals.tables import FloatArray

FAMILY = "judges"


class _Questionnaire(Estimator):
    questionnaire: str
    family = FAMILY
    cost = "m"
    reference = "arXiv 2503.01688"

    def score(self, signals: Signals) -> FloatArray:
        return row_mean(signals.judgement[self.questionnaire].stack("value"))

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        panel = signals.judgement[self.questionnaire]
        reasons = [table.reason[row] for table in panel.tables.values() if table.present[row]]
        return next((reason for reason in reasons if reason is not None), None)


class MasjComplexity(_Questionnaire):
    """The judge's numerical complexity, in [0, 1], anchored to levels of education."""

    name = "masj_complexity"
    look = ("purple", "-")
    in_demo = True
    questionnaire = "complexity"
    needs = frozenset({Signal.JUDGEMENT.variant("complexity")})


class MasjEducationLevel(_Questionnaire):
    """The judge's education level as 0.2, 0.4, 0.6, 0.8: high school to postgraduate."""

    name = "masj_education_level"
    look = ("purple", "--")
    in_demo = True
    questionnaire = "education_level"
    needs = frozenset({Signal.JUDGEMENT.variant("education_level")})


class MasjReasoningSteps(_Questionnaire):
    """The judge's number of reasoning steps: low 0.25, medium 0.5, high 0.75."""

    name = "masj_reasoning_steps"
    look = ("orange", "-")
    in_demo = True
    questionnaire = "reasoning_steps"
    needs = frozenset({Signal.JUDGEMENT.variant("reasoning_steps")})


class JudgeCorrectness(_Questionnaire):
    """1 - the judged probability that the model's answer is right, mean of the panel, in [0, 1]."""

    name = "judge_correctness"
    is_probability = True
    questionnaire = "correctness"
    needs = frozenset({Signal.JUDGEMENT.variant("correctness")})
    reference = "arXiv 2306.05685"

    def score(self, signals: Signals) -> FloatArray:
        return 1.0 - super().score(signals)


class MasjExpected(_Questionnaire):
    """Σ P(label) value(label) / Σ P(label) over the judge's ordered labels, in [0, 1].

    The expectation instead of the label that the judge wrote; ``questionnaire`` is
    "reasoning_steps", "education_level" or "complexity". Mean of the panel.
    """

    name = "masj_expected"
    reads_label_probabilities = True
    questionnaire = "reasoning_steps"
    needs = frozenset({Signal.JUDGEMENT.variant("reasoning_steps")})
    reference = "arXiv 2303.16634; arXiv 2503.01688"

    def __init__(self, questionnaire: str = "reasoning_steps") -> None:
        known = ("reasoning_steps", "education_level", "complexity")
        self.questionnaire = one_of("questionnaire", questionnaire, known)
        self.needs = frozenset({Signal.JUDGEMENT.variant(questionnaire)})

    def score(self, signals: Signals) -> FloatArray:
        panel = signals.judgement[self.questionnaire]
        return row_mean(np.stack([_expectation(panel.tables[s]) for s in panel.sources], axis=1))

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        panel = signals.judgement[self.questionnaire]
        tables = [table for table in panel.tables.values() if table.present[row]]
        reasons = [table.reason[row] for table in tables if np.isnan(table.value[row])]
        reason = next((reason for reason in reasons if reason is not None), None)
        return reason or ("judge gives no probabilities of its labels" if tables else None)


def _expectation(table: JudgementTable) -> FloatArray:
    width = min(table.label_probs.shape[1], table.label_values.shape[1])
    weights, values = table.label_probs[:, :width], table.label_values[:, :width]
    known = ~np.isnan(weights) & ~np.isnan(values)
    total = np.where(known, weights, 0.0).sum(axis=1)
    weighted = np.where(known, weights * values, 0.0).sum(axis=1)
    return np.where(total > 0, weighted / np.where(total > 0, total, 1.0), np.nan)
