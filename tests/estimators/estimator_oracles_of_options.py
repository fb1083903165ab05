"""Oracles of estimators that read a stated number, or a probability, of several options.

Importing it completes ORACLES.
"""

from __future__ import annotations

import math
from fractions import Fraction

from estimator_cases import Case
from estimator_oracles import oracle
from estimator_oracles_of_many import outcome_answer
from scipy.stats import entropy as scipy_entropy


def by_option(case: Case, row: int, variant: str) -> dict[int, Fraction] | None:
    """Option → its share of the numbers; None if one is missing, or all are 0."""
    table = case.signals.self_report[variant].tables[""]
    pairs = zip(table.answers[row].tolist(), table.values[row].tolist(), strict=True)
    numbers = {option: value for option, value in pairs if option >= 0}
    if not numbers or any(math.isnan(value) for value in numbers.values()):
        return None
    total = sum(map(Fraction, numbers.values()), Fraction(0))
    if total == 0:
        return None
    return {option: Fraction(value) / total for option, value in numbers.items()}


def remaining(case: Case, row: int, variant: str) -> float | None:
    shares, answer = by_option(case, row, variant), outcome_answer(case, row)
    if shares is None or answer < 0:
        return None
    return float(1 - shares.get(answer, Fraction(0)))


@oracle("verbalized_distribution")
def verbalized_distribution(case: Case, row: int, measure: str = "probability") -> float | None:
    if measure == "probability":
        return remaining(case, row, "distribution")
    shares = by_option(case, row, "distribution")
    return None if shares is None else float(scipy_entropy([float(v) for v in shares.values()]))


@oracle("distractor_normalized_confidence")
def distractor_normalized_confidence(case: Case, row: int) -> float | None:
    return remaining(case, row, "each_option")


@oracle("clustered_self_assessment")
def clustered_self_assessment(case: Case, row: int) -> float | None:
    return remaining(case, row, "among_samples")
