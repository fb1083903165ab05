"""Where the reasoning of a thinking model ends and its answer begins.

An answer that stands inside a thought is a guess under way, and none at all where the thought was
cut: only what follows the thought is read.
"""

from __future__ import annotations

import re

TAGS = (
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
CHANNEL = "<|channel|>"
HARMONY = ("<|start|>", "<|end|>", CHANNEL, "<|message|>")
"""The marks between the parts of a reply in the harmony format (gpt-oss)."""
_ANALYSIS = "<|channel|>analysis<|message|>"
_FINAL = "<|channel|>final<|message|>"
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]{0,80}<\|message\|>")
"""A part of a reply in the harmony format: analysis, commentary or final."""
_BEGUN = re.compile(r"<\|channel\|>(?![^<]{0,96}<\|message\|>)[^<]{0,96}$|<\|start\|>[^<]{0,96}$")
"""The head of such a part, broken off."""


def answer_start(text: str, prompt: str = "", end: str = "", finished: bool = True) -> int | None:
    """Find where the answer begins in a generated text.

    Args:
        text: The generated text.
        prompt: The end of the prompt; chat templates may open the thought there.
        end: A closing mark that the user names (lm-eval's ``think_end_token``).
        finished: Whether the model ended the text; one that the limit cut before the user's mark
            ends within its reasoning.

    Returns:
        Offset of the first character after the reasoning, 0 for a text without any; None where the
        text ends within its reasoning.
    """
    channels = list(_CHANNEL.finditer(text))
    if channels or _BEGUN.search(text):
        last = channels[-1] if channels else None
        final = last is not None and last.group(1) == "final" and not _BEGUN.search(text)
        return last.end() if last is not None and final else None
    opened = prompt.rstrip()
    if end and end in text:
        return text.rfind(end) + len(end)
    if end and not finished and not opened.endswith(end.rstrip()):
        return None
    for begin, closing in TAGS:
        close = text.rfind(closing)
        if text.rfind(begin) > close or (close < 0 and opened.endswith(begin)):
            return None
        if close >= 0:
            return close + len(closing)
    return None if opened.endswith(_ANALYSIS) else 0


def closed_thought(text: str, prompt: str = "", end: str = "") -> str:
    """Return what closes the thought that a text (or, if it is empty, its prompt) has under way.

    Args:
        text: A text without an answer part, see `answer_start`.
        prompt: The end of the prompt.
        end: A closing mark that the user names.
    """
    whole = prompt.rstrip() + text
    if CHANNEL in whole and not end:
        inside = _CHANNEL.search(text) or prompt.rstrip().endswith("<|message|>")
        if begun := _BEGUN.search(text):  # the head of a part, broken off
            head = begun.group(0)
            named = CHANNEL in head and not head.endswith(CHANNEL)
            whole_head = "" if named else _ANALYSIS.removeprefix(CHANNEL)
            missing = "" if CHANNEL in head else CHANNEL
            return f"{missing}{whole_head or '<|message|>'}<|end|><|start|>assistant{_FINAL}"
        return f"<|end|><|start|>assistant{_FINAL}" if inside else _FINAL
    under_way = [(whole.rfind(begin), close) for begin, close in TAGS if begin in whole]
    closing = end or (max(under_way)[1] if under_way else TAGS[0][1])
    if closing.startswith("["):
        return closing
    return ("" if whole.endswith("\n") else "\n") + closing + "\n\n"


def empty_thought(prompt: str, template: str) -> str:
    """Return what, after a prompt, lets a thinking model answer without a thought.

    Args:
        prompt: A prompt as the chat template renders it, which may open a thought or close it.
        template: The template's text, which tells the marks that its model writes.

    Returns:
        The text to add, "" where the prompt leaves no thought to come.
    """
    opened = prompt.rstrip()
    if thought_over(prompt):
        return ""
    if opened.endswith((_ANALYSIS, *(begin for begin, _ in TAGS))):
        return closed_thought("", prompt)
    if CHANNEL in template:
        return _FINAL
    for begin, closing in TAGS:
        if closing in template:
            between = "" if begin.startswith("[") else "\n\n"
            return begin + between + closing + between
    return ""


def thought_over(prompt: str) -> bool:
    """Whether a prompt ends behind a thought, so that what follows is the answer."""
    opened = prompt.rstrip()
    return opened.endswith((_FINAL, *(closing for _, closing in TAGS)))


def thinks(prompt: str, template: str) -> bool:
    """Whether a model would, or may, think before it answers a prompt of its chat template."""
    return bool(empty_thought(prompt, template))
