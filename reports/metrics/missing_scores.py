"""What missing scores may hide: the worst case, the common rows, and how many there are."""

from __future__ import annotations

from ..statistics.ranking import roc_auc, worst_case_roc_auc
from .counts import COUNT
from .metric import original
from .scored_group import ScoredGroup

AREA = {
    **{"better": "higher", "bounds": (0, 1), "needs": "group"},
    **{"shown": "missing", "source": "apprehend"},
}
"""What both areas share."""


@original(
    **AREA,
    heading="worst-case AUC",
    meaning="ROC AUC if each missing score were as misleading as possible: lowest on errors, "
    "highest on right answers.",
)
def roc_auc_worst(group: ScoredGroup) -> float:
    """See `worst_case_roc_auc`."""
    complete = bool(group.present.all())
    return group.area if complete else worst_case_roc_auc(group.errors, group.scores)


@original(
    **AREA, heading="common AUC", meaning="ROC AUC on the questions that all estimators scored."
)
def roc_auc_common(group: ScoredGroup) -> float:
    """ROC AUC on the rows with a score by every estimator that gave any."""
    chosen = group.common & group.present
    return group.area if chosen.all() else roc_auc(group.errors[chosen], group.scores[chosen])


@original(**COUNT, shown="no")
def n_common(group: ScoredGroup) -> int:
    """Questions that all estimators scored."""
    return int((group.common & group.present).sum())


@original(**COUNT, shown="no")
def n_missing(group: ScoredGroup) -> int:
    """Questions left out for want of a score."""
    return int((~group.present).sum())


@original(**COUNT, shown="no")
def n_unparsed(group: ScoredGroup) -> int:
    """Questions that got the worst score, because no answer was found in the response."""
    return int(group.unparsed.sum())


@original(**COUNT, heading="n assessed", shown="calibration")
def n_calibration(group: ScoredGroup) -> int:
    """Questions on which a probability is assessed: those with an answer and a score."""
    return 0 if group.probabilities is None else int(group.probabilities[0].size)
