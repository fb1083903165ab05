"""Which of a reply's tokens spell its text, where a server also thinks, or shows placeholders.

Servers with a reasoning parser return the reasoning in a field of its own, and log-probabilities
of the answer alone, of both, or of neither. The answer's tokens are found by their text; where
they cannot be, a reply has no tokens rather than those of its reasoning.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ....tasks.reading.reasoning import CHANNEL, HARMONY, TAGS
from .tokens import FEWEST_PLACEHOLDERS, Token

_MARK = r"<[|｜][^<>|｜]{1,40}[|｜]>|</?s>|<eos>|<end_of_turn>"
_MARKS_ALONE = re.compile(rf"(?:\s|{_MARK})*")
PLACEHOLDERS = (
    "the server gives every token log-probability 0, as some do under speculative decoding"
)
OTHER_TEXT = "the server's log-probabilities belong to other text than its answer"
NOT_SHOWN = "the server shows no log-probabilities in a reply with reasoning"


@dataclass(frozen=True)
class Placed:
    """The tokens of a reply, and where its text begins in what they spell."""

    tokens: tuple[Token, ...]
    begin: int
    """Offset of the text in the spelling; negative where a server strips leading blanks."""
    missing: str | None = None
    """Why there are no tokens."""


def are_placeholders(tokens: Sequence[Token]) -> bool:
    """Whether the log-probabilities say nothing: all 0, perhaps after a first token."""
    zeros = all(token.logprob == 0.0 for token in tokens[1:])
    return len(tokens) >= FEWEST_PLACEHOLDERS and zeros


def place(tokens: tuple[Token, ...], text: str, reasoning: str | None, shown: bool) -> Placed:
    """Find a reply's text in what its tokens spell.

    Args:
        tokens: The tokens with log-probabilities, in order.
        text: The text of the answer.
        reasoning: The reasoning that the server returned apart, None for none.
        shown: Whether log-probabilities were asked for.
    """
    if are_placeholders(tokens):
        return Placed((), 0, PLACEHOLDERS)
    spelled = "".join(token.text for token in tokens)
    if reasoning is None:
        # Some endpoints strip leading whitespace from a text, but not from its tokens.
        stripped = len(spelled) - len(spelled.lstrip())
        return Placed(tokens, 0 if text[:1].isspace() else stripped)
    if not tokens:
        return Placed((), 0, NOT_SHOWN if shown else None)
    answer = text.strip()
    if not answer:
        inside = _plain(reasoning)[:40] in _plain(spelled)
        return Placed(tokens, len(spelled)) if inside else Placed((), 0, OTHER_TEXT)
    at = spelled.rfind(answer)
    if at < 0 or not _MARKS_ALONE.fullmatch(spelled, at + len(answer)):
        return Placed((), 0, OTHER_TEXT)
    before = spelled[:at].rstrip()
    ends = (*(closing for _, closing in TAGS), HARMONY[-1])
    if before and not before.endswith(ends) and not _plain(before).endswith(_plain(reasoning)):
        return Placed((), 0, OTHER_TEXT)
    return Placed(tokens, at - (len(text) - len(text.lstrip())))


def with_marks(text: str, tokens: Sequence[Token], think_end: str = "") -> str:
    """Return a reply's text with the marks of thoughts that its server leaves out of it.

    Where marks are special tokens, many servers spell them among the tokens alone: the text would
    not tell a thought from an answer.
    """
    spellings = {token.text.strip() for token in tokens}
    wanted = {mark for pair in TAGS for mark in pair} | ({think_end} - {""})
    wanted |= set(HARMONY) if CHANNEL in spellings else set()
    if wanted.isdisjoint(spellings):
        return text
    pieces: list[str] = []
    at = 0
    for token in tokens:
        rest, spelled = text[at:], token.text if at else token.text.lstrip()
        if rest.startswith(spelled):  # blanks may have been stripped in front
            pieces.append(token.text)
            at += len(spelled)
        elif token.text.strip() in wanted:
            pieces.append(token.text)
        elif rest and spelled.startswith(rest):  # a stop text has cut the last one
            pieces.append(rest)
            at = len(text)
        elif not _MARKS_ALONE.fullmatch(token.text):
            return "".join(token.text for token in tokens)
    return "".join([*pieces, text[at:]])


def _plain(text: str) -> str:
    return "".join(re.sub(_MARK, "", text).split())
