"""Metrics that punish confident errors, for scores that are probabilities of an error."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from .calibration_error import check_probabilities
from .metric import Metric, Needs, metric

TARGETS = (0.50, 0.75, 0.90)


def abstention_score(errors: ArrayLike, scores: ArrayLike, target: float) -> float:
    """Compute the mean points of answering only with a confidence of at least `target`.

    A right answer gives 1 point, a wrong one takes target / (1 - target), none gives 0: whoever
    answers exactly where the confidence 1 - u reaches the target does best if it is calibrated.

    Args:
        errors: (n,) true for an error.
        scores: (n,) probabilities of an error u, in [0, 1].
        target: confidence from which on to answer, in [0, 1).

    Returns:
        Mean points in [-target / (1 - target), 1], higher is better; NaN without rows.

    Raises:
        ValueError: a score is not in [0, 1], or `target` is not in [0, 1).

    References:
        Kalai et al. 2025, arXiv 2509.04664.
    """
    if not 0 <= target < 1:
        raise ValueError(f"Expected target in [0, 1), got {target}.")
    flags, values = check_probabilities(errors, scores)
    if not flags.size:
        return float("nan")
    points = np.where(flags, -target / (1 - target), 1.0)
    # 1 - u rounds: a stated 0.25 answers at a target of 0.75.
    return float(np.where(values <= 1 - target + 1e-12, points, 0.0).mean())


SCORES = tuple(
    Metric(
        name=f"abstention_score_{round(100 * target)}",
        compute=partial(abstention_score, target=target),
        meaning=f"Mean points if the model answers only where its confidence is at least "
        f"{round(100 * target)} %: 1 for a right answer, {-target / (1 - target):.3g} for a wrong "
        "one, 0 for none. Below 0 it had better never answered.",
        better="higher",
        bounds=(-target / (1 - target), 1),
        needs=Needs.PROBABILITIES,
        source="arXiv 2509.04664",
        heading=f"points at {round(100 * target)} %",
        shown="calibration" if target == 0.75 else "no",
    )
    for target in TARGETS
)


@metric(
    better="higher",
    needs=Needs.PROBABILITIES,
    bounds=(-1, 1),
    heading="DCS",
    meaning="Distributional correctness score of a model that puts its confidence c on its answer "
    "and the rest on not knowing: the mean of c² for right and -c² for wrong answers. 0 for one "
    "that never commits itself.",
    source="arXiv 2510.04302",
)
def distributional_correctness_score(errors: ArrayLike, scores: ArrayLike) -> float:
    """Compute the mean of (P(right) - P(wrong)) (1 - P(don't know)) with confidence on one answer.

    Args:
        errors: (n,) true for an error.
        scores: (n,) probabilities of an error u; the answer has c = 1 - u, not knowing u.

    Returns:
        Mean in [-1, 1], higher is better; NaN without rows.

    Raises:
        ValueError: a score is not in [0, 1].

    References:
        Burns 2025, arXiv 2510.04302; over whole option distributions see `apprehend analyse`.
    """
    flags, values = check_probabilities(errors, scores)
    if not flags.size:
        return float("nan")
    return float((np.where(flags, -1.0, 1.0) * (1 - values) ** 2).mean())
