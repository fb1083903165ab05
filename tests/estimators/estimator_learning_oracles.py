"""Oracles of the estimators that learn: fit on some questions, score others.

Each takes the training part (signals with gold, and whether the answers are right) and the test
part, and gives the scores of the test part. scikit-learn where it has the method, else bisection
and loops.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from apprehend.estimators import Signals, evaluate, load_estimator
from estimator_oracles import known, probabilities
from scipy.optimize import root
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

LearningOracle = Callable[..., Any]


def logistic(train: Any, wrong: Any, test: Any, penalty: float) -> Any:
    """P(wrong) by scikit-learn's logistic regression; NaN for rows with a missing feature."""
    train, test = np.asarray(train, dtype=float), np.asarray(test, dtype=float)
    rows = np.isfinite(train).all(axis=1)
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-13, max_iter=500),
    ).fit(train[rows], np.asarray(wrong)[rows])
    complete = np.isfinite(test).all(axis=1)
    scores = np.full(len(test), np.nan)
    if complete.any():
        scores[complete] = model.predict_proba(test[complete])[:, 1]
    return scores


def hidden_state_probe(train: Signals, correct: Any, test: Signals, penalty: float = 100.0) -> Any:
    return logistic(train.hidden_state.state, ~correct, test.hidden_state.state, penalty)


def stacked(
    train: Signals,
    correct: Any,
    test: Signals,
    bases: tuple[str, ...] = (
        "token_entropy",
        "option_entropy",
        "probability_margin",
        "off_option_mass",
    ),
    penalty: float = 1.0,
) -> Any:
    def features(signals: Signals) -> Any:
        return np.stack([evaluate(load_estimator(b), signals) for b in bases], axis=1)

    return logistic(features(train), ~correct, features(test), penalty)


def rank_features(tops: Any, k: int) -> list[list[float]]:
    made = []
    for trace in tops:
        steps = [np.exp(known(step)[:k]) for step in trace if known(step)]
        if not steps:
            made.append([math.nan] * 2 * k)
            continue
        parts = np.zeros((len(steps), k))
        for place, step in enumerate(steps):
            parts[place, : len(step)] = [-v * math.log(v) if v > 0 else 0.0 for v in step]
        made.append([*parts.mean(axis=0), *parts.max(axis=0)])
    return made


def weighted_epr(
    train: Signals, correct: Any, test: Signals, k: int = 15, penalty: float = 1.0
) -> Any:
    return logistic(
        rank_features(train.trace.token_top_logprobs, k),
        ~correct,
        rank_features(test.trace.token_top_logprobs, k),
        penalty,
    )


def bisect(slope: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return (low + high) / 2


def temperature_scaled(train: Signals, correct: Any, test: Signals) -> Any:
    questions = []
    for logs, gold in zip(train.answer.option_logprobs, train.gold, strict=True):
        z = known(logs)
        if gold >= 0 and z and z[gold] > -math.inf:
            questions.append((z, int(gold)))

    def slope(log_temperature: float) -> float:
        """Derivative of the loss by ln T, up to a positive factor."""
        total = 0.0
        for z, gold in questions:
            scaled = [v / math.exp(log_temperature) for v in z]
            weights = [math.exp(v - max(scaled)) for v in scaled]
            mean = sum(w * v for w, v in zip(weights, z, strict=True) if w > 0) / sum(weights)
            total += z[gold] - mean
        return total

    temperature = math.exp(bisect(slope, math.log(0.01), math.log(100)))
    scores = []
    for logs in test.answer.option_logprobs:
        z = [v / temperature for v in known(logs)]
        scores.append(math.nan if not z else 1 - 1 / sum(math.exp(v - max(z)) for v in z))
    return np.array(scores)


def base_scores(signals: Signals, base: str) -> Any:
    return evaluate(load_estimator(base), signals)


def platt(train: Signals, correct: Any, test: Signals, base: str = "max_probability") -> Any:
    scores, rows = base_scores(train, base), ~np.isnan(base_scores(train, base))
    s, wrong = scores[rows], ~correct[rows]
    errors, right = int(wrong.sum()), int((~wrong).sum())
    target = np.where(wrong, (errors + 1) / (errors + 2), 1 / (right + 2))

    def gradient(ab: Any) -> Any:
        miss = 1 / (1 + np.exp(-(ab[0] * s + ab[1]))) - target
        return [float(miss @ s), float(miss.sum())]

    a, b = root(gradient, [0.0, 0.0], tol=1e-14).x
    return 1 / (1 + np.exp(-(a * base_scores(test, base) + b)))


def isotonic(train: Signals, correct: Any, test: Signals, base: str = "max_probability") -> Any:
    scores = np.round(base_scores(train, base), 14)
    rows = ~np.isnan(scores)
    model = IsotonicRegression(out_of_bounds="clip").fit(scores[rows], ~correct[rows])
    new = np.round(base_scores(test, base), 14)
    result = np.full(len(new), np.nan)
    result[~np.isnan(new)] = model.predict(new[~np.isnan(new)])
    return result


def misfits(p: Any, rule: str) -> list[float]:
    """LAC or APS score of each option, by the definition, to 12 decimals."""
    if rule == "lac":
        return [round(1 - v, 12) for v in p]
    # Probabilities that differ by their last bit only are tied.
    descending = sorted(range(len(p)), key=lambda i: (round(p[i], 14), i), reverse=True)
    scores = [0.0] * len(p)
    for place, i in enumerate(descending):
        scores[i] = round(math.fsum(p[j] for j in descending[: place + 1]), 12)
    return scores


def conformal_set_size(
    train: Signals,
    correct: Any,
    test: Signals,
    rule: str = "lac",
    alpha: str = "0.1",
    quantile: str = "rank",
) -> Any:
    calibration = []
    for logs, gold in zip(train.answer.option_logprobs, train.gold, strict=True):
        p = probabilities(logs)
        if gold >= 0 and p is not None:
            calibration.append(misfits(p, rule)[gold])
    rank = math.ceil((len(calibration) + 1) * (1 - Fraction(str(alpha))))
    if rank > len(calibration):
        threshold = math.inf
    elif quantile == "higher":
        threshold = np.quantile(calibration, rank / len(calibration), method="higher")
    else:
        threshold = sorted(calibration)[rank - 1]
    sizes = []
    for logs in test.answer.option_logprobs:
        p = probabilities(logs)
        size = 0 if p is None else sum(v <= threshold for v in misfits(p, rule))
        sizes.append(math.nan if p is None else float(max(size, 1)))
    return np.array(sizes)


def id_priors(train: Signals, questions: int) -> dict[int, Any]:
    """K → prior over ids, from questions answered under all K cyclic orders."""
    table = train.permuted_answers
    shapes = defaultdict(list)
    for row in sorted(range(len(train)), key=lambda r: str(train.question_id[r])):
        count = int(train.option_count[row])
        seen: list[list[float]] = [[] for _ in range(count)]
        for logs, shift in zip(table.option_logprobs[row], table.shifts[row], strict=True):
            p = probabilities(logs)
            if shift < 0 or p is None:
                continue
            for position in range(count):
                seen[position].append(float(p[(position + shift) % count]))
        if all(len(values) == count for values in seen):
            means = [math.prod(v ** (1 / count) for v in values) for values in seen]
            if sum(means) > 0:
                shapes[count].append([m / sum(means) for m in means])
    return {count: np.mean(found[:questions], axis=0) for count, found in shapes.items()}


def pride_debiased_probability(
    train: Signals, correct: Any, test: Signals, questions: int = 500
) -> Any:
    priors, scores = id_priors(train, questions), []
    for row in range(len(test)):
        p = probabilities(test.answer.option_logprobs[row])
        answer, prior = int(test.answer.answer[row]), priors.get(int(test.option_count[row]))
        if p is None or answer < 0 or prior is None:
            scores.append(math.nan)
            continue
        if any(v > 0 and w == 0 for v, w in zip(p, prior, strict=True)):
            scores.append(math.nan)
            continue
        ratio = [v / w if v > 0 else 0.0 for v, w in zip(p, prior, strict=True)]
        scores.append(1 - ratio[answer] / sum(ratio))
    return np.array(scores)


def topic_error_rate(train: Signals, correct: Any, test: Signals) -> Any:
    wrong = defaultdict(list)
    for topic, right in zip(train.topic.tolist(), correct.tolist(), strict=True):
        wrong[topic].append(not right)
    return np.array([np.mean(wrong[t]) if t in wrong else math.nan for t in test.topic.tolist()])


LEARNING_ORACLES: dict[str, LearningOracle] = {
    function.__name__: function
    for function in (
        weighted_epr,
        pride_debiased_probability,
        hidden_state_probe,
        stacked,
        temperature_scaled,
        platt,
        isotonic,
        conformal_set_size,
        topic_error_rate,
    )
}
"""Name of an estimator that learns → ``oracle(train, correct, test, **parameters)``."""
