"""One oracle per estimator: the score of one question, written apart from the package.

Loops over plain numbers, scipy and scikit-learn; nothing of the package but its tables. ``None``
stands for "no score".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from estimator_cases import Case
from scipy.special import log_softmax
from scipy.stats import entropy as scipy_entropy

Oracle = Callable[..., "float | None"]
ORACLES: dict[str, Oracle] = {}
"""Name of an estimator that does not learn → ``oracle(case, row, **parameters)``."""


def oracle(name: str) -> Callable[[Oracle], Oracle]:
    """Enter a function into ORACLES."""

    def enter(function: Oracle) -> Oracle:
        ORACLES[name] = function
        return function

    return enter


def known(row: Any) -> list[float]:
    """What is not NaN."""
    return [float(value) for value in row if not math.isnan(value)]


def probabilities(logs: Any) -> Any:
    """Renormalized over the options that there are; None where there are none."""
    values = known(logs)
    if not values or max(values) == -math.inf:
        return None
    return np.exp(log_softmax(values))


def answer_probabilities(case: Case, row: int) -> Any:
    return probabilities(case.signals.answer.option_logprobs[row])


def from_options(function: Callable[..., float]) -> Oracle:
    """An oracle of the option distribution alone."""

    def score(case: Case, row: int, **parameters: Any) -> float | None:
        p = answer_probabilities(case, row)
        return None if p is None else function(p, **parameters)

    return score


def surprise(p: float) -> float:
    return math.inf if p == 0 else -math.log(p)


ORACLES["option_entropy"] = from_options(scipy_entropy)
ORACLES["normalized_option_entropy"] = from_options(lambda p: scipy_entropy(p, base=len(p)))
ORACLES["max_probability"] = from_options(lambda p: 1 - max(p))
ORACLES["probability_margin"] = from_options(lambda p: 1 - (sorted(p)[-1] - sorted(p)[-2]))


@oracle("logit_margin")
def logit_margin(case: Case, row: int) -> float | None:
    if answer_probabilities(case, row) is None:
        return None
    second, first = sorted(known(case.signals.answer.option_logprobs[row]))[-2:]
    return second - first


@oracle("tsallis_entropy")
def tsallis(case: Case, row: int, q: float = 2.0) -> float | None:
    p = answer_probabilities(case, row)
    if p is None:
        return None
    if q == 1:
        return float(scipy_entropy(p))
    return (1 - math.fsum(v**q for v in p if v > 0)) / (q - 1)


@oracle("renyi_entropy")
def renyi(case: Case, row: int, alpha: float = 2.0) -> float | None:
    p = answer_probabilities(case, row)
    if p is None:
        return None
    if alpha == 1:
        return float(scipy_entropy(p))
    if alpha == math.inf:
        return -math.log(max(p))
    return math.log(math.fsum(v**alpha for v in p if v > 0)) / (1 - alpha)


def at_answer(column: str) -> Oracle:
    def score(case: Case, row: int) -> float | None:
        table = case.signals.answer
        if not table.present[row] or math.isnan(table.entropy[row]):
            return None
        return float(scipy_entropy(getattr(case, column)[row]))

    return score


ORACLES["token_entropy"] = at_answer("vocabulary")
ORACLES["post_answer_entropy"] = at_answer("after")


@oracle("off_option_mass")
def off_option_mass(case: Case, row: int) -> float | None:
    table = case.signals.answer
    if math.isnan(table.entropy[row]) or not known(table.option_logprobs[row]):
        return None
    return math.fsum(case.vocabulary[row][case.signals.option_count[row] :])


@oracle("truncated_entropy")
def truncated(case: Case, row: int, k: int = 10) -> float | None:
    if row not in case.vocabulary:
        return None
    q = sorted(case.vocabulary[row], reverse=True)
    if k > 6 and math.fsum(q[6:]) > 1e-9:
        return None
    top, tail = q[: min(k, 6)], math.fsum(q[min(k, 6) :])
    if len(top) < k and tail > 1e-9:
        return None
    least = tail * -math.log(min(top[-1], tail)) if tail > 0 and top[-1] > 0 else 0.0
    return math.fsum(-v * math.log(v) for v in top if v > 0) + least


def over_trace(function: Callable[..., float | None]) -> Oracle:
    """An oracle of the whole distributions at the tokens of a trace."""

    def score(case: Case, row: int, **parameters: Any) -> float | None:
        steps = case.trace.get(row)
        return function([scipy_entropy(q) for q in steps], **parameters) if steps else None

    return score


def windows(values: list[float], window: int = 16, aggregate: str = "max") -> float:
    size = min(window, len(values))
    means = [float(np.mean(values[i : i + size])) for i in range(len(values) - size + 1)]
    return max(means) if aggregate == "max" else float(np.mean(means))


ORACLES["cot_mean_entropy"] = over_trace(lambda h: float(np.mean(h)))
ORACLES["cot_max_entropy"] = over_trace(max)
ORACLES["prefix_entropy"] = over_trace(lambda h, k=32: float(np.mean(h[:k])))
ORACLES["high_entropy_share"] = over_trace(lambda h, tau=0.672: sum(v > tau for v in h) / len(h))
ORACLES["trace_length"] = over_trace(len)
ORACLES["windowed_entropy"] = over_trace(
    lambda h, window=16, aggregate="max": windows(h, window, aggregate)
)


@oracle("cot_answer_entropy")
def cot_answer_entropy(case: Case, row: int) -> float | None:
    place = case.signals.trace.answer_position[row]
    return None if place < 0 else float(scipy_entropy(case.trace[row][place]))


@oracle("cot_max_probability")
def cot_max_probability(case: Case, row: int) -> float | None:
    p = probabilities(case.signals.trace.option_logprobs[row])
    return None if p is None or case.signals.trace.answer_position[row] < 0 else 1 - max(p)


@oracle("sequence_nll")
def sequence_nll(case: Case, row: int) -> float | None:
    logs = known(case.signals.trace.token_logprobs[row])
    return -math.fsum(logs) if logs else None


@oracle("perplexity")
def perplexity(case: Case, row: int) -> float | None:
    logs = known(case.signals.trace.token_logprobs[row])
    return math.exp(-math.fsum(logs) / len(logs)) if logs else None


@oracle("tail_confidence")
def tail_confidence(case: Case, row: int, window: int = 64) -> float | None:
    steps = case.trace.get(row)
    if not steps:
        return None
    tops = [sorted(q, reverse=True)[:6] for q in steps[-window:]]
    return float(np.mean([sum(-surprise(v) for v in top) / len(top) for top in tops]))


@oracle("self_certainty")
def self_certainty(case: Case, row: int) -> float | None:
    steps = case.trace.get(row)
    if not steps:
        return None
    kls = []
    for q in steps:
        possible = [v for v in q if v > 0]
        kls.append(scipy_entropy([1 / len(possible)] * len(possible), possible))
    # scipy renormalizes: q's possible tokens already sum to 1.
    return -float(np.mean(kls))


@oracle("entropy_production_rate")
def entropy_production_rate(case: Case, row: int, k: int = 15) -> float | None:
    steps = case.trace.get(row)
    if not steps:
        return None
    rates = [
        math.fsum(-v * math.log(v) for v in sorted(q, reverse=True)[: min(k, 6)] if v > 0)
        for q in steps
    ]
    return math.fsum(rates) / len(rates)


@oracle("random")
def uniform(case: Case, row: int, seed: int = 0) -> float | None:
    text = f"{seed}:{case.signals.question_id[row]}"
    return int(hashlib.blake2b(text.encode(), digest_size=8).hexdigest(), 16) / 16**16


@oracle("prompt_length")
def prompt_length(case: Case, row: int) -> float | None:
    tokens = int(case.signals.answer.prompt_tokens[row])
    return None if tokens < 0 else float(tokens)


@oracle("option_count")
def option_count(case: Case, row: int) -> float | None:
    return float(case.signals.option_count[row])
