"""Oracles of estimators that look at several answers: samples, reports, orders, judges, others.

The second half of ``estimator_oracles``; importing it completes ORACLES.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from apprehend.estimators.signals.batch import Signal
from estimator_cases import PROMPTS, Case
from estimator_oracles import (
    ORACLES,
    Oracle,
    answer_probabilities,
    known,
    oracle,
    probabilities,
    surprise,
)
from scipy.linalg import eigvalsh
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy as scipy_entropy
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics.pairwise import cosine_similarity


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


ORACLES["ask_confidence_before"] = stated("before")
ORACLES["linguistic_confidence"] = stated("linguistic")


@oracle("p_true")
def p_true(case: Case, row: int, candidates: int = 0) -> float | None:
    return stated(f"p_true_{candidates}" if candidates else "p_true")(case, row)


@oracle("verbalized_confidence")
def verbalized(
    case: Case, row: int, style: str = "two_step", scale: str = "percent", read: str = "stated"
) -> float | None:
    if scale == "0-10":
        return stated("expected_0_10" if read == "expected" else "two_step_0_10")(case, row)
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


@oracle("contextual_calibration")
def contextual_calibration(case: Case, row: int) -> float | None:
    plain, answer = answer_probabilities(case, row), outcome_answer(case, row)
    free = probabilities(prompted(case, "content_free").option_logprobs[row])
    if plain is None or free is None or answer < 0:
        return None
    weights = [a / max(b, 1e-12) for a, b in zip(plain, free, strict=True)]
    return 1.0 - weights[answer] / sum(weights)


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


def forced(case: Case, row: int) -> list[Any]:
    """The distributions over the options at each point of the trace."""
    table = case.signals.tables[Signal.FORCED_ANSWERS]
    found = [probabilities(logs) for logs in table.option_logprobs[row]]
    return [p for p in found if p is not None]


@oracle("forced_answer_entropy")
def forced_answer_entropy(case: Case, row: int) -> float | None:
    values = known(case.signals.tables[Signal.FORCED_ANSWERS].entropies[row])
    return values[-1] if values else None


@oracle("forced_option_entropy")
def forced_option_entropy(case: Case, row: int) -> float | None:
    ps = forced(case, row)
    return float(scipy_entropy(ps[-1])) if ps else None


@oracle("forced_max_probability")
def forced_max_probability(case: Case, row: int) -> float | None:
    ps = forced(case, row)
    return 1 - float(max(ps[-1])) if ps else None


@oracle("trajectory_entropy")
def trajectory_entropy(case: Case, row: int) -> float | None:
    ps = forced(case, row)
    return float(np.mean([scipy_entropy(p) for p in ps])) if ps else None


@oracle("trajectory_violations")
def trajectory_violations(case: Case, row: int, measure: str = "count") -> float | None:
    nats = [float(scipy_entropy(p)) for p in forced(case, row)]
    steps = len(nats) - 1
    rises = sum(1 for i in range(steps) if nats[i + 1] - nats[i] > 1e-9)
    if steps < 1:
        return None
    return rises / steps if measure == "share" else rises


@oracle("answer_convergence")
def answer_convergence(case: Case, row: int) -> float | None:
    table = case.signals.tables[Signal.FORCED_ANSWERS]
    points = known(table.points[row])
    answers = [int(a) for a in table.answers[row]][: len(points)]
    for place, point in enumerate(points):
        if len(set(answers[place:])) == 1:
            return point
    return None
