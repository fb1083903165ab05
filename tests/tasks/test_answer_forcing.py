"""Where a chain of thought is cut to force its answer, and the cue that is appended."""

from __future__ import annotations

import pytest
from apprehend.tasks.answer_forcing import CUE, POINTS, answer_cue, cut_points
from hypothesis import given
from hypothesis import strategies as st

TEXT = "First step done. Second step is\nlonger than it. Third one here. So it is [[C]]"


def test_cuts_are_at_ends_of_sentences_before_the_quarters() -> None:
    points = cut_points(TEXT)
    assert points[0] == 0
    assert points[-1] == len(TEXT)
    assert [TEXT[:cut].rsplit(maxsplit=1)[-1] for cut in points[1:-1]] == ["done.", "is", "it."]
    assert all(cut <= len(TEXT) * place / 4 for place, cut in enumerate(points))


@given(st.text(alphabet="ab .\n", max_size=80))
def test_cuts_ascend_and_are_always_as_many(text: str) -> None:
    points = cut_points(text)
    assert len(points) == POINTS
    assert points == sorted(points)
    assert (points[0], points[-1]) == (0, len(text))


@pytest.mark.parametrize(
    ("text", "prompt", "cue"),
    [
        ("It is so.", "Q", f" {CUE}"),
        ("It is so.\n", "Q", CUE),
        ("", "<|assistant|>\n", CUE),
        ("", "Reasoning:", f" {CUE}"),
        ("<think>It could be", "Q", f"\n</think>\n\n{CUE}"),
        ("It could be", "Q <think>\n", f"\n</think>\n\n{CUE}"),
        ("<think>hm</think>So", "Q", f" {CUE}"),
        ("[THINK]hm", "Q", f"[/THINK]{CUE}"),
    ],
)
def test_a_cue_leads_to_a_label_and_closes_a_thought(text: str, prompt: str, cue: str) -> None:
    assert answer_cue(text, prompt) == cue


def test_harmonys_channel_is_changed() -> None:
    thought = "<|channel|>analysis<|message|>It could be"
    assert answer_cue(thought, "Q").startswith("<|end|><|start|>assistant<|channel|>final")
