"""Properties of an estimator that a report depends on, declared by the estimator."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EstimatorTraits:
    """Declared properties of one estimator.

    Attributes:
        summary: one-line description.
        family: kind of evidence, e.g. "answer distribution".
        is_probability: whether its score is a probability of an error, in [0, 1]; only then is
            its calibration evaluated.
        is_entropy: whether its score is the entropy of the distribution from which the answer is
            sampled, in nats; its mean is compared between model sizes.
        is_control: whether it ignores the answer, as a baseline for all others.
        is_sampled: whether it is computed from sampled answers.
        is_divergence: whether it compares the answer with that to another input, or of another
            model.
        against_difficulty: whether its mean is plotted against the difficulty of questions.
        look: names of color and line style in figures, see `Styles`; derived from the
            estimator's name where empty.
    """

    summary: str = ""
    family: str = ""
    is_probability: bool = False
    is_entropy: bool = False
    is_control: bool = False
    is_sampled: bool = False
    is_divergence: bool = False
    against_difficulty: bool = False
    look: tuple[str, str] = ("", "")


UNKNOWN = EstimatorTraits()
"""Traits of an estimator without a declaration."""
