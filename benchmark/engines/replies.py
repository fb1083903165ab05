"""What an OpenAI-compatible endpoint replies, read from the text protocol and the chat protocol."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..endpoint import TryAgain
from .base import Generation

IMPOSSIBLE = -9998.0
"""At or below it is a sentinel for minus infinity, such as -9999 and -100000."""
SPACES = ("", " ", "Ġ", "▁")


@dataclass(frozen=True)
class Token:
    """One generated token: its text, log-probability, and the most likely tokens in its place."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...]
    """(text, log-probability), most likely first; the token itself is among them."""

    @property
    def missing_mass(self) -> float:
        """Probability outside ``top``, in [0, 1]."""
        return max(0.0, 1.0 - math.fsum(math.exp(value) for _, value in self.top))


@dataclass(frozen=True)
class Reply:
    """A completion as read."""

    text: str
    tokens: tuple[Token, ...]
    finished: bool
    prompt_tokens: int


def label_logprob(top: Sequence[tuple[str, float]], label: str) -> float | None:
    """Log-probability of a label, with and without a space before it; None where neither is in."""
    found = [value for text, value in top if text in {mark + label for mark in SPACES}]
    if not found:
        return None
    most = max(found)
    if most == -math.inf:
        return most
    return most + math.log(math.fsum(math.exp(value - most) for value in found))


def label_logprobs(token: Token, labels: Sequence[str]) -> tuple[list[float], int]:
    """Log-probabilities of labels in a token's place, and how many of them are not shown there.

    Each of these gets an equal share of the missing mass, at most the least shown probability.
    """
    found = [label_logprob(token.top, label) for label in labels]
    absent = sum(value is None for value in found)
    bound = -math.inf
    if absent and token.missing_mass:
        bound = min(math.log(token.missing_mass / absent), token.top[-1][1])
    return [bound if value is None else value for value in found], absent


def read_logprob(value: Any) -> float:
    """A log-probability as an endpoint writes it; -9999 and the like are minus infinity.

    Raises TryAgain for what is none: text, NaN, numbers above 0.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise TryAgain(f"expected a log-probability, got {value!r}")
    if value > 1e-3:
        raise TryAgain(f"expected a log-probability of at most 0, got {value!r}")
    return -math.inf if value <= IMPOSSIBLE else min(float(value), 0.0)


def _token(text: Any, logprob: Any, top: Sequence[tuple[Any, Any]]) -> Token:
    own = (str(text), read_logprob(logprob))
    known = {str(name): read_logprob(value) for name, value in top}
    known.setdefault(*own)
    return Token(*own, tuple(sorted(known.items(), key=lambda item: -item[1])))


def _choice(reply: Any) -> tuple[Mapping[str, Any], int]:
    """The first choice of a reply, and the number of tokens of its prompt (-1: not said)."""
    choices = reply.get("choices") if isinstance(reply, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise TryAgain(f"the reply has no choices: {str(reply)[:100]}")
    usage = reply.get("usage")
    count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return choices[0], count if isinstance(count, int) else -1


def read_text(reply: Any) -> Reply:
    """A reply of the text protocol. Raises TryAgain for one of another form."""
    choice, prompt_tokens = _choice(reply)
    text, logprobs = choice.get("text"), choice.get("logprobs")
    if not isinstance(text, str):
        raise TryAgain("the reply has no text")
    tokens: list[Token] = []
    if isinstance(logprobs, dict):
        columns = [logprobs.get(name) for name in ("tokens", "token_logprobs", "top_logprobs")]
        if (
            not all(isinstance(column, list) for column in columns)
            or len({len(column or ()) for column in columns}) > 1
        ):
            raise TryAgain("the reply's log-probabilities are not three lists of one length")
        for name, value, top in zip(*columns, strict=True):
            pairs = list(top.items()) if isinstance(top, dict) else []
            tokens.append(_token(name, value, pairs))
    return Reply(text, tuple(tokens), choice.get("finish_reason") == "stop", prompt_tokens)


def read_chat(reply: Any) -> Reply:
    """A reply of the chat protocol. Raises TryAgain for one of another form."""
    choice, prompt_tokens = _choice(reply)
    message, logprobs = choice.get("message"), choice.get("logprobs")
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str):
        raise TryAgain("the reply has no text")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    try:
        tokens = tuple(
            _token(
                item["token"],
                item["logprob"],
                [(other["token"], other["logprob"]) for other in item.get("top_logprobs") or ()],
            )
            for item in content or ()
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise TryAgain("the reply's log-probabilities have another form than expected") from error
    return Reply(text, tokens, choice.get("finish_reason") == "stop", prompt_tokens)


def generation(reply: Reply, until: Sequence[str]) -> Generation:
    """A reply as a Generation, cut before the first of ``until``."""
    text = reply.text
    cut = min((at for stop in until if (at := text.find(stop)) >= 0), default=len(text))
    text = text[:cut]
    kept: list[Token] = []
    ends: list[int] = []
    for token in reply.tokens:
        if ends and ends[-1] >= len(text):
            break
        kept.append(token)
        ends.append((ends[-1] if ends else 0) + len(token.text))

    def token_at(offset: int) -> int:
        return next((i for i, end in enumerate(ends) if end > offset), -1)

    def labels_at(position: int, labels: Sequence[str]) -> list[float] | None:
        return label_logprobs(kept[position], labels)[0] if 0 <= position < len(kept) else None

    return Generation(
        text=text,
        token_logprobs=[token.logprob for token in kept],
        token_entropies=[math.nan] * len(kept),
        token_uniform_kl=[math.nan] * len(kept),
        token_top_logprobs=[[value for _, value in token.top] for token in kept],
        prompt_tokens=reply.prompt_tokens,
        finished=reply.finished or cut < len(reply.text),
        token_at=token_at,
        label_logprobs=labels_at,
    )
