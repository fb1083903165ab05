"""Numbers of rows, and the accuracy."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from ..statistics.ranking import TieBlocks
from .metric import original
from .scored_group import ScoredGroup

COUNT = {
    **{"better": "neither", "needs": "group", "macro": "sum", "kind": "count"},
    **{"bounds": (0, math.inf), "source": "apprehend"},
}
"""What declarations of numbers of rows share."""


@original(**COUNT, name="n", heading="n", shown="rows")
def scored_rows(group: ScoredGroup) -> int:
    """Questions with a score; an answer that could not be read has the worst one."""
    return group.ties.n


@original(**COUNT, name="n_errors", heading="errors", shown="rows")
def wrong_rows(group: ScoredGroup) -> int:
    """Errors among the questions with a score."""
    return group.ties.n_errors


@original(
    **{"better": "higher", "bounds": (0, 1), "needs": "group", "source": "apprehend"},
    **{"kind": "percent", "shown": "rows"},
)
def coverage(group: ScoredGroup) -> float:
    """Share of the questions for which the estimator gave a score."""
    return group.coverage


@original(
    **{"better": "higher", "bounds": (0, 1), "shown": "no", "source": "apprehend"},
    from_ties=TieBlocks.accuracy,
)
def accuracy(errors: ArrayLike, scores: ArrayLike) -> float:
    """Share of right answers among the questions with a score."""
    return TieBlocks.from_rows(errors, scores).accuracy()
