"""Force an answer out of a chain of thought: where to cut it, and what to append.

The cue leads to the answer marker of this project's prompts, so that a label must follow. A thought
that is still open is closed first: what follows must be the answer.
"""

from __future__ import annotations

import re

from .reading.reasoning import answer_start, closed_thought

CUE = "The answer is [["
POINTS = 5
"""The beginning, three quarters, and the end."""
_SENTENCE_END = re.compile(r"(?<=[.!?])(?=\s)|(?=\n)")
_WORD_END = re.compile(r"(?=\s)")


def cut_points(text: str) -> list[int]:
    """Return ascending offsets in a text: 0, about its quarters, and its length.

    A quarter is moved back to the last end of a sentence after the point before it; without one,
    to the last end of a word.
    """
    points = [0]
    for quarter in range(1, POINTS - 1):
        goal = len(text) * quarter // (POINTS - 1)
        points.append(_last(_SENTENCE_END, text, points[-1], goal))
    return [*points, len(text)]


def _last(ends: re.Pattern[str], text: str, start: int, goal: int) -> int:
    found = [end.start() for end in ends.finditer(text, start + 1, goal + 1)]
    found = [end for end in found if start < end <= goal]
    if found:
        return found[-1]
    return _last(_WORD_END, text, start, goal) if ends is _SENTENCE_END else max(start, goal)


def answer_cue(text: str, prompt: str = "", end: str = "") -> str:
    """Return what to append to a text, cut anywhere, so that an option's label must follow.

    Args:
        text: The generated text so far.
        prompt: What it continues; a chat template may have opened a thought there.
        end: The mark that ends a thought, where the user names one.
    """
    if answer_start(text, prompt, end, finished=False) is None:
        return closed_thought(text, prompt, end) + CUE
    whole = text or prompt[-1:]
    return CUE if not whole or whole[-1:].isspace() else f" {CUE}"
