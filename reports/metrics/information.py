"""How much of the doubt about right or wrong a score takes away."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..statistics.ranking import check_rows
from .calibration_error import mass_bins
from .metric import original

INFORMATION_BINS = 10


@original(
    **{"better": "higher", "bounds": (0, 1), "shown": "quality", "name": "information"},
    meaning="I(score; error) / H(error): the part of the doubt about right or wrong that the score "
    "takes away, over ten bins of equal mass, whatever its direction.",
    source="Miller 1955",
)
def mutual_information_share(
    errors: ArrayLike, scores: ArrayLike, bins: int = INFORMATION_BINS
) -> float:
    """I(score; error) / H(error) in [0, 1]: the part of the doubt that the score takes away.

    The score is cut into equal-mass bins (`mass_bins`). The plug-in estimate is lowered by its
    first-order bias, (used bins - 1) / 2n nats (Miller, 1955), and cut at 0. Unlike the AUC it
    does not ask for a direction. NaN with one class.
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
