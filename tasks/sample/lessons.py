"""What the embedded model is taught: prompts of this project's own templates with their answers.

Facts are told by a Zipf law, so that some are known well and others hardly at all. The questions of
the sample are never shown: facts come with other options, and their sums do not occur.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ..mmlu_pro import STYLES, Style, render_system, render_user
from ..topics import LETTERS, TOPICS
from .judging import judge_lesson, packaged_prompt
from .tokenizer import END
from .world import (
    KNOWLEDGE_TOPICS,
    REASONING_TOPICS,
    Question,
    Sum,
    World,
    ask_fact,
    ask_sum,
    draw_sum,
    option_count,
)

Segment = tuple[str, bool]
"""A stretch of text, and whether the model learns to say it."""
Lesson = list[Segment]

JUDGE_CHAT = 0.75
ZIPF_EXPONENT = 1.2
STEP_WEIGHTS = {1: 3, 2: 3, 3: 2, 4: 2}
"""How often sums of so many steps are practised."""
KNOWN_RANKS = 70
"""Facts told less often than this many others may be answered with "do not know"."""

_DIRECT, _COT = STYLES["mmlu_pro_direct"], STYLES["mmlu_pro_cot"]
_NUMBERED, _COT_NUMBERED = STYLES["mmlu_pro_direct_numbered"], STYLES["mmlu_pro_cot_numbered"]
_DONT_KNOW = STYLES["mmlu_pro_direct_dont_know"]


@dataclass(frozen=True)
class _Kind:
    style: Style
    chat: float
    """Share of lessons that use the chat template."""
    shots: int = 0


KINDS: tuple[tuple[_Kind | str, float], ...] = (
    (_Kind(_DIRECT, 0.12), 38),
    (_Kind(_DIRECT, 0.2, shots=5), 1.5),
    (_Kind(_NUMBERED, 0.4), 3),
    (_Kind(_DONT_KNOW, 0.4), 3),
    (_Kind(_COT, 0.2), 14),
    (_Kind(_COT, 0.2, shots=5), 0.5),
    (_Kind(_COT_NUMBERED, 0.4), 2),
    ("judge", 8),
    ("drill", 25),
)
"""Kinds of lessons and their weights."""
DRILL_WEIGHTS = {"letters": 3, "steps": 2, "facts": 2, "sums": 3}
_DRILL_LENGTH = {"facts": 12, "sums": 6}
FIRST_DRILLS = 6000
"""The first lessons only teach which letter an option has: all others build on it."""


class Teacher:
    """An endless course of lessons about one world, drawn from one seed."""

    def __init__(self, world: World, held_out: frozenset[Sum], rng: random.Random) -> None:
        self.world, self.held_out, self.rng = world, held_out, rng
        most = max((len(facts) for facts in world.facts.values()), default=0)
        shares = [1 / (rank + 1) ** ZIPF_EXPONENT for rank in range(most)]
        self._fact_weights = list(accumulate(shares))
        self._given = 0
        self._kinds = [kind for kind, _ in KINDS]
        self._kind_weights = list(accumulate(weight for _, weight in KINDS))

    def question(self, topic: str) -> Question:
        """A question of ``topic`` that the sample does not contain."""
        rng = self.rng
        if topic in self.world.facts:
            facts = self.world.facts[topic]
            (fact,) = rng.choices(facts, cum_weights=self._fact_weights[: len(facts)])
            return ask_fact(self.world, fact, rng, option_count(rng))
        while True:
            (steps,) = rng.choices(list(STEP_WEIGHTS), list(STEP_WEIGHTS.values()))
            sum_ = draw_sum(topic, steps, rng)
            if sum_ not in self.held_out:
                return ask_sum(sum_, rng, option_count(rng))

    def lesson(self) -> Lesson:
        """The next lesson, of a random kind and topic."""
        rng = self.rng
        self._given += 1
        if self._given <= FIRST_DRILLS:
            return letters_drill(self.question(rng.choice(TOPICS)), rng)
        (kind,) = rng.choices(self._kinds, cum_weights=self._kind_weights)
        if isinstance(kind, str):
            return self._drill() if kind == "drill" else self._judgement()
        topic = rng.choice(TOPICS)
        count = 1 + rng.randint(1, kind.shots) if kind.shots else 1
        turns = [self._turn(self.question(topic), kind.style) for _ in range(count)]
        system = render_system(topic, kind.style, packaged_prompt(kind.style.system))
        return chat_turns(system, turns) if rng.random() < kind.chat else plain(turns, system)

    def _judgement(self) -> Lesson:
        rng = self.rng
        question, other = (self.question(rng.choice(TOPICS)) for _ in range(2))
        turns = [judge_lesson(question, other, rng)]
        return chat_turns("", turns) if rng.random() < JUDGE_CHAT else plain(turns)

    def _drill(self) -> Lesson:
        """Many small tasks at once: letters of options, bare answers, or single steps."""
        rng = self.rng
        (kind,) = rng.choices(list(DRILL_WEIGHTS), list(DRILL_WEIGHTS.values()))
        if kind == "letters":
            return letters_drill(self.question(rng.choice(TOPICS)), rng)
        if kind == "steps":
            return steps_drill(draw_sum(rng.choice(REASONING_TOPICS), 8, rng))
        topic = rng.choice(KNOWLEDGE_TOPICS if kind == "facts" else REASONING_TOPICS)
        return answers_drill([self.question(topic) for _ in range(_DRILL_LENGTH[kind])])

    def _turn(self, question: Question, style: Style) -> tuple[str, str]:
        user = render_user(question.row(0), style, packaged_prompt(style.user))
        label = style.labels(len(question.options))[question.answer_index]
        if style.chain_of_thought:
            return user, f"{question.chain} [[{label}]]"
        unknown = question.rank >= KNOWN_RANKS or question.steps >= 3
        if style.dont_know is not None and unknown and self.rng.random() < 0.6:
            label = style.dont_know
        return user, label


def plain(turns: Sequence[tuple[str, str]], system: str = "") -> Lesson:
    """Turns as text alone, joined as lm-eval joins them, with the last answer ended."""
    lesson: Lesson = []
    for number, (prompt, answer) in enumerate(turns):
        before = (f"{system}\n\n" if system else "") if number == 0 else "\n\n"
        space = "" if prompt.endswith("\n") else " "
        lesson += [(before + prompt, False), (space + answer, True)]
    return [*lesson, (END, True)]


def letters_drill(question: Question, rng: random.Random) -> Lesson:
    """Options, then each of them with its letter."""
    pairs = list(zip(LETTERS, question.options, strict=False))
    lesson: Lesson = [("\nOptions:\n" + "".join(f"{a}. {text}\n" for a, text in pairs), False)]
    for letter, text in rng.sample(pairs, len(pairs)):
        lesson += [(f" {text}", False), (f" {letter}", True)]
    return lesson


def answers_drill(questions: Sequence[Question]) -> Lesson:
    """Different questions, each with the words of its answer behind it."""
    lesson: Lesson = []
    for question in {question.text: question for question in questions}.values():
        answer = question.options[question.answer_index]
        lesson += [(question.text, False), (f" {answer}", True), ("\n", False)]
    return lesson[:-1]


def steps_drill(sum_: Sum) -> Lesson:
    """A long sum step by step, as in a chain of thought."""
    head, *steps = ask_sum(sum_, random.Random(0), 3).chain.rstrip(".").split(" is")
    lesson: Lesson = [(head, False)]
    for step in steps:
        _, result, *rest = step.split(" ", 2)
        number, _, _ = result.partition(";")
        lesson += [(" is", False), (f" {number}", True)]
        if result.endswith(";"):
            lesson.append((f"; {rest[0]}", False))
    return lesson


def chat_turns(system: str, turns: Sequence[tuple[str, str]]) -> Lesson:
    """Turns as the chat template writes them."""
    lesson: Lesson = [(f"<|system|>{system}{END}", False)] if system else []
    for prompt, answer in turns:
        lesson += [(f"<|user|>{prompt}{END}<|assistant|>", False), (f"{answer}{END}", True)]
    return lesson
