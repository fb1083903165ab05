"""Random questions for the oracles: K from 2 to 20, ties, exact 0 and 1, -inf, missing things.

Hypothesis draws the seed; everything else follows from it. What a signal was made
from (whole vocabularies) is kept beside it, so that an oracle can start from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from apprehend.estimators.signals.batch import TABLES, Panel, Signal, Signals, Variants
from hypothesis import strategies as st

TOP = 6
PROMPTS = tuple(f"paraphrase_{i}" for i in range(1, 5))
OTHER_PROMPTS = ("no_stem", "shuffled_stem", "instruction", "content_free")
REPORTS = (
    *("p_true", "one_step", "two_step", "top_k", "linguistic", "p_true_1", "p_true_5", "p_true_10"),
    *("before", "two_step_0_10", "expected_0_10", "distribution", "each_option", "among_samples"),
)
QUESTIONNAIRES = ("complexity", "education_level", "reasoning_steps", "correctness")


WORDS = {
    "law": ("plain", "", 1),
    "area 2": ("plain", "", 2),
    "mightily": ("plain", "", 1),
    "法律": ("plain", "", 2),
    "Perhaps": ("hedge", "en", 1),
    "not sure": ("hedge", "en", 2),
    "vielleicht": ("hedge", "de", 1),
    "可能": ("hedge", "zh", 2),
    "wait": ("reflection", "en", 1),
    "Let me check": ("reflection", "en", 3),
    "jedoch": ("reflection", "de", 1),
}
"""Piece of a text → what it is, its language, its number of words."""


@dataclass
class Case:
    """Signals, and what they were made from."""

    signals: Signals
    vocabulary: dict[int, Any] = field(default_factory=dict)
    """Row → the whole distribution at the answer token, for those observed."""
    after: dict[int, Any] = field(default_factory=dict)
    """Row → the same one token later."""
    trace: dict[int, list[Any]] = field(default_factory=dict)
    """Row → the whole distribution at every token of the trace."""
    wording: dict[int, list[str]] = field(default_factory=dict)
    """Row → the pieces that the text of the trace was made of."""


def distribution(rng: np.random.Generator, size: int) -> Any:
    """A distribution: smooth, tied, uniform, with zeros, or one-hot."""
    kind = rng.integers(0, 6)
    if kind == 0:
        weights = np.ones(size)
    elif kind == 1:
        weights = rng.integers(1, 4, size).astype(float)
    elif kind == 2:
        weights = rng.integers(0, 3, size).astype(float)
        weights[rng.integers(size)] += 1.0
    elif kind == 3:
        weights = np.zeros(size)
        weights[rng.integers(size)] = 1.0
    else:
        weights = np.exp(rng.normal(0.0, rng.choice([0.1, 2.0, 8.0]), size))
    return weights / weights.sum()


def log(values: Any) -> Any:
    """Natural logarithm with ln 0 = -inf."""
    with np.errstate(divide="ignore"):
        return np.log(values)


def nats(values: Any) -> float:
    """Entropy, written apart from the package."""
    return float(-sum(v * np.log(v) for v in values if v > 0))


class CaseMaker:
    """Makes one Case from a seed."""

    def __init__(self, seed: int, count: int, missing: float = 0.2) -> None:
        self.rng = np.random.default_rng(seed)
        self.inside = np.random.default_rng([seed, 1])
        self.count = count
        self.missing = missing
        self.options = self.rng.integers(2, 21, count).astype(np.int64)
        self.case = Case(
            Signals(
                question_id=np.arange(count) + 7,
                topic=np.array([f"t{i % 3}" for i in range(count)], dtype=object),
                option_count=self.options,
                gold=self.rng.integers(-1, self.options).astype(np.int64),
            )
        )

    def make(self) -> Case:
        tables: dict[Signal, Any] = {
            Signal.ANSWER: self.table(Signal.ANSWER, self.answer),
            Signal.TRACE: self.table(Signal.TRACE, self.trace),
            Signal.PERMUTED_ANSWERS: self.table(Signal.PERMUTED_ANSWERS, self.permuted),
            Signal.FORCED_ANSWERS: self.table(Signal.FORCED_ANSWERS, self.forced),
            Signal.HIDDEN_STATE: self.table(Signal.HIDDEN_STATE, self.hidden),
            Signal.SAMPLES: self.variants(Signal.SAMPLES, ("direct", "cot"), self.samples),
            Signal.PROMPTED_ANSWERS: self.variants(
                Signal.PROMPTED_ANSWERS, (*PROMPTS, *OTHER_PROMPTS), self.prompted
            ),
            Signal.SELF_REPORT: self.variants(Signal.SELF_REPORT, REPORTS, self.report),
            Signal.JUDGEMENT: self.variants(
                Signal.JUDGEMENT, QUESTIONNAIRES, self.judgement, ("judge a", "judge b")
            ),
            Signal.COMMITTEE: Panel(
                {name: self.table(Signal.COMMITTEE, self.member) for name in "abc"}
            ),
            Signal.LAYER_ANSWERS: self.table(Signal.LAYER_ANSWERS, self.layers),
            Signal.QUESTION_TOKENS: self.table(Signal.QUESTION_TOKENS, self.question_tokens),
            Signal.OPTION_STATES: self.table(Signal.OPTION_STATES, self.option_states),
            Signal.PERTURBED_STATE: self.table(Signal.PERTURBED_STATE, self.perturbed),
        }
        self.case.signals = Signals(
            self.case.signals.question_id,
            self.case.signals.topic,
            self.options,
            tables,
            self.case.signals.gold,
        )
        return self.case

    def table(self, signal: Signal, make: Any) -> Any:
        seen = self.rng.random(self.count) >= self.missing
        return TABLES[signal].from_records(
            [make(row) if seen[row] else None for row in range(self.count)]
        )

    def variants(
        self, signal: Signal, names: Any, make: Any, sources: Any = ("",)
    ) -> Variants[Any]:
        return Variants(
            signal,
            {
                name: Panel(
                    {s: self.table(signal, lambda row, n=name: make(row, n)) for s in sources}
                )
                for name in names
            },
        )

    def chance(self, share: float = 0.15) -> bool:
        return bool(self.rng.random() < share)

    def option_logs(self, row: int) -> Any:
        if self.chance(0.05):
            return None
        mass = self.rng.choice([1.0, 0.9, 0.3])
        return log(distribution(self.rng, self.options[row]) * mass)

    def pick(self, row: int) -> int:
        return int(self.rng.integers(-1 if self.chance() else 0, self.options[row]))

    def answer(self, row: int) -> dict[str, Any]:
        count = self.options[row]
        q = distribution(self.rng, count + 5)
        after = distribution(self.rng, 9)
        self.case.vocabulary[row], self.case.after[row] = q, after
        top = np.sort(q)[::-1][:TOP]
        full = not self.chance()
        return {
            "option_logprobs": None if self.chance(0.05) else log(q[:count]),
            "entropy": nats(q) if full else None,
            "post_answer_entropy": nats(after) if full else None,
            "top_logprobs": log(top),
            "missing_mass": max(0.0, float(np.sort(q)[::-1][TOP:].sum())),
            "log_normalizer": float(self.inside.choice([3.0, 20.0, -90.0])) if full else None,
            "answer": self.pick(row),
            "prompt_tokens": int(self.rng.integers(1, 99)),
            "correct": int(self.rng.integers(0, 2)),
        }

    def trace(self, row: int) -> dict[str, Any]:
        length = int(self.rng.integers(0 if self.chance() else 1, 9))
        steps = [distribution(self.rng, 8) for _ in range(length)]
        self.case.trace[row] = steps
        drawn = [int(self.rng.choice(8, p=q)) for q in steps]
        found = length > 0 and not self.chance()
        pieces = list(np.random.default_rng([row, length, *drawn]).choice([*WORDS], length))
        self.case.wording[row] = pieces
        uniform = [float(-np.mean(log(q)[q > 0]) - np.log((q > 0).sum())) for q in steps]
        return {
            "text": ", ".join(pieces),
            "token_logprobs": [float(log(q)[d]) for q, d in zip(steps, drawn, strict=True)],
            "token_entropies": [nats(q) for q in steps],
            "token_top_logprobs": [log(np.sort(q)[::-1][:TOP]) for q in steps],
            "token_uniform_kl": uniform,
            "answer_position": int(self.rng.integers(length)) if found else -1,
            "option_logprobs": self.option_logs(row) if found else None,
            "answer": self.pick(row) if found else -1,
            "prompt_tokens": int(self.rng.integers(1, 99)),
        }

    def samples(self, row: int, variant: str) -> dict[str, Any]:
        k = int(self.rng.integers(1, 8))
        words = ("one", "two", "two two", "", "One three")
        return {
            "answers": [self.pick(row) % 4 if not self.chance() else -1 for _ in range(k)],
            "texts": [str(self.rng.choice(words)) for _ in range(k)] if variant == "cot" else None,
            "count": k,
            "temperature": 1.0,
            "seed": 0,
        }

    def permuted(self, row: int) -> dict[str, Any]:
        count = int(self.options[row])
        orders = list(range(count if not self.chance() else max(1, count - 1)))
        return {
            "option_logprobs": [log(distribution(self.rng, count)) for _ in orders],
            "shifts": orders,
            "answers": [self.pick(row) for _ in orders],
        }

    def forced(self, row: int) -> dict[str, Any]:
        before = self.rng.random(int(self.rng.integers(0, 5)))
        points = [*sorted(float(point) for point in before), 1.0]
        shown = not self.chance()
        return {
            "option_logprobs": [log(distribution(self.rng, int(self.options[row]))) for _ in points]
            if shown
            else None,
            "entropies": [float(self.rng.random()) for _ in points] if shown else None,
            "points": points,
            "answers": [self.pick(row) % 3 for _ in points],
        }

    def prompted(self, row: int, variant: str) -> dict[str, Any]:
        return {"option_logprobs": self.option_logs(row), "answer": self.pick(row)}

    def report(self, row: int, variant: str) -> dict[str, Any]:
        if self.chance():
            return {"reason": 'confidence not parsed: "very"'}
        made: dict[str, Any] = {"value": float(self.rng.choice([0.0, 0.25, 0.7, 1.0]))}
        if variant == "top_k":
            made["answers"] = [self.pick(row) for _ in range(3)]
            made["values"] = [float(self.rng.choice([0.0, 0.3, 1.0])) for _ in range(3)]
        if variant in ("distribution", "each_option", "among_samples"):
            made |= self.of_options(row, variant)
        return made

    def of_options(self, row: int, variant: str) -> dict[str, Any]:
        """Numbers of options that need not sum to 1: tied, all 0, with one unread."""
        count = int(self.options[row])
        options = list(range(count))
        if variant == "among_samples":
            options = sorted({int(option) for option in self.rng.integers(0, count, 3)})
        values: list[float | None] = list(distribution(self.rng, len(options)))
        if self.chance(0.3):
            values = [float(self.rng.choice([0.0, 0.3, 1.0])) for _ in options]
        if self.chance(0.1):
            values = [0.0 for _ in options]
        if self.chance(0.1):
            values[0] = None
        return {"values": values, "answers": options}

    def judgement(self, row: int, variant: str) -> dict[str, Any]:
        if self.chance():
            return {"reason": f'{variant} not parsed: "hm"'}
        return {
            "value": float(self.rng.random()),
            "label_probs": None if self.chance() else distribution(self.rng, 3) * 0.8,
            "label_values": [0.25, 0.5, 0.75],
        }

    def layers(self, row: int) -> dict[str, Any]:
        if self.inside.random() < 0.1:
            return {}  # a model whose layers cannot be read
        size, rng = 5, self.inside
        logs = [log(distribution(rng, int(self.options[row]))) for _ in range(size)]
        if self.inside.random() < 0.3:
            logs[3] = logs[4]
        made: dict[str, Any] = {"option_logprobs": logs}
        for name in ("turns", "supports", "arrivals"):
            made[name] = rng.uniform(-1, 1, size)
        return made | {"update_norms": rng.uniform(0, 2, size)}

    def question_tokens(self, row: int) -> dict[str, Any]:
        size = int(self.inside.integers(0, 9))
        words = [f"w{int(n)}" for n in self.inside.integers(0, 5, size)]
        logs = log(distribution(self.inside, size)).tolist() if size else []
        return {"tokens": words, "token_logprobs": logs}

    def option_states(self, row: int) -> dict[str, Any]:
        if self.inside.random() < 0.1:
            return {}
        states = self.inside.normal(size=(int(self.options[row]), 30))
        states[0] = states[-1]
        return {"covariance": np.cov(states)}

    def perturbed(self, row: int) -> dict[str, Any]:
        if self.inside.random() < 0.1:
            return {}
        size, rng = 4, self.inside
        made: dict[str, Any] = {
            "radii": [0.0, 1.0, 2.0, 5.0],
            "option_logprobs": [
                log(distribution(rng, int(self.options[row]))) for _ in range(size)
            ],
        }
        for name in ("entropies", "divergences", "margins", "cosines"):
            made[name] = rng.uniform(0, 1, size)
        return made | {"gradient_norm": rng.uniform(0, 3), "state_norm": rng.uniform(1, 9)}

    def member(self, row: int) -> dict[str, Any]:
        return {"answer": self.pick(row), "option_logprobs": self.option_logs(row)}

    def hidden(self, row: int) -> dict[str, Any]:
        return {"state": self.rng.normal(size=4)}


@cache
def make_case(seed: int) -> Case:
    """One of a fixed number of cases, made once: making is dearer than scoring."""
    return CaseMaker(seed, 1 + seed % 12).make()


cases = st.integers(0, 299).map(make_case)
"""Small batches of random questions."""
