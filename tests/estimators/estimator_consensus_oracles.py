"""Oracles of consensus estimators and of entropies that know the prior over ids.

Importing it completes ORACLES and LEARNING_ORACLES.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from apprehend.estimators import Signals
from estimator_cases import PROMPTS, Case
from estimator_learning_oracles import LEARNING_ORACLES, id_priors, logistic
from estimator_oracles import probabilities
from estimator_oracles_of_many import oracle, prompted
from scipy.integrate import quad
from scipy.stats import entropy as scipy_entropy


def asked_answers(case: Case, row: int, over: str) -> list[tuple[int, Any]]:
    """Answer and distribution (None where absent) under each order or prompt that was asked."""
    if over == "orders":
        table = case.signals.permuted_answers
        columns = (table.answers[row], table.shifts[row], table.option_logprobs[row])
        return [(int(a), probabilities(p)) for a, s, p in zip(*columns, strict=True) if s >= 0]
    tables = [prompted(case, name) for name in PROMPTS]
    return [
        (int(t.answer[row]), probabilities(t.option_logprobs[row]))
        for t in tables
        if t.present[row]
    ]


@oracle("majority_margin")
def majority_margin(case: Case, row: int, over: str = "orders") -> float | None:
    answers = [a for a, _ in asked_answers(case, row, over)]
    named = Counter(a for a in answers if a >= 0)
    if len(answers) < 2 or not named:
        return None
    top = [count for _, count in named.most_common(2)]
    return 1 - (top[0] - (top[1] if len(top) > 1 else 0)) / len(answers)


@oracle("consensus_cross_entropy")
def consensus_cross_entropy(case: Case, row: int, over: str = "orders") -> float | None:
    asked = asked_answers(case, row, over)
    named = Counter(a for a, _ in asked if a >= 0)
    known = [p for _, p in asked if p is not None]
    if len(asked) < 2 or not named or not known:
        return None
    leading = [a for a, count in named.items() if count == max(named.values())]
    mean = np.mean(known, axis=0)
    best = min(leading, key=lambda a: (-round(float(mean[a]), 12), a))
    return sum(math.inf if p[best] == 0 else -math.log(p[best]) for p in known) / len(known)


def id_debiased_entropy(train: Signals, correct: Any, test: Signals, questions: int = 500) -> Any:
    priors, scores = id_priors(train, questions), []
    for row in range(len(test)):
        p, prior = probabilities(test.answer.option_logprobs[row]), None
        prior = priors.get(int(test.option_count[row]))
        if (
            p is None
            or prior is None
            or any(v > 0 and w == 0 for v, w in zip(p, prior, strict=True))
        ):
            scores.append(math.nan)
            continue
        scores.append(scipy_entropy([v / w if v else 0.0 for v, w in zip(p, prior, strict=True)]))
    return np.array(scores)


def adaptive_tsallis_entropy(
    train: Signals,
    correct: Any,
    test: Signals,
    low: float = 0.5,
    high: float = 1.5,
    questions: int = 500,
) -> Any:
    """(p - p^q)/(q - 1) = p ∫_p^1 x^(q - 2) dx, by quadrature."""
    priors, scores = id_priors(train, questions), []
    for row in range(len(test)):
        p = probabilities(test.answer.option_logprobs[row])
        prior = priors.get(int(test.option_count[row]))
        if p is None or prior is None:
            scores.append(math.nan)
            continue
        least, most = min(prior), max(prior)
        total = 0.0
        for value, weight in zip(p, prior, strict=True):
            share = (weight - least) / (most - least) if most - least > 1e-12 else 0.5
            order = low + (high - low) * share
            if value > 0:
                # x = e^-t makes the integrand smooth down to tiny probabilities.
                area, _ = quad(lambda t, q=order: math.exp(-(q - 1) * t), 0, -math.log(value))
                total += value * area
        scores.append(total)
    return np.array(scores)


def correctness_aware(train: Signals, correct: Any, test: Signals, penalty: float = 1.0) -> Any:
    def features(signals: Signals) -> Any:
        table, made = signals.permuted_answers, []
        for row in range(len(signals)):
            answer, count = int(signals.answer.answer[row]), int(signals.option_count[row])
            ps = [p for p in map(probabilities, table.option_logprobs[row]) if p is not None]
            asked = [
                a for a, s in zip(table.answers[row], table.shifts[row], strict=True) if s >= 0
            ]
            if answer < 0 or len(ps) < 2:
                made.append([math.nan] * 5)
                continue
            chosen = [float(p[answer]) for p in ps]
            mean = scipy_entropy(np.mean(ps, axis=0))
            share = sum(a == answer for a in asked) / len(asked)
            spread = max(mean - np.mean([scipy_entropy(p) for p in ps]), 0.0)
            total = mean / math.log(count)
            made.append([np.mean(chosen), min(chosen), share, total, spread])
        return np.array(made)

    return logistic(features(train), ~np.asarray(correct, dtype=bool), features(test), penalty)


LEARNING_ORACLES.update(
    {
        one.__name__: one
        for one in (id_debiased_entropy, adaptive_tsallis_entropy, correctness_aware)
    }
)
