"""A made-up world: facts of unequal frequency, and sums modulo ten.

Knowledge topics ask for facts about invented names. Reasoning topics ask for the result of one to
four steps of arithmetic modulo ten. Everything is determined by one seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..question_row import Row
from ..topics import LETTERS, TOPICS
from .wording import FACT_FORMS, NUMBERS, SUM_FORMS

SEED = 20250301
ENTITIES_PER_TOPIC = 40
VALUES_PER_FORM = 14
SUMS_PER_STEPS = {1: 12, 2: 36, 3: 36, 4: 36}
"""Number of steps → test questions of each reasoning topic."""
MOST_OPTIONS = 10

KNOWLEDGE_TOPICS = tuple(topic for topic in TOPICS if topic in FACT_FORMS)
REASONING_TOPICS = tuple(topic for topic in TOPICS if topic in SUM_FORMS)

Operation = tuple[str, int]
"""``("plus", 4)``, ``("minus", 2)`` or ``("doubled", 0)``."""


@dataclass(frozen=True)
class Fact:
    """A fact of the made-up world; rank 0 is the most frequent of its topic."""

    topic: str
    form: int
    entity: str
    value: str
    rank: int


@dataclass(frozen=True)
class Sum:
    """A sequence of arithmetic steps modulo ten."""

    topic: str
    form: int
    start: int
    operations: tuple[Operation, ...]

    def results(self) -> list[int]:
        """Return the result after each step."""
        count, seen = self.start, []
        for name, amount in self.operations:
            count = 2 * count if name == "doubled" else count + _SIGN[name] * amount
            count %= 10
            seen.append(count)
        return seen


_SIGN = {"plus": 1, "minus": -1}


@dataclass(frozen=True)
class Question:
    """A question: its text, its options in order, and a chain of thought."""

    topic: str
    form: int
    steps: int
    """Steps of computation; 0 for a fact."""
    rank: int
    text: str
    options: tuple[str, ...]
    answer_index: int
    chain: str

    @property
    def source(self) -> str:
        """Value of the ``src`` column."""
        return f"embedded/reasoning-{self.steps}" if self.steps else "embedded/knowledge"

    def row(self, question_id: int) -> Row:
        """Return the question in MMLU-Pro's schema."""
        letter = LETTERS[self.answer_index]
        return {
            "question_id": question_id,
            "question": self.text,
            "options": list(self.options),
            "answer": letter,
            "answer_index": self.answer_index,
            "cot_content": f"A: Let's think step by step. {self.chain} The answer is ({letter}).",
            "category": self.topic,
            "src": self.source,
        }


@dataclass(frozen=True)
class World:
    """The facts of each knowledge topic, most frequent first, and each form's possible answers."""

    facts: dict[str, tuple[Fact, ...]]
    values: dict[tuple[str, int], tuple[str, ...]]


def make_world(seed: int = SEED) -> World:
    """Create the world of a seed, in which every name is unique."""
    rng = random.Random(f"world {seed}")
    names = _names(rng)
    facts, values = {}, {}
    for topic in KNOWLEDGE_TOPICS:
        entities = [next(names).capitalize() for _ in range(ENTITIES_PER_TOPIC)]
        pairs = []
        for form in range(len(FACT_FORMS[topic])):
            pool = tuple(next(names) for _ in range(VALUES_PER_FORM))
            values[topic, form] = pool
            pairs += [(form, entity, rng.choice(pool)) for entity in entities]
        rng.shuffle(pairs)
        facts[topic] = tuple(Fact(topic, *pair, rank) for rank, pair in enumerate(pairs))
    return World(facts, values)


def _names(rng: random.Random) -> Iterator[str]:
    """Yield invented words without repetition, endlessly."""
    used = set()
    while True:
        parts = [rng.choice("bdfglmnprstvz") + rng.choice("aeiou") for _ in range(2)]
        name = "".join(parts) + rng.choice("lmnrst") + rng.choice(("", "", "a", "e", "o"))
        if name not in used:
            used.add(name)
            yield name


def ask_fact(
    world: World, fact: Fact, rng: random.Random, count: int, place: int | None = None
) -> Question:
    """Create a question for ``fact`` with ``count`` options, the right one at ``place``."""
    others = [value for value in world.values[fact.topic, fact.form] if value != fact.value]
    options, place = _arrange(fact.value, others, rng, count, place)
    return Question(
        topic=fact.topic,
        form=fact.form,
        steps=0,
        rank=fact.rank,
        text=FACT_FORMS[fact.topic][fact.form].format(fact.entity),
        options=options,
        answer_index=place,
        chain=f"Recall {fact.entity}: {fact.value}.",
    )


def ask_sum(sum_: Sum, rng: random.Random, count: int, place: int | None = None) -> Question:
    """Create a question for ``sum_`` with ``count`` options, the right one at ``place``."""
    results = sum_.results()
    answer = NUMBERS[results[-1]]
    others = [number for number in NUMBERS if number != answer]
    options, place = _arrange(answer, others, rng, count, place)
    wording = SUM_FORMS[sum_.topic]
    text = f"{wording.starts[sum_.form]} {NUMBERS[sum_.start]}"
    chain = f"Start {NUMBERS[sum_.start]}"
    for (name, amount), result in zip(sum_.operations, results, strict=True):
        number = "" if name == "doubled" else f" {NUMBERS[amount]}"
        text += f"{wording.steps[name]}{number}"
        chain += f"; {name}{number} is {NUMBERS[result]}"
    return Question(
        topic=sum_.topic,
        form=sum_.form,
        steps=len(sum_.operations),
        rank=0,
        text=text + wording.ask,
        options=options,
        answer_index=place,
        chain=chain + ".",
    )


def _arrange(
    answer: str, others: list[str], rng: random.Random, count: int, place: int | None
) -> tuple[tuple[str, ...], int]:
    chosen = rng.sample(others, count - 1)
    place = rng.randrange(count) if place is None else place
    chosen.insert(place, answer)
    return tuple(chosen), place


def draw_sum(topic: str, steps: int, rng: random.Random) -> Sum:
    """Draw a random sum of ``steps`` steps in the wording of ``topic``."""
    operations: list[Operation] = []
    for _ in range(steps):
        name = rng.choice(("plus", "plus", "minus", "minus", "doubled"))
        operations.append((name, 0 if name == "doubled" else rng.randint(1, 9)))
    form = rng.randrange(len(SUM_FORMS[topic].starts))
    return Sum(topic, form, rng.randrange(10), tuple(operations))


def option_count(rng: random.Random) -> int:
    """Draw the number of options: ten in 83 of 100 cases, as in MMLU-Pro."""
    return MOST_OPTIONS if rng.random() < 0.83 else rng.randrange(3, MOST_OPTIONS)


@dataclass(frozen=True)
class Sample:
    """The questions (``test``), the worked examples, and the sums that no lesson may show."""

    test: tuple[Question, ...]
    examples: tuple[Question, ...]
    held_out: frozenset[Sum]


def make_sample(world: World, seed: int = SEED) -> Sample:
    """Create test questions and examples of all topics, in the order of ``TOPICS``."""
    rng = random.Random(f"sample {seed}")
    test: list[Question] = []
    examples: list[Question] = []
    held_out: set[Sum] = set()
    for topic in TOPICS:
        if topic in FACT_FORMS:
            facts = list(world.facts[topic])
            test += [ask_fact(world, fact, rng, *_layout(i)) for i, fact in enumerate(facts)]
            examples += [
                ask_fact(world, fact, rng, *_layout(3 * i + 1)) for i, fact in enumerate(facts[:5])
            ]
            continue
        sums = _distinct_sums(topic, rng)
        held_out.update(sums)
        rng.shuffle(sums)
        test += [ask_sum(sum_, rng, *_layout(i)) for i, sum_ in enumerate(sums[5:])]
        examples += [ask_sum(sum_, rng, *_layout(3 * i + 1)) for i, sum_ in enumerate(sums[:5])]
    return Sample(tuple(test), tuple(examples), frozenset(held_out))


def shuffled_by_topic(questions: Sequence[Question], seed: int = SEED) -> tuple[Question, ...]:
    """Shuffle within topics, so that the first questions of a topic are representative."""
    rng = random.Random(f"order {seed}")
    shuffled: list[Question] = []
    for topic in TOPICS:
        own = [question for question in questions if question.topic == topic]
        shuffled += rng.sample(own, len(own))
    return tuple(shuffled)


def _layout(number: int) -> tuple[int, int]:
    """Return option count and place of the right option, so that letters are balanced."""
    count = 3 + number // 6 % 7 if number % 6 == 5 else MOST_OPTIONS
    return count, (number * 7 + number // 10) % count


def _distinct_sums(topic: str, rng: random.Random) -> list[Sum]:
    sums: dict[Sum, None] = {}
    for steps, wanted in SUMS_PER_STEPS.items():
        target = len(sums) + wanted + (2 if steps == 2 else 1)
        while len(sums) < target:
            sums.setdefault(draw_sum(topic, steps, rng))
    return list(sums)


def rows(questions: Sequence[Question], first_id: int) -> list[Row]:
    """Return questions in MMLU-Pro's schema, numbered from ``first_id``."""
    return [question.row(first_id + i) for i, question in enumerate(questions)]
