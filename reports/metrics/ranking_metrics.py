"""Metrics of the order that scores bring answers into, exact under ties.

In every function an error is the positive class and a higher score means more uncertain; `errors`
and `scores` have shape (n,).
"""

from __future__ import annotations

from functools import partial

from numpy.typing import ArrayLike

from ..statistics import ranking
from ..statistics.ranking import TieBlocks
from .metric import Metric, original

COVERAGES = (0.10, 0.25, 0.50)
RISKS = (0.05, 0.10, 0.20)

AREA = Metric(
    name="roc_auc",
    compute=ranking.roc_auc,
    meaning="Probability that an error has a higher score than a right answer, ties one half. 0.5 "
    "is chance, 1 perfect; below 0.5 the score points the wrong way. Undefined (–) where all "
    "answers are right or all wrong.",
    better="higher",
    bounds=(0, 1),
    source="Hanley and McNeil 1982, doi 10.1148/radiology.143.1.7063747",
    heading="ROC AUC",
    shown="quality",
    from_ties=TieBlocks.roc_auc,
    appended=False,
    ends=("roc_auc_low", "roc_auc_high"),
)


@original(
    **{"better": "higher", "bounds": (0, 1), "heading": "PR AUC", "shown": "quality"},
    meaning="Average precision with errors as positives; chance is the error rate.",
    source="Boyd et al. 2013, doi 10.1007/978-3-642-40994-3_29",
    from_ties=TieBlocks.pr_auc,
)
def pr_auc(errors: ArrayLike, scores: ArrayLike) -> float:
    """Average precision with errors as positives, sum over blocks of Δrecall · precision.

    In (0, 1], the error rate for a constant score. NaN without errors.
    """
    return TieBlocks.from_rows(errors, scores).pr_auc()


@original(
    **{"better": "higher", "bounds": (-float("inf"), 1), "heading": "PRR", "shown": "quality"},
    meaning="Prediction rejection ratio: gain in accuracy from rejecting the most uncertain "
    "answers, relative to an oracle. 0 is chance, 1 the oracle.",
    source="Malinin and Gales 2021, arXiv 2002.07650",
    from_ties=TieBlocks.prr,
)
def prr(errors: ArrayLike, scores: ArrayLike) -> float:
    """Prediction rejection ratio: (rej_U - rej_random) / (rej_oracle - rej_random).

    `rej` is the accuracy of the rows kept, averaged over all rejection shares (Malinin and Gales,
    2021, in the form of lm-polygraph). At most 1 (oracle), 0 for a constant score. NaN with one
    class.
    """
    return TieBlocks.from_rows(errors, scores).prr()


@original(
    **{"better": "lower", "bounds": (0, 1), "heading": "AURC", "shown": "quality"},
    meaning="Area under the risk-coverage curve: mean error rate of the k most certain answers "
    "over all k; chance is the error rate.",
    source="Geifman and El-Yaniv 2017, arXiv 1705.08500",
    from_ties=TieBlocks.aurc,
)
def aurc(errors: ArrayLike, scores: ArrayLike) -> float:
    """Area under the risk-coverage curve: mean error rate of the k most certain rows, k = 1..n.

    In [0, 1], lower is better, the error rate for a constant score (Geifman and El-Yaniv, 2017).
    """
    return TieBlocks.from_rows(errors, scores).aurc()


@original(
    **{"better": "lower", "bounds": (0, 0.5), "heading": "AUGRC", "shown": "quality"},
    meaning="Area under the generalized risk-coverage curve: average joint probability of being "
    "kept and wrong; chance is half the error rate.",
    source="arXiv 2407.01032",
    from_ties=TieBlocks.augrc,
)
def augrc(errors: ArrayLike, scores: ArrayLike) -> float:
    """Area under the generalized risk-coverage curve (arXiv 2407.01032).

    (1 - AUC) · a(1 - a) + (1 - a)²/2 with a the accuracy: the average joint probability of a row
    being kept and wrong. In [0, 1/2], lower is better.
    """
    return TieBlocks.from_rows(errors, scores).augrc()


def accuracy_at_coverage(errors: ArrayLike, scores: ArrayLike, coverage: float) -> float:
    """Accuracy of the most certain share of rows, `coverage` in (0, 1], ties averaged.

    Where coverage · n is not whole, the next row counts in part.
    """
    return TieBlocks.from_rows(errors, scores).accuracy_at_coverage(coverage)


ACCURACIES = tuple(
    Metric(
        name=f"accuracy_at_{round(100 * share)}",
        compute=partial(accuracy_at_coverage, coverage=share),
        meaning=f"Accuracy of the {round(100 * share)} % most certain answers.",
        better="higher",
        bounds=(0, 1),
        source="arXiv 1705.08500",
        heading=f"accuracy at {round(100 * share)} %",
        shown="quality",
        from_ties=partial(TieBlocks.accuracy_at_coverage, coverage=share),
        appended=False,
    )
    for share in COVERAGES
)


def coverage_at_risk(errors: ArrayLike, scores: ArrayLike, target: float) -> float:
    """Largest share of rows that a threshold can keep at an error rate of at most `target`.

    A threshold keeps whole tie blocks. In [0, 1], 0 where even the most certain block errs more
    often; NaN without rows. `target` lies in [0, 1].
    """
    return TieBlocks.from_rows(errors, scores).coverage_at_risk(target)


RISK_COVERAGES = tuple(
    Metric(
        name=f"coverage_at_risk_{round(100 * risk)}",
        compute=partial(coverage_at_risk, target=risk),
        meaning="Largest share of the answers that a threshold can keep with at most "
        f"{round(100 * risk)} % of errors.",
        better="higher",
        bounds=(0, 1),
        source="arXiv 1705.08500",
        heading=f"coverage at {round(100 * risk)} % risk",
        kind="percent",
        shown="quality" if risk == 0.10 else "no",
        from_ties=partial(TieBlocks.coverage_at_risk, target=risk),
        appended=False,
    )
    for risk in RISKS
)
