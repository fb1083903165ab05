"""Oracles of estimators of other models' surprise, of a trace's course and words, of questions.

The third part of ``estimator_oracles``; importing it completes ORACLES.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from estimator_cases import WORDS, Case
from estimator_oracles import oracle, over_trace, probabilities
from estimator_oracles_of_many import ORACLES, information
from scipy.stats import gmean, linregress

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


def question(case: Case, row: int) -> list[tuple[str, float]]:
    """The tokens that the question has."""
    table = case.signals.question_tokens
    pairs = zip(table.tokens[row].tolist(), table.token_logprobs[row].tolist(), strict=True)
    return [(token, logprob) for token, logprob in pairs if token is not None]


@oracle("question_perplexity")
def question_perplexity(case: Case, row: int) -> float | None:
    q = [math.exp(logprob) for _, logprob in question(case, row)]
    if not q:
        return None
    return math.inf if 0 in q else float(-np.log(gmean(q)))


@oracle("min_k_probability")
def min_k_probability(case: Case, row: int, k: float = 0.2) -> float | None:
    logs = sorted(logprob for _, logprob in question(case, row))
    least = logs[: math.ceil(round(k * len(logs), 9))]
    return -sum(least) / len(least) if least else None


FREQUENCIES_FILE = str(Path(__file__).with_name("frequencies.json"))
"""Counts of w0 to w3, 100 in all; w4 is not in it."""
FREQUENCIES = json.loads(Path(FREQUENCIES_FILE).read_text(encoding="utf-8"))


@oracle("corpus_divergence")
def corpus_divergence(case: Case, row: int, frequencies: str = "", a: float = 0.01) -> float | None:
    if not frequencies:
        return None
    first = dict(reversed(question(case, row)))
    share = {word: (FREQUENCIES.get(word, 0) + 1) / 104 for word in first}
    terms = [min(a, math.exp(first[word]) * -math.log(share[word])) for word in first]
    return -sum(terms) / len(terms) if terms else None
