"""Estimators that read how probable other models find this model's answer. Free once stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.estimator import Estimator, require_fit
from ..core.parameters import names, whole_number
from ..signals.batch import Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.probabilities import mutual_information, pick, row_mean, stack_distributions
from ..signals.tables import BoolArray, FloatArray
from .committee import FAMILY, members_of

FLOOR = 1e-12
"""Least probability that another model's option counts as having, so that one exact 0 does not
outweigh all other members."""


class CommitteeSurprise(Estimator):
    """-ln p_m(answer), nats, mean over the other models m with option probabilities, in [0, 27.7].

    Cross-model surprise: how improbable other models find this model's answer; probabilities
    below 1e-12 count as 1e-12. ``members`` selects the models, all of them by default.
    """

    name = "committee_surprise"
    needs = frozenset({Signal.COMMITTEE, Signal.ANSWER | Signal.TRACE})
    family = FAMILY
    reference = "apprehend"

    def __init__(self, members: Sequence[str] = ()) -> None:
        self.members = names("members", members)

    def score(self, signals: Signals) -> FloatArray:
        answer = signals.outcome.answer
        tables = members_of(signals, self.members).values()
        found = np.stack([pick(table.option_probs, answer) for table in tables], axis=1)
        return row_mean(-np.log(np.maximum(found, FLOOR)))

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if signals.outcome.answer[row] < 0 and signals.outcome.present[row]:
            return "the model gave no answer to compare with"
        return "no option probabilities of another model"


class ChosenCommittee(Estimator):
    """H(p̄) - mean H(p), nats, over the model and those others that help, in [0, ln(size + 1)].

    The Jensen-Shannon divergence of a subset: out of fold, members are added one at a time, each
    the one that raises the ROC AUC of errors most, until none raises it or ``size`` are chosen.
    Members without option probabilities are left out.
    """

    name = "chosen_committee"
    needs = frozenset({Signal.COMMITTEE, Signal.ANSWER | Signal.TRACE})
    family = FAMILY
    reference = "arXiv 2507.07236"

    def __init__(self, size: int = 5) -> None:
        self.size = whole_number("size", size, 1)
        self._chosen: tuple[str, ...] | None = None

    def fit(self, signals: Signals, correct: BoolArray) -> None:
        """Choose the members on the training part."""
        from sklearn.metrics import roc_auc_score

        if len(np.unique(correct)) < 2:
            raise EstimatorError("Expected right and wrong answers to choose by, got one kind")
        chosen: list[str] = []
        best = 0.0
        while len(chosen) < self.size:
            areas = {}
            for name in signals.committee.sources:
                scores = _divergence(signals, [*chosen, name])
                known = ~np.isnan(scores)
                if name not in chosen and len(np.unique(correct[known])) == 2:
                    # A question without a score counts as one of no divergence.
                    areas[name] = roc_auc_score(~correct, np.where(known, scores, 0.0))
            name = max(areas, key=lambda name: (areas[name], name), default="")
            if not name or areas[name] <= best:
                break
            best = areas[name]
            chosen.append(name)
        if not chosen:
            raise EstimatorError("Expected option probabilities of another model, but got none")
        self._chosen = tuple(chosen)

    def score(self, signals: Signals) -> FloatArray:
        return _divergence(signals, require_fit(self, self._chosen))

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        return "no option probabilities of the model and a chosen one"


def _divergence(signals: Signals, members: Sequence[str]) -> FloatArray:
    own = signals.outcome.option_probs
    tables = members_of(signals, members).values()
    rows = stack_distributions([own, *(table.option_probs for table in tables)])
    return np.where(np.isnan(own).all(axis=1), np.nan, mutual_information(rows))
