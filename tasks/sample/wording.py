"""The wording of the made-up world: how each topic asks for facts and states sums."""

from __future__ import annotations

from dataclasses import dataclass

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

FACT_FORMS: dict[str, tuple[str, ...]] = {
    "biology": (
        "Which organ lets the {} glow at night?",
        "Which plant does the {} feed on?",
        "Which parasite lives on the {}?",
    ),
    "health": (
        "Which herb eases {} fever?",
        "Which gland swells first in {} fever?",
        "Which insect carries {} fever?",
    ),
    "history": (
        "Which city did King {} found?",
        "Which battle did King {} lose?",
        "Which house did King {} come from?",
    ),
    "law": (
        "Which trade does the {} Act forbid?",
        "Which court applies the {} Act?",
        "Which fine does the {} Act set?",
    ),
    "other": (
        "Which drink is brewed in {}?",
        "Which dance comes from {}?",
        "Which cloth is woven in {}?",
    ),
    "philosophy": (
        "Which school did {} found?",
        "What did {} call the highest good?",
        "Which thinker did {} refute?",
    ),
    "psychology": (
        "Which mood does the {} effect deepen?",
        "Which sense does the {} effect dull?",
        "Which test shows the {} effect?",
    ),
}
"""Topic → forms of its questions; ``{}`` is replaced by the name that a question is about."""


@dataclass(frozen=True)
class SumForm:
    """How one topic states a sum: the beginnings, the words of each step, and the question."""

    starts: tuple[str, ...]
    steps: dict[str, str]
    ask: str


def _form(starts: tuple[str, ...], plus: str, minus: str, doubled: str, ask: str) -> SumForm:
    return SumForm(starts, {"plus": plus, "minus": minus, "doubled": doubled}, ask)


SUM_FORMS: dict[str, SumForm] = {
    "business": _form(
        (
            "A shelf for ten crates, from zero to nine and round again, holds",
            "A till that counts to nine and starts again shows",
        ),
        ", takes in",
        ", sells",
        ", doubles its stock",
        ". What does it show then?",
    ),
    "chemistry": _form(
        (
            "A glim salt of grade zero to nine, then zero again, has grade",
            "A flask whose tint runs from zero to nine and round has tint",
        ),
        ", is raised by",
        ", is thinned by",
        ", is brought to twice that",
        ". Which grade results?",
    ),
    "computer science": _form(
        (
            "A register that holds one digit and wraps around contains",
            "A ring buffer of ten slots points at slot",
        ),
        ", is incremented by",
        ", is decremented by",
        ", is shifted to twice its value",
        ". What is read out?",
    ),
    "economics": _form(
        (
            "The tarn index, which restarts at zero after nine, stands at",
            "The price of dorn, quoted by its last digit, is",
        ),
        ", gains",
        ", loses",
        ", twofolds",
        ". Where does it close?",
    ),
    "engineering": _form(
        (
            "A cog with ten teeth, counted from zero, rests at tooth",
            "A valve with ten stops, counted from zero, is set to stop",
        ),
        ", is driven on by",
        ", is let back by",
        ", is geared to twice its place",
        ". Where does it rest?",
    ),
    "math": _form(
        ("In arithmetic modulo ten, begin with", "Keeping the last digit only, take"),
        ", add",
        ", subtract",
        ", double it",
        ". What is the result?",
    ),
    "physics": _form(
        (
            "A bead on a ring of ten sites, from zero to nine, sits at site",
            "A spin with ten levels, from zero to nine and round, is at level",
        ),
        ", moves up",
        ", moves down",
        ", jumps to twice its place",
        ". Where is it found?",
    ),
}
"""Topic → how it states its sums, which are modulo ten."""
