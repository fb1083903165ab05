"""What a report needs to know of an estimator beside its scores; it says so of itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EstimatorTraits:
    """What one estimator says of itself.

    Attributes:
        summary: one line on what it is.
        family: kind of evidence, e.g. "answer distribution".
        is_probability: whether its score claims to be P(the answer is wrong), in [0, 1]; only then
            is its calibration assessed.
        is_entropy: whether its score is the entropy of the distribution from which the answer is
            drawn, so that its mean says how undecided a model is.
        is_control: whether it knows nothing of the answer, so that any other one must beat it.
        against_difficulty: whether its mean is set against a question's difficulty.
        look: name of its color and its line in figures, see `Styles`; both derived from the
            estimator's name where empty.
    """

    summary: str = ""
    family: str = ""
    is_probability: bool = False
    is_entropy: bool = False
    is_control: bool = False
    against_difficulty: bool = False
    look: tuple[str, str] = ("", "")


UNKNOWN = EstimatorTraits()
"""Of an estimator of which nothing is known but its scores."""
