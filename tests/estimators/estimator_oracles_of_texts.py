"""Oracles of estimators of other models' surprise, of the course of a trace, and of its words.

The third part of ``estimator_oracles``; importing it completes ORACLES.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
from estimator_cases import WORDS, Case
from estimator_oracles import oracle, over_trace, probabilities
from estimator_oracles_of_many import ORACLES, information
from scipy.stats import linregress

__all__ = ["ORACLES", "information"]


@oracle("committee_surprise")
def committee_surprise(case: Case, row: int, members: tuple[str, ...] = ()) -> float | None:
    answer = int(case.signals.answer.answer[row])
    panel = case.signals.committee
    found = []
    for name in members or sorted(panel.tables):
        p = probabilities(panel.tables[name].option_logprobs[row])
        if p is not None and answer >= 0:
            found.append(-math.log(max(float(p[answer]), 1e-12)))
    return sum(found) / len(found) if found else None


def profile(h: list[float], measure: str = "slope") -> float | None:
    if len(h) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line: Any = linregress(np.linspace(0.0, 1.0, len(h)), h)
    if measure == "slope":
        return float(line.slope)
    return 0.0 if max(h) - min(h) < 1e-12 else 1.0 - float(line.rvalue) ** 2


ORACLES["trace_profile"] = over_trace(profile)


def count(case: Case, row: int, kind: str, language: str) -> tuple[int, int] | None:
    """Phrases of a kind and a language, and words, of the pieces that the text was made of."""
    pieces = case.wording.get(row)
    if not pieces:
        return None
    found = sum(
        WORDS[piece][0] == kind and language in ("all", WORDS[piece][1]) for piece in pieces
    )
    return found, sum(WORDS[piece][2] for piece in pieces)


@oracle("hedge_words")
def hedge_words(case: Case, row: int, language: str = "all") -> float | None:
    counts = count(case, row, "hedge", language)
    return None if counts is None else 100 * counts[0] / counts[1]


@oracle("reflection_count")
def reflection_count(case: Case, row: int, language: str = "all") -> float | None:
    counts = count(case, row, "reflection", language)
    return None if counts is None else float(counts[0])
