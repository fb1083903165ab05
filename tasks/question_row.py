"""A question as a row of a data set in MMLU-Pro's schema."""

from __future__ import annotations

from typing import TypedDict


class Row(TypedDict, total=False):
    """What is read of a row; those of other tasks may lack any of it."""

    question_id: int | str
    question: str
    options: list[str]
    answer: str
    """The letter of the right option."""
    answer_index: int | None
    category: str
    """The topic."""
    src: str
    cot_content: str
