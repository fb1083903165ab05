"""Model-as-judge (MASJ): another model assesses the question, without answering it.

Source: arXiv 2503.01688. The score depends on the question alone, not on the assessed model.
With a panel of judges it is the mean over those whose reply could be read.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from .base import Estimator
from .signals import Signal, Signals
from .tables import FloatArray

FAMILY = "judges"


class _Questionnaire(Estimator):
    questionnaire: ClassVar[str]
    family = FAMILY
    cost = "m"
    reference = "arXiv 2503.01688"

    def score(self, signals: Signals) -> FloatArray:
        values: FloatArray = signals.judgement[self.questionnaire].stack("value")
        count = (~np.isnan(values)).sum(axis=1)
        return np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        panel = signals.judgement[self.questionnaire]
        found = [table.reason[row] for table in panel.tables.values() if table.present[row]]
        return next((reason for reason in found if reason is not None), None)


class MasjComplexity(_Questionnaire):
    """The judge's numerical complexity, in [0, 1], anchored to levels of education."""

    name = "masj_complexity"
    questionnaire = "complexity"
    needs = frozenset({Signal.JUDGEMENT.variant("complexity")})


class MasjEducationLevel(_Questionnaire):
    """The judge's education level as 0.2, 0.4, 0.6, 0.8: high school to postgraduate."""

    name = "masj_education_level"
    questionnaire = "education_level"
    needs = frozenset({Signal.JUDGEMENT.variant("education_level")})


class MasjReasoningSteps(_Questionnaire):
    """The judge's number of reasoning steps: low 0.25, medium 0.5, high 0.75."""

    name = "masj_reasoning_steps"
    questionnaire = "reasoning_steps"
    needs = frozenset({Signal.JUDGEMENT.variant("reasoning_steps")})
