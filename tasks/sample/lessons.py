"""Training data of the embedded model: prompts of this project's own templates with answers.

Facts are drawn by a Zipf law, so that some are known well and others hardly at all. The questions
of the sample are never shown: facts come with other options, and their sums do not occur.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from ..mmlu_pro import STYLES, Style, render_system, render_user
from ..topics import LETTERS, TOPICS
from .sample_judge import judge_lesson, packaged_prompt
from .self_reporting import SELF_REPORT_PROMPTS, self_report_lesson
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


class Segment(NamedTuple):
    """A piece of text, and what the model learns from it."""

    text: str
    learn: bool = False
    """Whether the model is trained to generate it."""
    recalled: str = ""
    """A word that early layers should represent at the last token."""
    fetched: str = ""
    """A word that the layers before the last should represent at the last token."""


Lesson = list[Segment]


@dataclass(frozen=True)
class Turn:
    """A prompt and its answer; ``question`` is the one whose answer it depends on, if any."""

    prompt: str
    answer: str
    question: Question | None = None

    def segments(self, before: str = "", between: str = "", after: str = "") -> Lesson:
        """Return the turn with text around its prompt, and the words to represent along the way.

        The right option should be represented when the question ends, and again before the
        answer's label: the layers below those that find the label are trained on both.
        """
        text, question = before + self.prompt + between, self.question
        if question is None:
            return [Segment(text), Segment(self.answer + after, True)]
        word = f" {question.options[question.answer_index]}"
        end = text.index(question.text) + len(question.text)
        lesson = [Segment(text[:end], recalled=word)]
        chain, marker, label = self.answer.rpartition("[[")
        if marker:
            lesson += [Segment(text[end:]), Segment(chain + marker, True, fetched=word)]
        else:
            lesson.append(Segment(text[end:], fetched=word))
        return [*lesson, Segment(label + after, True)]


ASKED_IN_CHAT = 0.75
"""Share of judgments and self-reports that use the chat template."""
ZIPF_EXPONENT = 1.2
STEP_WEIGHTS = {1: 3, 2: 3, 3: 2, 4: 2}
"""Number of steps of a sum → its weight in training."""
KNOWN_RANKS = 70
"""Facts of at least this rank may be answered with "do not know"."""

_DIRECT, _COT = STYLES["mmlu_pro_direct"], STYLES["mmlu_pro_cot"]
_NUMBERED, _COT_NUMBERED = STYLES["mmlu_pro_direct_numbered"], STYLES["mmlu_pro_cot_numbered"]
_DONT_KNOW = STYLES["mmlu_pro_direct_dont_know"]
OTHER_WORDINGS = ("paraphrase_1", "paraphrase_2", "paraphrase_3", "paraphrase_4")
OTHER_SYSTEM = "instruction_system"


@dataclass(frozen=True)
class _Kind:
    style: Style
    chat: float
    """Share of lessons that use the chat template."""
    shots: int = 0


KINDS: tuple[tuple[_Kind | str, float], ...] = (
    (_Kind(_DIRECT, 0.15), 40),
    (_Kind(_DIRECT, 0.2, shots=5), 1.5),
    (_Kind(_NUMBERED, 0.4), 4),
    (_Kind(_DONT_KNOW, 0.4), 4),
    (_Kind(_COT, 0.2), 14),
    (_Kind(_COT, 0.2, shots=5), 0.5),
    (_Kind(_COT_NUMBERED, 0.4), 2),
    ("other wording", 5),
    ("judge", 8),
    ("self-report", 6),
    ("drill", 15),
)
"""Kinds of lessons and their weights."""
FIRST_LESSONS = 60_000
FIRST_DRILLS = 0.4
"""Share of letter drills among the first lessons, which otherwise ask for bare answers.

Once both are learned together, all other kinds build on them; mixed from the start, they are not
learned. These answers have no end token: the output matrix is tied to the embedding, so that
learning what follows a letter would push away from that letter before anything copies it.
"""
DRILL_WEIGHTS = {"letters": 4, "steps": 2, "facts": 3, "sums": 3}
_DRILL_LENGTH = {"facts": 12, "sums": 6}


class Teacher:
    """An endless stream of lessons about one world, drawn from one seed."""

    def __init__(
        self,
        world: World,
        held_out: frozenset[Sum],
        rng: random.Random,
        first_lessons: int = 0,
    ) -> None:
        self.world, self.held_out, self.rng = world, held_out, rng
        most = max((len(facts) for facts in world.facts.values()), default=0)
        shares = [1 / (rank + 1) ** ZIPF_EXPONENT for rank in range(most)]
        self._fact_weights = list(accumulate(shares))
        self._first_lessons = first_lessons
        self._kinds = [kind for kind, _ in KINDS]
        self._kind_weights = list(accumulate(weight for _, weight in KINDS))

    def question(self, topic: str) -> Question:
        """Draw a question of ``topic`` that the sample does not contain."""
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
        """Draw the next lesson, of a random kind and topic."""
        rng = self.rng
        (kind,) = rng.choices(self._kinds, cum_weights=self._kind_weights)
        topic = rng.choice(TOPICS)
        question = self.question(topic)
        if self._first_lessons > 0:
            self._first_lessons -= 1
            if rng.random() < FIRST_DRILLS:
                return letters_drill(question, rng)
            system = render_system(topic, _DIRECT, packaged_prompt(_DIRECT.system))
            return plain([self._turn(question, _DIRECT)], system)[:-1]
        if kind == "drill":
            return self._drill()
        if isinstance(kind, _Kind):
            count = rng.randint(1, kind.shots) if kind.shots else 0
            asked = [*(self.question(topic) for _ in range(count)), question]
            turns = [self._turn(question, kind.style) for question in asked]
            system = render_system(topic, kind.style, packaged_prompt(kind.style.system))
            return _told(turns, system, rng.random() < kind.chat)
        if kind == "other wording":
            return self._other_wording(question)
        if kind == "judge":
            other = self.question(rng.choice(TOPICS))
            turn = Turn(*judge_lesson(question, other, rng))
        else:
            turn = Turn(*self_report_lesson(rng.choice(SELF_REPORT_PROMPTS), question, rng))
        return _told([turn], "", rng.random() < ASKED_IN_CHAT)

    def _other_wording(self, question: Question) -> Lesson:
        rng = self.rng
        wording = rng.choice((*OTHER_WORDINGS, OTHER_SYSTEM))
        user, system = _DIRECT.user, wording
        if wording != OTHER_SYSTEM:
            user, system = wording, _DIRECT.system
        prompt = render_user(question.row(0), _DIRECT, packaged_prompt(user))
        turn = Turn(prompt, LETTERS[question.answer_index], question)
        text = render_system(question.topic, _DIRECT, packaged_prompt(system))
        return _told([turn], text, rng.random() < 0.2)

    def _drill(self) -> Lesson:
        """Draw many small tasks at once: letters of options, bare answers, or single steps."""
        rng = self.rng
        (kind,) = rng.choices(list(DRILL_WEIGHTS), list(DRILL_WEIGHTS.values()))
        if kind == "letters":
            return letters_drill(self.question(rng.choice(TOPICS)), rng)
        if kind == "steps":
            return steps_drill(draw_sum(rng.choice(REASONING_TOPICS), 8, rng))
        topic = rng.choice(KNOWLEDGE_TOPICS if kind == "facts" else REASONING_TOPICS)
        return answers_drill([self.question(topic) for _ in range(_DRILL_LENGTH[kind])])

    def _turn(self, question: Question, style: Style) -> Turn:
        user = render_user(question.row(0), style, packaged_prompt(style.user))
        label = style.labels(len(question.options))[question.answer_index]
        if style.chain_of_thought:
            return Turn(user, f"{question.chain} [[{label}]]", question)
        unknown = question.rank >= KNOWN_RANKS or question.steps >= 3
        if style.dont_know is not None and unknown and self.rng.random() < 0.6:
            return Turn(user, style.dont_know)
        return Turn(user, label, question)


def _told(turns: Sequence[Turn], system: str, chat: bool) -> Lesson:
    return chat_turns(turns, system) if chat else plain(turns, system)


def plain(turns: Sequence[Turn], system: str = "") -> Lesson:
    """Join turns as plain text, as lm-eval does, with an end token after the last answer."""
    lesson: Lesson = []
    for number, turn in enumerate(turns):
        before = (f"{system}\n\n" if system else "") if number == 0 else "\n\n"
        space = "" if turn.prompt.endswith("\n") else " "
        lesson += Turn(turn.prompt, space + turn.answer, turn.question).segments(before)
    return [*lesson, Segment(END, True)]


def chat_turns(turns: Sequence[Turn], system: str = "") -> Lesson:
    """Join turns as the chat template does."""
    lesson = [Segment(f"<|system|>{system}{END}")] if system else []
    for turn in turns:
        lesson += turn.segments("<|user|>", f"{END}<|assistant|>", END)
    return lesson


def letters_drill(question: Question, rng: random.Random) -> Lesson:
    """Return options, then each of them with its letter."""
    pairs = list(zip(LETTERS, question.options, strict=False))
    lesson = [Segment("\nOptions:\n" + "".join(f"{a}. {text}\n" for a, text in pairs))]
    for letter, text in rng.sample(pairs, len(pairs)):
        lesson += [Segment(f" {text}"), Segment(f" {letter}", True)]
    return lesson


def answers_drill(questions: Sequence[Question]) -> Lesson:
    """Return different questions, each followed by the words of its answer."""
    lesson: Lesson = []
    for question in {question.text: question for question in questions}.values():
        answer = f" {question.options[question.answer_index]}"
        lesson += [Segment(question.text, recalled=answer), Segment(answer, True), Segment("\n")]
    return lesson[:-1]


def steps_drill(sum_: Sum) -> Lesson:
    """Return a long sum step by step, as in a chain of thought."""
    head, *steps = ask_sum(sum_, random.Random(0), 3).chain.rstrip(".").split(" is")
    lesson = [Segment(head)]
    for step in steps:
        _, result, *rest = step.split(" ", 2)
        number, _, _ = result.partition(";")
        lesson += [Segment(" is"), Segment(f" {number}", True)]
        if result.endswith(";"):
            lesson.append(Segment(f"; {rest[0]}"))
    return lesson
