"""Sensitivity to missing scores: worst case, common rows, and their numbers."""

from __future__ import annotations

from ..statistics.ranking import roc_auc, worst_case_roc_auc
from .counts import COUNT
from .metric import original
from .scored_group import ScoredGroup

AREA = {
    **{"better": "higher", "bounds": (0, 1), "needs": "group"},
    **{"shown": "missing", "source": "apprehend"},
}
"""Fields that both declarations share."""


@original(
    **AREA,
    heading="worst-case AUC",
    meaning="ROC AUC with missing scores imputed by the worst case: lowest on errors, highest on "
    "correct answers.",
)
def roc_auc_worst(group: ScoredGroup) -> float:
    """Compute the ROC AUC in the worst case of missing scores; see `worst_case_roc_auc`."""
    complete = bool(group.present.all())
    return group.area if complete else worst_case_roc_auc(group.errors, group.scores)


@original(
    **AREA, heading="common AUC", meaning="ROC AUC on the questions scored by all estimators."
)
def roc_auc_common(group: ScoredGroup) -> float:
    """Compute the ROC AUC on the rows scored by every estimator with any score."""
    chosen = group.common & group.present
    return group.area if chosen.all() else roc_auc(group.errors[chosen], group.scores[chosen])


@original(**COUNT, shown="no")
def n_common(group: ScoredGroup) -> int:
    """Questions scored by all estimators."""
    return int((group.common & group.present).sum())


@original(**COUNT, shown="no")
def n_missing(group: ScoredGroup) -> int:
    """Questions excluded because their score is missing."""
    return int((~group.present).sum())


@original(**COUNT, shown="no")
def n_unparsed(group: ScoredGroup) -> int:
    """Questions with the worst score because no answer could be parsed from the response."""
    return int(group.unparsed.sum())


@original(**COUNT, heading="n assessed", shown="calibration")
def n_calibration(group: ScoredGroup) -> int:
    """Questions on which calibration is evaluated: those with an answer and a score."""
    return 0 if group.probabilities is None else int(group.probabilities[0].size)
