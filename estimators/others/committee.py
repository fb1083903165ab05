"""Estimators that use other models' answers to the same questions. Free once stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.estimator import Estimator
from ..core.parameters import names, one_of
from ..signals.batch import CommitteeTable, Signal, Signals
from ..signals.estimator_errors import EstimatorError
from ..signals.probabilities import mutual_information, stack_distributions
from ..signals.tables import FloatArray

FAMILY = "other models"


def members_of(signals: Signals, members: Sequence[str]) -> dict[str, CommitteeTable]:
    """Return the named members of the committee, all of them if none is named.

    Raises EstimatorError for a name without answers.
    """
    panel = signals.committee
    unknown = [name for name in members if name not in panel.tables]
    if unknown:
        raise EstimatorError(
            f"Expected `members` to be models with answers to the same questions, but got "
            f"{unknown[0]!r}; known: {', '.join(panel.sources)}"
        )
    return {name: panel.tables[name] for name in members or panel.sources}


class CommitteeDisagreement(Estimator):
    """Share of the other models that answer differently, in [0, 1].

    A member that was asked without giving an answer counts as disagreeing; one that was not asked
    does not count. ``form`` "jsd" is the Jensen-Shannon divergence H(p̄) - mean H(p), nats, of the
    option distributions of the model and of those members that have one. ``members`` selects the
    other models, all of them by default.
    """

    name = "committee_disagreement"
    against_difficulty = True
    is_divergence = True
    needs = frozenset({Signal.COMMITTEE, Signal.ANSWER | Signal.TRACE})
    family = FAMILY
    reference = "apprehend"

    def __init__(self, members: Sequence[str] = (), form: str = "share") -> None:
        self.members = names("members", members)
        self.form = one_of("form", form, ("share", "jsd"))

    def score(self, signals: Signals) -> FloatArray:
        tables = members_of(signals, self.members).values()
        if self.form == "jsd":
            distributions = [signals.outcome.option_probs, *(t.option_probs for t in tables)]
            own = ~np.isnan(distributions[0]).all(axis=1)
            return np.where(own, mutual_information(stack_distributions(distributions)), np.nan)
        answer = signals.outcome.answer
        answered = np.stack([table.present for table in tables], axis=1)
        other = np.stack([table.answer for table in tables], axis=1) != answer[:, None]
        count = answered.sum(axis=1)
        share = (other & answered).sum(axis=1) / np.maximum(count, 1)
        return np.where((count > 0) & (answer >= 0), share, np.nan)

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        if not any(table.present[row] for table in members_of(signals, self.members).values()):
            return "no other model was asked"
        if self.form == "jsd":
            return "no option probabilities of the model and another one"
        return "the model gave no answer to compare with"
