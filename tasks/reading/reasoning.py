"""Where the reasoning of a thinking model ends and its answer begins.

An answer that stands inside a thought is a guess under way, and none at all where the thought was
cut: only what follows the thought is read.
"""

from __future__ import annotations

import re

_TAGS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("[THINK]", "[/THINK]"),
    ("<|channel>thought", "<channel|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<seed:think>", "</seed:think>"),
)
"""Opening and closing marks, as the chat templates of thinking models have them."""
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,80}<\|message\|>")
"""A part of a reply in the harmony format (gpt-oss): analysis, commentary or final."""


def answer_start(text: str, prompt: str = "") -> int | None:
    """Find where the answer begins in a generated text.

    Args:
        text: The generated text.
        prompt: The end of the prompt; chat templates may open the thought there.

    Returns:
        Offset of the first character after the reasoning, 0 for a text without any; None where the
        text ends within its reasoning.
    """
    channels = list(_CHANNEL.finditer(text))
    if channels:
        last = channels[-1]
        return last.end() if last.group(1) == "final" else None
    opened = prompt.rstrip()
    for begin, end in _TAGS:
        close = text.rfind(end)
        if text.rfind(begin) > close or (close < 0 and opened.endswith(begin)):
            return None
        if close >= 0:
            return close + len(end)
    return None if opened.endswith("<|channel|>analysis<|message|>") else 0


def closing_mark(text: str, prompt: str = "") -> str:
    """Return what closes the thought that a text ends within; empty if it ends within none."""
    if answer_start(text, prompt) is not None:
        return ""
    opened = prompt.rstrip()
    if _CHANNEL.search(text) or opened.endswith("<|message|>"):
        return "<|end|><|start|>assistant<|channel|>final<|message|>"
    begun = [(text.rfind(begin), end) for begin, end in _TAGS if begin in text]
    if begun:
        return max(begun)[1]
    return next(end for begin, end in _TAGS if opened.endswith(begin))
