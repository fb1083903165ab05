"""Mutual information between score and correctness."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..statistics.ranking import check_rows
from .calibration_error import mass_bins
from .metric import original

INFORMATION_BINS = 10


@original(
    **{"better": "higher", "bounds": (0, 1), "shown": "quality", "name": "information"},
    meaning="I(score; error) / H(error): the share of the uncertainty about correctness that the "
    "score explains, over ten bins of equal mass, regardless of its direction.",
    source="Miller 1955",
)
def mutual_information_share(
    errors: ArrayLike, scores: ArrayLike, bins: int = INFORMATION_BINS
) -> float:
    """Compute the share of the entropy of errors that a score explains, I(score; error) / H(error).

    The plug-in estimate over bins of equal mass (`mass_bins`) is corrected for its first-order
    bias, (non-empty bins - 1) / 2n nats, and clipped at 0. Unlike the AUC it does not depend on the
    direction of the score.

    Args:
        errors: (n,) true for an error.
        scores: (n,) any scores without NaN.
        bins: number of bins.

    Returns:
        Share in [0, 1], higher is better; NaN where only one class is present.

    Raises:
        ValueError: shapes differ, or a score is NaN.

    References:
        Miller (1955), Note on the bias of information estimates.
    """
    flags, values = check_rows(errors, scores)
    if flags.all() or not flags.any():
        return float("nan")
    index = mass_bins(values, bins)
    counts = np.stack([np.bincount(index[flags == side], minlength=bins) for side in (False, True)])
    joint = counts[:, counts.sum(axis=0) > 0] / flags.size
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    positive = joint > 0
    information = float((joint[positive] * np.log(joint[positive] / expected[positive])).sum())
    bias = (joint.shape[1] - 1) / (2 * flags.size)
    share = joint.sum(axis=1)
    return float(np.clip((information - bias) / -(share * np.log(share)).sum(), 0, 1))
