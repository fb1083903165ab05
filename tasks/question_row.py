"""A question as a row of a data set in MMLU-Pro's schema."""

from __future__ import annotations

from typing import TypedDict

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
    src: str
    cot_content: str


def question_id_of(row: Row, index: int) -> str:
    """Return a row's id as text; its position in the data set where it has none."""
    return id_text(row.get("question_id")) or str(index)
