"""A question as a row of a data set in MMLU-Pro's schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from .files.identifiers import id_text


class Row(TypedDict, total=False):
    """What is read of a row; those of other tasks may lack any of it."""

    question_id: int | str
    """The id as the data set has it; `question_id_of` gives it as text."""
    question: str
    options: list[str]
    answer: str
    """The letter of the right option."""
    answer_index: int | None
    category: str
    """The topic."""
    src: str | None
    cot_content: str | None


def question_id_of(row: Row, index: int) -> str:
    """Return a row's id as text; its position in the data set where it has none."""
    return id_text(row.get("question_id")) or str(index)


def same_questions(
    asked: Iterable[Mapping[str, Any]], examples: Sequence[Mapping[str, Any]]
) -> dict[str, frozenset[int]]:
    """Return id of a question → places of the examples that are the same question.

    Questions are the same if their texts and options are, whatever the options' order and the ids.
    """
    places: dict[tuple[str, ...], set[int]] = {}
    for place, example in enumerate(examples):
        places.setdefault(_content(example), set()).add(place)
    found = {str(row["question_id"]): places.get(_content(row)) for row in asked}
    return {name: frozenset(same) for name, same in found.items() if same}


def _content(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["question"].strip(), *sorted(option.strip() for option in row["options"]))
