"""Where a thinking model's reasoning ends: the marks of real chat templates."""

import pytest
from apprehend.benchmark.engines.shared.endings import Ending
from apprehend.tasks.reading.extraction import EXTRACTIONS, read_answer
from apprehend.tasks.reading.reasoning import answer_start

ENDED = (
    "<think>Could be [[A]]. No.</think>\n\nThe answer is [[B]].",
    "Could be [[A]]. No.</think>The answer is [[B]].",
    "<think>\n\n</think>\n\n[[B]]",
    "[THINK]It may be [[A]].[/THINK][[B]]",
    "<|channel|>analysis<|message|>Is it [[A]]?<|end|><|start|>assistant"
    "<|channel|>final<|message|>It is [[B]].",
    "It is [[B]].",
)
CUT = (
    ("<think>Could be [[A]]. But", ""),
    ("Could be [[A]]. But the answer is [[C]]", "<|im_start|>assistant\n<think>\n"),
    ("<think>a</think> [[A]] <think>or [[B]]?", ""),
    ("[THINK]The answer is [[A]]", ""),
    ("<|channel|>analysis<|message|>The answer is [[A]].", ""),
)


@pytest.mark.parametrize("text", ENDED)
def test_the_answer_follows_the_thought(text):
    answer = read_answer(text, "ABC", prompt="<|im_start|>assistant\n<think>\n" * ("</" in text))
    assert answer is not None
    assert answer.index == 1
    assert text[answer.start : answer.end] == "B"


@pytest.mark.parametrize("extraction", EXTRACTIONS)
@pytest.mark.parametrize(("text", "prompt"), CUT)
def test_a_cut_thought_holds_no_answer(text, prompt, extraction):
    assert answer_start(text, prompt) is None
    assert read_answer(text, "ABC", (), extraction, prompt) is None


def test_nothing_but_marks_ends_a_text():
    assert answer_start("I think. The answer is (A).") == 0
    assert answer_start("", "So <think> is a tag. Think:") == 0


def test_a_stop_text_counts_before_what_is_written_behind_it():
    """An engine that stops at once, and one that looks for stop texts afterwards, agree."""
    closed = "<|end|><|start|>assistant<|channel|>final<|message|>"
    text = "It is [[A]].\nQuestion: which?" + closed + "[[B]].\nQuestion: what?"
    assert Ending(("\nQuestion:",), "analysis" + closed).cut(text, True) == text.index("\n")
    assert Ending(("\nQuestion:",), "assistant\n").cut(text, True) == text.rindex("\n")
