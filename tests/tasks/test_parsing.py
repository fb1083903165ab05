"""Readers of generated text: answers and judgements."""

from __future__ import annotations

import pytest
from apprehend.tasks.questionnaires import (
    QUESTIONNAIRES,
    read_complexity,
    read_education_level,
    read_number,
    read_rating,
    read_reasoning_steps,
)
from apprehend.tasks.reading.parsing import parse_marked_label
from apprehend.tasks.topics import letters, numbers
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("[[A]]", 0),
        ("first [[A]], no, [[C]].", 2),
        ("[[ (b). ]]", 1),
        ("[[d:]]", 3),
        ("the answer is A", None),
        ("[A]", None),
        ("[[A]] but then [[unsure]]", None),
        ("[[Z]]", None),
        ("[[A, B]]", None),
        ("[[]]", None),
        ("[[[A]]]", 0),
        ("", None),
    ],
)
def test_marked_letters(text: str, index: int | None) -> None:
    found = parse_marked_label(text, letters(4))
    assert (None if found is None else found.index) == index


def test_marked_numbers_read_ten_as_ten() -> None:
    found = parse_marked_label("thus [[10]]", numbers(10))
    assert found is not None
    assert found.index == 9
    assert parse_marked_label("thus [[11]]", numbers(10)) is None


@given(st.text(), st.sampled_from(letters(20)))
def test_position_is_that_of_the_label(before: str, label: str) -> None:
    text = f"{before}[[{label}]]"
    found = parse_marked_label(text, letters(20))
    assert found is not None
    assert text[found.start : found.end] == label


@given(st.text())
def test_no_text_breaks_a_reader(text: str) -> None:
    parse_marked_label(text, letters(10))
    for questionnaire in QUESTIONNAIRES.values():
        for reply in (text, f"[[{text}]]"):
            verdict = questionnaire.read(reply)
            assert (verdict.value is None) == (verdict.reason is not None)
            assert verdict.value is None or 0 <= verdict.value <= 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("about 0.9 [[0.9]]", 0.9),
        ("[[.5]]", 0.5),
        ("[[1]]", 1.0),
        ("[[0]]", 0.0),
        ("on a scale of 0-100, [[85]]", None),
        ("[[0,9]]", None),
        ("[[-0.1]]", None),
        ("0.9", None),
        ("[[nan]]", None),
        ("[[inf]]", None),
    ],
)
def test_complexity(text: str, value: float | None) -> None:
    assert read_complexity(text).value == value


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("[[high school]]", "high school"),
        ("[[High School or less]]", "high school"),
        ("[[high school and easier]]", "high school"),
        ("[[undergraduate level]]", "undergraduate"),
        ("[[Post-graduate]]", "postgraduate"),
        ("[[graduate]]", "graduate"),
        ("[[kindergarten]]", None),
        ("graduate", None),
    ],
)
def test_education_level(text: str, label: str | None) -> None:
    labels = read_education_level(text).labels
    assert labels == (() if label is None else (label,))


def test_reasoning_steps() -> None:
    verdict = read_reasoning_steps("Hm. [[Knowledge: yes, reasoning: no, steps: low]]")
    assert verdict.labels == ("yes", "no", "low")
    assert verdict.value == 0.25
    assert read_reasoning_steps("[[yes, no, low]]").reason is not None


def test_ratings() -> None:
    assert read_rating("[[9]]") == 9
    assert read_rating("[[10]]") == 10
    assert read_rating("[[11]]") is None
    assert read_rating("9/10") is None


@given(st.floats(0, 1))
def test_numbers_survive(value: float) -> None:
    assert read_number(f"[[{value!r}]]", 0, 1) == value
