"""The one reader of answers: every spelling of an option, and numbers from 0 or 1."""

from __future__ import annotations

import math
from typing import Any

import pytest
from apprehend.tasks.data_errors import DataError
from apprehend.tasks.reading.answer_columns import read_answer_columns
from apprehend.tasks.reading.label_spelling import spelling_of

SPELLINGS = [
    "C", "c", " C ", "(C)", "( C )", "C.", "C)", "(C", "C:", "[C]", "[[C]]", "[[(C)]]", "**C**",
    "**(C)**", "__C__", "`C`", "'C'", '"C"', "“C”", "{C}", "<C>", "$C$", r"\boxed{C}",
    r"$\boxed{C}$", r"\boxed{\text{C}}", r"\text{C}", "Ｃ", "（Ｃ）", "Ⓒ", "Answer: C", "answer:C",
    "The answer is C", "The correct answer is (C).", "Option C", "choice c", "Final answer: **C**",
    ["C"], ("C",), "C</s>", "C<|im_end|>", "<answer>C</answer>", "so <answer> (C) </answer>",
    '{"answer": "C"}', '{"reason": "x", "choice": "c"}', "答案：C", "答案是C", "Antwort: C",
    "[正确答案]C<eoa>", "正确答案：C。", "正确答案是C。", "【答案】C", "C<eoa>", "C<eoa>。",
    "C<eoa><eoa>", "选择C", "Réponse : C", "Ответ: C", "정답: C", "**Answer:** C", "Answer: **C**",
]  # fmt: skip
WITH_TEXT = [
    "C) three",
    "C. three",
    "(C) three",
    "C: Three.",
    "**C) three**",
    "Answer: C. three",
    "C - three",
    "C – three",
    "[正确答案]C<eoa>。three：因此，A错误。",
    "题目中，正确答案是C，因为three。",
    "分析如下。故选C。",
]
TEXTS = ["three", "Three", " three. ", "**three**", "“three”", "the answer is three"]
OPTIONS = ["one", "two", "three", "four"]


def read(gold: list[Any], pred: list[Any], count: int | None = 4, **more: Any) -> tuple[Any, Any]:
    found = read_answer_columns({"gold": gold, "pred": pred}, [count] * len(gold), **more)
    return found.indices["gold"], found.indices["pred"]


@pytest.mark.parametrize("cell", [*SPELLINGS, *WITH_TEXT])
def test_a_letter_in_every_spelling(cell: object) -> None:
    assert read([cell], ["C"]) == ([2], [2])
    assert read(["C"], [cell], options=[OPTIONS]) == ([2], [2])


@pytest.mark.parametrize("cell", TEXTS)
def test_the_text_of_an_option(cell: object) -> None:
    assert read(["C"], [cell], options=[OPTIONS]) == ([2], [2])


@pytest.mark.parametrize(
    "cell", [None, math.nan, "", " ", "None", "nan", "NA", "N/A", "null", [], "-"]
)
def test_no_answer(cell: object) -> None:
    assert spelling_of(cell) is None
    assert read(["C"], [cell])[1] == [None]


@pytest.mark.parametrize(
    "cell",
    [
        "E",
        "five",
        "A or B",
        "A, C",
        "AB",
        "C) one",
        "C) two",
        "A. one\nB. two\nC. three\nD. four",
        "A:一;B:二;C:三;D:四",
        "例如[正确答案]A<eoa>。",
        "正确答案是A和B。",
        "??",
        {"x": 1},
        ["A", "B"],
        "I think",
    ],
)
def test_what_names_no_option(cell: object) -> None:
    assert read(["C"], [cell], options=[OPTIONS])[1] == [None]


def test_a_text_that_two_options_share_names_none() -> None:
    assert read(["A"], ["one"], options=[["one", "One", "two", "three"]])[1] == [0]
    assert read(["A"], ["ONE"], options=[["one", "One", "two", "three"]])[1] == [None]
    assert read(["A"], ["one"], options=[["one", "one", "two", "three"]])[1] == [None]


@pytest.mark.parametrize("cast", [int, float, str, "{}.0".format, "({})".format])
def test_numbers_count_from_what_the_data_say(cast: Any) -> None:
    """A 0, or the number of options, tells; either column may tell for the other."""
    for base, values in ((0, [0, 1, 3]), (1, [1, 2, 4])):
        numbers = [cast(value) for value in values]
        expected = [value - base for value in values]
        letters = ["ABCD"[index] for index in expected]
        assert read(numbers, letters) == (expected, expected)
        assert read(letters, numbers) == (expected, expected)
        assert read(numbers, numbers) == (expected, expected)
        assert read(numbers, letters, None) == (expected, expected)
        one = [numbers[1]] * 3
        assert read(numbers, one) == (expected, [expected[1]] * 3)
        assert read(one, numbers) == ([expected[1]] * 3, expected)


def test_without_a_number_of_options_the_base_changes_no_outcome() -> None:
    found = read_answer_columns({"gold": [1, 2, 3], "pred": [1, 2, 2]}, [None] * 3)
    assert found.indices == {"gold": [0, 1, 2], "pred": [0, 1, 1]}
    assert found.notes == [
        "column 'gold': numbers count from 1 (none is 0)",
        "column 'pred': numbers count from 1 (none is 0)",
    ]


def test_numbers_that_can_be_either_are_refused() -> None:
    for gold, pred in (([1, 2], ["A", "D"]), (["A", "D"], [1, 2]), ([1, 2], [2, 3])):
        with pytest.raises(DataError, match="--index_base 0 or 1"):
            read(gold, pred)
    assert read([1, 2], ["A", "D"], index_base=0) == ([1, 2], [0, 3])
    assert read([1, 2], ["A", "D"], index_base=1) == ([0, 1], [0, 3])


def test_numbers_that_contradict_both_are_refused() -> None:
    with pytest.raises(DataError, match=r"neither from 0 \(row 3.* nor from 1 \(row 1 "):
        read([0, 1, 4], ["A", "B", "C"])


def test_each_question_has_its_own_number_of_options() -> None:
    found = read_answer_columns({"gold": [3, 2], "pred": ["C", "B"]}, [3, 5])
    assert found.indices["gold"] == [2, 1]


def test_numbers_that_are_texts_of_options() -> None:
    options = [["10", "11", "12"], ["2", "4", "8"]]
    found = read_answer_columns({"gold": ["12", 4], "pred": ["C", "A"]}, [3, 3], options)
    assert found.indices == {"gold": [2, 1], "pred": [2, 0]}
    assert found.notes == ["column 'gold': its numbers are texts of options"]


def test_booleans_are_texts() -> None:
    options = [["False", "True"]] * 2
    found = read_answer_columns({"gold": [True, False], "pred": ["true", "B"]}, [2, 2], options)
    assert found.indices == {"gold": [1, 0], "pred": [1, 1]}


def test_a_chain_of_thought_is_read_by_the_ladder() -> None:
    text = "First we add.\n\nTherefore, the answer is (C)."
    assert read(["C"], [text], options=[OPTIONS])[1] == [2]
