"""One oracle per estimator: the score of one question, written apart from the package.

Loops over plain numbers, scipy and scikit-learn; nothing of the package but its tables. ``None``
stands for "no score".
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from estimator_cases import PROMPTS, Case
from scipy.linalg import eigvalsh
from scipy.spatial.distance import jensenshannon
from scipy.special import log_softmax
from scipy.stats import entropy as scipy_entropy
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics.pairwise import cosine_similarity

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
    """Renormalised over the options that there are; None where there are none."""
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
    # scipy renormalises: q's possible tokens already sum to 1.
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


def outcome_answer(case: Case, row: int) -> int:
    return int(case.signals.answer.answer[row])


def drawn(case: Case, row: int, samples: str) -> list[int] | None:
    """The samples' answers; None for fewer than two or none that names an option."""
    table = case.signals.samples[samples].tables[""]
    if not table.present[row]:
        return None
    picked = [int(a) for a in table.answers[row][: table.count[row]]]
    return picked if len(picked) > 1 and max(picked) >= 0 else None


@oracle("vote_share")
def vote_share(case: Case, row: int, samples: str = "direct") -> float | None:
    picked, answer = drawn(case, row, samples), outcome_answer(case, row)
    return None if picked is None or answer < 0 else 1 - picked.count(answer) / len(picked)


@oracle("vote_entropy")
def vote_entropy(case: Case, row: int, samples: str = "direct") -> float | None:
    picked = drawn(case, row, samples)
    return None if picked is None else float(scipy_entropy(list(Counter(picked).values())))


@oracle("consistency_confidence")
def consistency_confidence(case: Case, row: int, samples: str = "direct") -> float | None:
    share, p = vote_share(case, row, samples), answer_probabilities(case, row)
    if share is None or p is None:
        return None
    return 0.0 if share == 0 else share * surprise(p[outcome_answer(case, row)])


@oracle("vendi_score")
def vendi(case: Case, row: int, samples: str = "direct", kernel: str = "answer") -> float | None:
    if kernel == "answer":
        picked = drawn(case, row, samples)
        return None if picked is None else math.exp(scipy_entropy(list(Counter(picked).values())))
    table = case.signals.samples[samples].tables[""]
    texts = list(table.texts[row][: table.count[row]]) if table.present[row] else []
    if len(texts) < 2 or None in texts:
        return None
    # A marker word stands for an empty text, which scikit-learn's cosine would make 0.
    filled = [text if text.split() else "<empty>" for text in texts]
    counts = CountVectorizer(analyzer=lambda text: text.lower().split()).fit_transform(filled)
    eigenvalues = eigvalsh(cosine_similarity(counts) / len(texts))
    return math.exp(-math.fsum(v * math.log(v) for v in eigenvalues if v > 1e-15))


def stated(variant: str) -> Oracle:
    def score(case: Case, row: int) -> float | None:
        value = case.signals.self_report[variant].tables[""].value[row]
        return None if math.isnan(value) else 1 - value

    return score


ORACLES["p_true"] = stated("p_true")
ORACLES["linguistic_confidence"] = stated("linguistic")


@oracle("verbalized_confidence")
def verbalized(case: Case, row: int, style: str = "two_step") -> float | None:
    if style != "top_k":
        return stated(style)(case, row)
    table = case.signals.self_report["top_k"].tables[""]
    answer = outcome_answer(case, row)
    guesses = [
        (int(g), float(v))
        for g, v in zip(table.answers[row], table.values[row], strict=True)
        if g >= 0 and not math.isnan(v)
    ]
    if answer < 0 or not guesses:
        return None
    return 1 - max([v for g, v in guesses if g == answer], default=0.0)


def orders(case: Case, row: int) -> list[Any]:
    """The distributions under each option order."""
    table = case.signals.permuted_answers
    found = [probabilities(logs) for logs in table.option_logprobs[row]]
    return [p for p in found if p is not None]


def information(distributions: list[Any]) -> float:
    mean = np.mean(distributions, axis=0)
    return float(scipy_entropy(mean) - np.mean([scipy_entropy(p) for p in distributions]))


@oracle("permutation_entropy")
def permutation_entropy(case: Case, row: int) -> float | None:
    ps = orders(case, row)
    return float(scipy_entropy(np.mean(ps, axis=0))) if len(ps) > 1 else None


@oracle("permutation_mutual_information")
def permutation_information(case: Case, row: int) -> float | None:
    ps = orders(case, row)
    return information(ps) if len(ps) > 1 else None


def disagreement(picked: list[int]) -> float | None:
    named = [a for a in picked if a >= 0]
    if len(picked) < 2 or not named:
        return None
    return 1 - Counter(named).most_common(1)[0][1] / len(picked)


@oracle("permutation_consistency")
def permutation_consistency(case: Case, row: int) -> float | None:
    table = case.signals.permuted_answers
    asked = [int(a) for a, s in zip(table.answers[row], table.shifts[row], strict=True) if s >= 0]
    return disagreement(asked)


@oracle("inv_entropy")
def inv_entropy(case: Case, row: int, kernel: str = "letter") -> float | None:
    table, count = case.signals.permuted_answers, int(case.signals.option_count[row])
    kept = [
        (int(s), int(a), probabilities(logs))
        for s, a, logs in zip(
            table.shifts[row], table.answers[row], table.option_logprobs[row], strict=True
        )
        if s >= 0 and (a >= 0 or kernel == "jsd")
    ]
    if len(kept) < 2:
        return None
    x = np.array(
        [
            [1 - min((s - t) % count, (t - s) % count) / count for t, _, _ in kept]
            for s, _, _ in kept
        ]
    )
    if kernel == "letter":
        y = np.array([[float(a == b) for _, b, _ in kept] for _, a, _ in kept])
    else:
        y = np.array([[1 - jsd(p, r) for _, _, r in kept] for _, _, p in kept])
    back = (y / y.sum(axis=1, keepdims=True)) @ (x / x.sum(axis=1, keepdims=True))
    return float(sum(-v * math.log(v) for v in np.diag(back) if v > 0))


def jsd(p: Any, r: Any) -> float:
    distance = jensenshannon(p, r, base=2)
    return 0.0 if math.isnan(distance) else float(distance**2)


def prompted(case: Case, name: str) -> Any:
    return case.signals.prompted_answers[name].tables[""]


@oracle("prompt_consistency")
def prompt_consistency(case: Case, row: int, m: int = 4) -> float | None:
    tables = [prompted(case, name) for name in PROMPTS[:m]]
    if not all(table.present[row] for table in tables):
        return None
    return disagreement([int(table.answer[row]) for table in tables])


@oracle("prompt_mutual_information")
def prompt_information(case: Case, row: int, m: int = 4) -> float | None:
    ps = [probabilities(prompted(case, name).option_logprobs[row]) for name in PROMPTS[:m]]
    return None if any(p is None for p in ps) else information(ps)


@oracle("question_ablation")
def question_ablation(case: Case, row: int, ablation: str = "no_stem") -> float | None:
    plain, answer = answer_probabilities(case, row), outcome_answer(case, row)
    ablated = probabilities(prompted(case, ablation).option_logprobs[row])
    if plain is None or ablated is None or answer < 0:
        return None
    return float(ablated[answer] - plain[answer])


@oracle("instruction_gap")
def instruction_gap(case: Case, row: int) -> float | None:
    plain = answer_probabilities(case, row)
    other = probabilities(prompted(case, "instruction").option_logprobs[row])
    return None if plain is None or other is None else float(scipy_entropy(plain, other))


def judged(questionnaire: str, sign: float = 1.0, start: float = 0.0) -> Oracle:
    def score(case: Case, row: int) -> float | None:
        panel = case.signals.judgement[questionnaire]
        values = known([table.value[row] for table in panel.tables.values()])
        return start + sign * sum(values) / len(values) if values else None

    return score


ORACLES["masj_complexity"] = judged("complexity")
ORACLES["masj_education_level"] = judged("education_level")
ORACLES["masj_reasoning_steps"] = judged("reasoning_steps")
ORACLES["judge_correctness"] = judged("correctness", -1.0, 1.0)


@oracle("masj_expected")
def masj_expected(case: Case, row: int, questionnaire: str = "reasoning_steps") -> float | None:
    means = []
    for table in case.signals.judgement[questionnaire].tables.values():
        weights = known(table.label_probs[row])
        if weights and sum(weights) > 0:
            means.append(float(np.average(known(table.label_values[row]), weights=weights)))
    return sum(means) / len(means) if means else None


@oracle("committee_disagreement")
def committee(
    case: Case, row: int, form: str = "share", members: tuple[str, ...] = ()
) -> float | None:
    panel = case.signals.committee
    tables = [panel.tables[name] for name in members or sorted(panel.tables)]
    if form == "jsd":
        own = answer_probabilities(case, row)
        others = [probabilities(table.option_logprobs[row]) for table in tables]
        others = [p for p in others if p is not None]
        return None if own is None or not others else information([own, *others])
    answer = outcome_answer(case, row)
    asked = [table for table in tables if table.present[row]]
    if answer < 0 or not asked:
        return None
    return sum(int(table.answer[row]) != answer for table in asked) / len(asked)


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
