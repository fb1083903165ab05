"""Synthetic questions with every signal, for tests of estimators: seeded, no model needed.

Each question has option probabilities p; the right option is drawn from p, so p is calibrated and
the probability that the answer is wrong, u = 1 - max p, is known. All other signals are noisy
functions of p and u, with the intended orientation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from ..signals.batch import Panel, Signal, Signals, Status, Table, Variants
from ..signals.probabilities import entropy, softmax
from ..signals.signal_tables import TABLES
from ..signals.tables import BoolArray, FloatArray, IntArray, Kind, SignalTable
from .synthetic_inside import layer_columns, option_columns, perturbed_columns, state_columns
from .synthetic_reports import Column, further_reports, question_columns

_LEVELS = {
    "complexity": (0.0, 0.25, 0.5, 0.75, 1.0),
    "education_level": (0.2, 0.4, 0.6, 0.8),
    "reasoning_steps": (0.25, 0.5, 0.75),
    "correctness": (0.0, 0.5, 1.0),
}
_TAIL, _VOCABULARY = 20, 16
"""Numbers of tokens: of the synthetic vocabulary that are no option, and in traces."""


@dataclass(frozen=True)
class SyntheticQuestions:
    """Questions with signals, and their known probabilities."""

    signals: Signals
    """All signals, with ``gold``."""
    correct: BoolArray
    """(n,) whether the model's answer is right."""
    error_probability: FloatArray
    """(n,) u, the probability that it is wrong."""


def synthetic_questions(count: int = 300, seed: int = 0) -> SyntheticQuestions:
    """Create ``count`` questions with 3 to 10 options and 6 topics."""
    maker = _Maker(count, seed)
    tables: dict[Signal, Table] = {
        Signal.ANSWER: maker.answer(),
        Signal.TRACE: maker.trace(),
        Signal.FORCED_ANSWERS: maker.forced_answers(),
        Signal.SAMPLES: _variants(Signal.SAMPLES, maker.samples()),
        Signal.PERMUTED_ANSWERS: maker.permuted_answers(),
        Signal.PROMPTED_ANSWERS: _variants(Signal.PROMPTED_ANSWERS, maker.prompted_answers()),
        Signal.SELF_REPORT: _variants(Signal.SELF_REPORT, maker.self_report()),
        Signal.JUDGEMENT: Variants(Signal.JUDGEMENT, maker.judgement()),
        Signal.HIDDEN_STATE: maker.table(Signal.HIDDEN_STATE, **state_columns(maker)),
        Signal.COMMITTEE: maker.committee(),
        Signal.LAYER_ANSWERS: maker.table(Signal.LAYER_ANSWERS, **layer_columns(maker)),
        Signal.OPTION_STATES: maker.table(Signal.OPTION_STATES, **option_columns(maker)),
        Signal.PERTURBED_STATE: maker.table(Signal.PERTURBED_STATE, **perturbed_columns(maker)),
        Signal.QUESTION_TOKENS: maker.table(Signal.QUESTION_TOKENS, **question_columns(maker.u)),
        Signal.RECORDED_SCORE: _variants(Signal.RECORDED_SCORE, maker.recorded_score()),
    }
    for signal in TABLES.keys() - tables.keys():  # declared, with no story of its own here
        table = maker.any_values(signal)
        tables[signal] = _variants(signal, {"": table}) if table.keyed else table
    signals = Signals(
        question_id=np.arange(1, count + 1),
        topic=maker.topic,
        option_count=maker.option_count,
        tables=tables,
        gold=maker.gold,
    )
    return SyntheticQuestions(signals, maker.correct, maker.u)


def _variants(signal: Signal, tables: Mapping[str, SignalTable]) -> Variants[SignalTable]:
    return Variants(signal, {name: Panel({"": table}) for name, table in tables.items()})


class _Maker:
    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.rng = np.random.default_rng(seed)
        self.wording = np.random.default_rng([seed, 1])
        self.reports, self.inside = (np.random.default_rng([seed, number]) for number in (2, 3))
        self.option_count = self.rng.integers(3, 11, count).astype(np.int64)
        there = np.arange(10) < self.option_count[:, None]
        best = self.rng.integers(0, self.option_count)
        sharpness = self.rng.uniform(0.0, 7.0, count)
        z = self.rng.normal(0.0, 0.7, (count, 10))
        z[np.arange(count), best] += sharpness
        self.z = np.where(there, z, np.nan)
        self.p = softmax(self.z)
        self.answered = self.chosen(self.p)
        self.gold = self.draw(self.p)
        self.correct: BoolArray = self.answered == self.gold
        self.u = 1.0 - np.nanmax(self.p, axis=1, initial=0.0)
        rank = np.argsort(np.argsort(self.u + self.noise(0.3)))
        self.topic = np.array([f"topic {1 + 6 * r // max(count, 1)}" for r in rank], dtype=object)

    def noise(self, scale: float, *shape: int) -> FloatArray:
        return self.rng.normal(0.0, scale, (self.count, *shape))

    def chosen(self, p: FloatArray) -> IntArray:
        """Return the most probable option of (n, K) distributions."""
        return cast(IntArray, np.where(np.isnan(p), -1.0, p).argmax(axis=-1).astype(np.int64))

    def draw(self, p: FloatArray) -> IntArray:
        """Draw an option from each of (n, K) distributions."""
        bounds = np.cumsum(np.nan_to_num(p), axis=1)
        point = self.rng.random((self.count, 1)) * bounds[:, -1:] if self.count else bounds[:, :1]
        option = (point >= bounds).sum(axis=1).clip(max=self.option_count - 1)
        return cast(IntArray, option.astype(np.int64))

    def table(self, signal: Signal, **columns: Column) -> SignalTable:
        """Return the table with these columns; the others as if not stored."""
        cls = TABLES[signal]
        empty = cls.from_records([{}] * self.count)
        given = {name: columns.get(name, getattr(empty, name)) for name in cls.kinds()}
        return cls(present=np.ones(self.count, dtype=np.bool_), **given)

    def any_values(self, signal: Signal) -> SignalTable:
        """Return a table whose numbers grow with u, whatever they mean."""
        numbers = {Kind.FLOAT: (), Kind.FLOATS: (3,), Kind.FLOAT_LISTS: (3, 2)}
        columns = {
            name: self.u.reshape(-1, *[1] * len(numbers[kind])) + self.noise(0.1, *numbers[kind])
            for name, kind in TABLES[signal].kinds().items()
            if kind in numbers
        }
        return self.table(signal, **columns)

    def full(self, value: object, dtype: type = np.int64) -> Column:
        filled: Column = np.full(self.count, value, dtype=dtype)
        return filled

    def answer(self) -> SignalTable:
        mass = 0.99 - 0.3 * self.u
        tail = softmax(self.noise(1.0, _TAIL)) * (1.0 - mass)[:, None]
        q = np.concatenate([np.nan_to_num(self.p) * mass[:, None], tail], axis=1)
        top = -np.sort(-q, axis=1)[:, :12]
        return self.table(
            Signal.ANSWER,
            option_logprobs=np.log(self.p) + np.log(mass)[:, None],
            scored_logprobs=np.log(self.p) + np.log(mass)[:, None],
            entropy=entropy(q),
            post_answer_entropy=np.abs(0.5 + self.u + self.noise(0.2)),
            top_logprobs=np.log(top),
            missing_mass=1.0 - top.sum(axis=1),
            log_normalizer=18.0 - 8.0 * self.u + self.inside.normal(0.0, 1.0, self.count),
            answer=self.answered,
            status=self.full(Status.PARSED.value, object),
            correct=self.correct.astype(np.int64),
            prompt_tokens=self.rng.integers(40, 200, self.count),
        )

    def trace(self) -> SignalTable:
        length = np.maximum(12 + np.rint(20 * self.u + self.noise(4.0)), 4).astype(np.int64)
        longest = int(length.max(initial=1))
        there = np.arange(longest) < length[:, None]
        scale = 4.0 * (1.0 - 0.7 * self.u)
        # The more uncertain, the more the entropies rise over the trace.
        course = 1.0 - 0.8 * self.u[:, None] * np.linspace(0.0, 1.0, longest)
        q = softmax(self.noise(1.0, longest, _VOCABULARY) * (scale[:, None] * course)[:, :, None])
        logs = np.where(there[:, :, None], np.log(q), np.nan)
        ranked = -np.sort(-logs, axis=2)
        uniform = -np.log(_VOCABULARY) - logs.mean(axis=2)
        return self.table(
            Signal.TRACE,
            text=self._wording(),
            token_logprobs=ranked[:, :, 0],
            token_entropies=np.where(there, entropy(q), np.nan),
            token_top_logprobs=ranked[:, :, : _VOCABULARY - 1],
            token_uniform_kl=uniform,
            answer_position=length - 1,
            option_logprobs=np.log(self.p) + np.log(0.98),
            answer=self.answered,
            status=self.full(Status.PARSED.value, object),
            correct=self.correct.astype(np.int64),
            prompt_tokens=self.rng.integers(40, 200, self.count),
            finished=self.full(1),
        )

    def _wording(self) -> Column:
        """Return texts that hedge and turn back the more often, the larger u is."""
        doubts = self.wording.poisson(3.0 * self.u)
        more = " wait, perhaps it is not so, step by step"
        return np.array([f"step by step{more * count}" for count in doubts], dtype=object)

    def samples(self) -> dict[str, SignalTable]:
        made = {}
        for name, k in (("direct", 10), ("cot", 6)):
            answers = np.stack([self.draw(self.p) for _ in range(k)], axis=1)
            logs = np.log(np.take_along_axis(self.p, answers, axis=1))
            texts = np.array([[f"by way {a} it is {a}" for a in row] for row in answers.tolist()])
            made[name] = self.table(
                Signal.SAMPLES,
                answers=answers,
                answer_logprobs=logs,
                texts=texts.astype(object).reshape(self.count, k)
                if name == "cot"
                else np.full((self.count, k), None, dtype=object),
                count=self.full(k),
                temperature=self.full(1.0, np.float64),
                seed=self.full(0),
            )
        return made

    def forced_answers(self) -> SignalTable:
        """Return answers that become clearer along the trace, the later the less sure it is."""
        points = np.linspace(0.0, 1.0, 5)
        p = softmax(points[:, None] * self.z[:, None, :] + self.noise(0.5, 5, 10))
        columns: dict[str, Column] = {"option_logprobs": np.log(p), "answers": self.chosen(p)}
        columns["entropies"] = np.nansum(-p * np.log(p), axis=2)
        columns["points"] = np.tile(points, (self.count, 1))
        return self.table(Signal.FORCED_ANSWERS, cached=self.full(1), **columns)

    def permuted_answers(self) -> SignalTable:
        bias = np.linspace(0.6, -0.6, 10)
        shifts = np.where(np.arange(10) < self.option_count[:, None], np.arange(10), -1)
        count = self.option_count[:, None, None]
        position = (np.arange(10) - shifts[:, :, None]) % count
        z = self.z[:, None, :] + bias[position] + self.noise(0.4, 10, 10)
        z = np.where(shifts[:, :, None] >= 0, z, np.nan)
        p = softmax(z)
        return self.table(
            Signal.PERMUTED_ANSWERS,
            option_logprobs=np.log(p) + np.log(0.97),
            shifts=shifts,
            answers=np.where(shifts >= 0, self.chosen(p), -1),
        )

    def prompted_answers(self) -> dict[str, SignalTable]:
        """Weight of the plain logits, and noise, of each prompt."""
        kinds = {f"paraphrase_{i}": (1.0, 0.7) for i in range(1, 5)}
        kinds |= {"no_stem": (0.2, 0.5), "shuffled_stem": (0.4, 0.5), "instruction": (1.0, 0.4)}
        kinds |= {"content_free": (0.0, 0.6)}
        made = {}
        for name, (weight, scale) in kinds.items():
            p = softmax(weight * self.z + self.noise(scale, 10))
            made[name] = self.table(
                Signal.PROMPTED_ANSWERS, option_logprobs=np.log(p), answer=self.chosen(p)
            )
        return made

    def self_report(self) -> dict[str, SignalTable]:
        made = {}
        for name in ("p_true", "one_step", "two_step", "linguistic"):
            value = np.clip(1.0 - self.u + self.noise(0.15), 0.0, 1.0)
            value = np.round(value, 1) if name == "linguistic" else value
            text = self.full(None if name == "p_true" else "stated", object)
            made[name] = self.table(Signal.SELF_REPORT, value=value, text=text)
        known = np.where(np.isnan(self.p), -1.0, self.p)
        guesses = np.argsort(-known, axis=1, kind="stable")[:, :3].astype(np.int64)
        values = np.take_along_axis(known, guesses, axis=1)
        made["top_k"] = self.table(
            Signal.SELF_REPORT, value=values[:, 0], values=values, answers=guesses
        )
        further = further_reports(self.reports, self.u, self.z)
        return made | {n: self.table(Signal.SELF_REPORT, **own) for n, own in further.items()}

    def judgement(self) -> dict[str, Panel[SignalTable]]:
        return {
            name: Panel({judge: self._judge(name, levels) for judge in ("judge a", "judge b")})
            for name, levels in _LEVELS.items()
        }

    def _judge(self, questionnaire: str, levels: tuple[float, ...]) -> SignalTable:
        steps = np.array(levels)
        seen = np.clip(self.u + self.noise(0.15), 0.0, 1.0)
        if questionnaire == "correctness":
            seen = 1.0 - seen
        # The levels are spread over what is seen in [0, 1].
        near = np.linspace(0.0, 1.0, len(steps)) - seen[:, None]
        weights = softmax(-(near**2) / 0.05)
        spread = questionnaire in ("complexity", "correctness")
        return self.table(
            Signal.JUDGEMENT,
            text=self.full("[[…]]", object),
            value=seen if spread else steps[np.abs(near).argmin(axis=1)],
            rating=self.full(9.0, np.float64),
            label_probs=0.95 * weights,
            label_values=np.tile(steps, (self.count, 1)),
        )

    def committee(self) -> Panel[SignalTable]:
        members = {}
        for name in ("model a", "model b", "model c"):
            p = softmax(self.z + self.noise(0.7, 10))
            right = self.rng.random(self.count) < 0.4
            members[name] = self.table(
                Signal.COMMITTEE,
                answer=np.where(right, self.gold, self.draw(p)),
                option_logprobs=np.log(p),
            )
        return Panel(members)

    def recorded_score(self) -> dict[str, SignalTable]:
        return {"recorded": self.table(Signal.RECORDED_SCORE, score=self.u + self.noise(0.1))}
