"""Reading answers out of chains of thought: spellings, laws, and real texts read by hand."""

import re

import pandas as pd
import pytest
from apprehend.tasks.reading.answer_types import Choices, Rule
from apprehend.tasks.reading.extraction import EXTRACTIONS, read_answer
from hypothesis import given
from hypothesis import strategies as st

from tests.tasks.hand_read import HAND_READ

LABELS = "ABCDEFGHIJ"
OPTIONS = ("stomach", "kidney", "gall bladder", "12", "liver")

READ = {
    "So it is the third. The answer is [[C]].": (2, Rule.MARKER),
    "The correct answer is C. gall bladder.": (2, Rule.STATEMENT),
    "Thus, the answer is (C).": (2, Rule.STATEMENT),
    "**Answer: C**": (2, Rule.STATEMENT),
    "Answer: **(C) gall bladder**": (2, Rule.STATEMENT),
    "The best option would be E because of its weight.": (4, Rule.STATEMENT),
    "The answer is A because it is first.": (0, Rule.STATEMENT),
    "The answer is not listed, but the closest one is (B).": (1, Rule.STATEMENT),
    "A. stomach\nB. kidney\n\nThe correct answer is:\nB. kidney": (1, Rule.STATEMENT),
    "I would therefore choose option D.": (3, Rule.STATEMENT),
    "The answer to the question is B": (1, Rule.STATEMENT),
    "So the answer to the given question is: B. kidney": (1, Rule.STATEMENT),
    "The correct answer for this multiple-choice question is **B**.": (1, Rule.STATEMENT),
    'The answer to the question "Which organ filters blood?" is B.': (1, Rule.STATEMENT),
    "The answer must therefore be B.": (1, Rule.STATEMENT),
    "The answer is therefore: (B)": (1, Rule.STATEMENT),
    "Hence (B) is the correct answer, by elimination.": (1, Rule.STATEMENT),
    "The answer is (A). Wait, that is wrong.\n\nThe answer is (B).": (1, Rule.STATEMENT),
    "The answer is (A).\n\nQuestion: What else?\nThe answer is (B).": (0, Rule.STATEMENT),
    "We get \\boxed{C}": (2, Rule.BOXED),
    "Hence $\\boxed{\\text{(B)}}$.": (1, Rule.BOXED),
    "It filters the blood.\n\n**B**": (1, Rule.FINAL_LINE),
    "It filters the blood.\n(B) kidney": (1, Rule.FINAL_LINE),
    "It stores bile.\nThe answer is gall bladder.": (2, Rule.OPTION_TEXT),
    "Three times four. The answer is (12).": (3, Rule.OPTION_TEXT),
    "The organ that filters blood is kidney.": (1, Rule.OPTION_TEXT),
    "The organ with the best claim to it is B. kidney.": (1, Rule.FINAL_LINE),
    "By its symptoms, the likeliest diagnosis is (E).": (4, Rule.LAST_LABEL),
}
NONE = (
    "",
    "The answer is a bird.",
    "The organ that filters blood is not kidney.",
    "The organ with the best claim to it is not B. kidney.",
    "The organ with the best claim to it is B. liver.",
    "Blood is filtered. The organ is kidney. It is red.",
    "If the organ is B. kidney",
    "The answer is A bird that flies.",
    "The answer is (A) and (C).",
    "The answer is A or B.",
    "If the answer is (C), the energy E would be negative.",
    "The answer is (C), but it is not correct.",
    "The closest option is (C). However, this is not the correct answer.",
    "The answer is (C).\nAnswer: None of the above.",
    "The answer is F = ma.",
    "The answer to the question is a kidney that works.",
    "The answer to the question A is hard.",
    "The answer to part A is B, if the answer to the question is C",
    'The answer to the question "Is it B?" is unknown.',
    "I cannot say.",
    "Check each option:\nA. stomach is too large.\nB. kidney",
    "The energy is given by $E$ and the capacity (C) of the",
    "We find \\boxed{A} and then \\boxed{17}",
    "The answer is not (D).",
    "The answer is [[none]].",
    "The answer is (Z).",
    "The answer is A. stomach\n\nThe answer is B. kidney\n\nThe answer is C. gall bladder",
)


@pytest.mark.parametrize("text", READ)
def test_spellings(text):
    answer = read_answer(text, LABELS[:5], OPTIONS)
    assert answer is not None
    assert (answer.index, answer.rule) == READ[text]
    if answer.rule is not Rule.OPTION_TEXT:
        assert text[answer.start : answer.end] == LABELS[answer.index]


@pytest.mark.parametrize("text", NONE)
def test_no_answer(text):
    assert read_answer(text, LABELS[:5], OPTIONS) is None


@given(
    st.text(st.sampled_from("ABCZ answer. is([{*_\\boxed}])\n$:optionchoice,and'not")), st.data()
)
def test_answers_lie_in_the_text(text, data):
    name = data.draw(st.sampled_from(sorted(EXTRACTIONS)))
    answer = read_answer(text, "ABC", ("a", "b", "c"), name)
    if answer is not None:
        assert 0 <= answer.index < 3
        assert 0 <= answer.start < answer.end <= len(text)
        if answer.rule is not Rule.OPTION_TEXT:
            assert text[answer.start : answer.end].upper() == "ABC"[answer.index]


@pytest.mark.parametrize("extraction", EXTRACTIONS)
@pytest.mark.parametrize(
    "piece", ["answer is ", "(A) ", "not the ", "option: \n", "* ", "\\boxed{", "A ", "answer:"]
)
def test_long_texts_end(piece, extraction):
    """A rule that takes the square of a text's length would run for hours here."""
    read_answer(piece * 100_000, "ABC", ("a", "b", "c"), extraction)


@pytest.fixture(scope="module")
def published(recorded_data):
    texts = pd.read_parquet(recorded_data / "mmlu_pro_cot_phi-3-mini-4k-instruct.parquet")
    questions = pd.read_parquet(recorded_data / "mmlu_pro_test.parquet").set_index("question_id")
    texts["options"] = questions.options.loc[texts.question_id].to_list()
    return texts.set_index("question_id")


def _ladder(row):
    return read_answer(row.model_output, LABELS[: len(row.options)], list(row.options))


def test_authors_extraction_equals_their_column(published):
    """The recipe of `pred_l2` is the authors' three patterns."""
    answers = [read_answer(text, LABELS, (), "mmlu_pro") for text in published.model_output]
    ours = [None if answer is None else LABELS[answer.index] for answer in answers]
    assert (pd.Series(ours, published.index).fillna("") == published.pred_l2.fillna("")).all()


def test_lm_eval_extraction_equals_its_filter(published):
    filtered = published.model_output.str.extract(r"answer is \(?([ABCDEFGHIJ])\)?")[0]
    answers = [read_answer(text, LABELS, (), "lm_eval") for text in published.model_output]
    ours = [None if answer is None else LABELS[answer.index] for answer in answers]
    assert (pd.Series(ours, published.index).fillna("") == filtered.fillna("")).all()


def test_ladder_agrees_where_both_read(published):
    """The rest of `pred_l2` is its last level, which takes "I" of "I cannot" for an option."""
    ladder = [_ladder(row) for row in published.itertuples()]
    ours = pd.Series(
        [None if answer is None else LABELS[answer.index] for answer in ladder], published.index
    )
    both = ours.notna() & published.pred_l2.notna()
    assert both.mean() > 0.85
    assert (ours == published.pred_l2)[both].mean() >= 0.995
    explicit = published.model_output.str.contains(r"answer is \([A-J]\)\.\s*$")
    assert ours[explicit].notna().mean() > 0.999


def test_rules_on_texts_read_by_hand(published):
    """Nothing is read that a reader rejects; nearly all is read that a reader accepts."""
    wanted = {number: letter for letter, numbers in HAND_READ.items() for number in numbers}
    read = {}
    for row in published.loc[list(wanted)].itertuples():
        answer = _ladder(row)
        read[row.Index] = ("", None) if answer is None else (LABELS[answer.index], answer.rule)
    assert len(wanted) >= 200
    false = {
        number: read[number] for number in wanted if read[number][0] not in ("", wanted[number])
    }
    assert not false
    readable = [number for number, letter in wanted.items() if letter]
    assert sum(read[number][0] == wanted[number] for number in readable) / len(readable) >= 0.95
    rules = {rule for _, rule in read.values()}
    assert {Rule.STATEMENT, Rule.LAST_LABEL, Rule.OPTION_TEXT} <= rules


ALONE = {
    "read_statement": (67, 67),
    "read_final_line": (12, 12),
    "read_option_text": (4, 4),
    "read_last_label": (119, 118),
    "_first_statement": (44, 31),
    "_answer_line": (3, 2),
    "_any_letter": (205, 126),
}
"""Rule → how many of the hand-read texts it reads if it is asked first, and how many rightly. Of
these texts none holds a marker or a box: other tests try these rules."""


@pytest.mark.parametrize("rule", ALONE)
def test_precision_and_recall_of_each_rule_alone(published, rule):
    """Our rules err once in 202 readings, those that were published in about a third."""
    wanted = {number: letter for letter, numbers in HAND_READ.items() for number in numbers}
    (finder,) = {f for name in ("ladder", "mmlu_pro") for f in EXTRACTIONS[name]
                 if f.__name__ == rule}  # fmt: skip
    answers = [
        (wanted[row.Index], finder(row.model_output, Choices(LABELS[: len(row.options)],
                                                             tuple(row.options))))
        for row in published.loc[list(wanted)].itertuples()
    ]  # fmt: skip
    read = [(letter, LABELS[answer.index]) for letter, answer in answers if answer is not None]
    assert (len(read), sum(one == other for one, other in read)) == ALONE[rule]


def test_unknown_extraction():
    with pytest.raises(KeyError, match=re.escape("no_such")):
        read_answer("", "AB", (), "no_such")
