"""What an OpenAI-compatible endpoint replies, read from the text protocol and the chat protocol."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...endpoints.reply_json import Repeated, the_choice, the_list, the_number, the_object, the_text
from ...endpoints.request_errors import TryAgain
from ..shared.engine import Generation

IMPOSSIBLE = -9998.0
"""At or below it is a sentinel for minus infinity, such as -9999 and -100000."""
SPACES = ("", " ", "Ġ", "▁")
MOST_MASS = 1.05
"""What the probabilities of one token's place may add up to: 1, and an endpoint's rounding."""


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


def spelled_logprob(top: Sequence[tuple[str, float]], spellings: Collection[str]) -> float | None:
    """Log-probability of all tokens written in one of these ways; None where none is in."""
    found = [value for text, value in top if text in spellings]
    if not found:
        return None
    most = max(found)
    if most == -math.inf:
        return most
    total = most + math.log(math.fsum(math.exp(value - most) for value in found))
    return min(total, 0.0)


def label_logprob(top: Sequence[tuple[str, float]], label: str) -> float | None:
    """Log-probability of a label, with and without a space before it; None where neither is in."""
    return spelled_logprob(top, {mark + label for mark in SPACES})


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


def read_logprob(value: object) -> float:
    """A log-probability as an endpoint writes it; -9999 and the like are minus infinity.

    Raises TryAgain for what is none: text, NaN, numbers above 0.
    """
    number = the_number(value, "a log-probability")
    if number > 1e-3:
        raise TryAgain(f"expected a log-probability of at most 0, got {value!r}")
    return -math.inf if number <= IMPOSSIBLE else min(number, 0.0)


def _token(text: object, logprob: object, top: Sequence[tuple[object, object]]) -> Token:
    """A token and those in its place. Different tokens may be written alike (parts of characters,
    marks that are not shown), so each is kept; an endpoint that shows one of them where the token
    was said shows it with no less than that token's own log-probability."""
    said, own = the_text(text, "a token"), read_logprob(logprob)
    shown = [
        (the_text(name, "a token in top_logprobs"), read_logprob(value)) for name, value in top
    ]
    alike = [place for place, (name, _) in enumerate(shown) if name == said]
    if alike:
        most = max(alike, key=lambda place: shown[place][1])
        shown[most] = (said, max(own, shown[most][1]))
    else:
        shown.append((said, own))
    if (mass := math.fsum(math.exp(value) for _, value in shown)) > MOST_MASS:
        raise TryAgain(f"the probabilities in a token's place add up to {mass:.3g}")
    return Token(said, own, tuple(sorted(shown, key=lambda item: -item[1])))


def read_text(reply: object) -> Reply:
    """A reply of the text protocol. Raises TryAgain for one of another form."""
    choice, prompt_tokens = the_choice(reply)
    text = the_text(choice.get("text"), "the reply's text")
    tokens: tuple[Token, ...] = ()
    if (given := choice.get("logprobs")) is not None:
        logprobs = the_object(given, "logprobs")
        names, values, tops = (
            the_list(logprobs.get(name), f"logprobs.{name}")
            for name in ("tokens", "token_logprobs", "top_logprobs")
        )
        if not len(names) == len(values) == len(tops):
            raise TryAgain(
                "the reply's log-probabilities are three lists of different lengths "
                f"({len(names)} tokens, {len(values)} token_logprobs, {len(tops)} top_logprobs)"
            )
        tokens = tuple(
            _token(name, value, _pairs(top))
            for name, value, top in zip(names, values, tops, strict=True)
        )
    return Reply(text, tokens, _finished(choice.get("finish_reason")), prompt_tokens)


def _pairs(top: object) -> Sequence[tuple[str, object]]:
    """Members of an object of ``top_logprobs``, those of one name included; null is empty."""
    if isinstance(top, Repeated):
        return top.pairs
    return list(the_object({} if top is None else top, "a place of top_logprobs").items())


def _finished(reason: object) -> bool:
    return reason is not None and the_text(reason, "finish_reason") == "stop"


def read_chat(reply: object) -> Reply:
    """A reply of the chat protocol. Raises TryAgain for one of another form."""
    choice, prompt_tokens = the_choice(reply)
    message = the_object(choice.get("message"), "the reply's message")
    text = the_text(message.get("content"), "the reply's text")
    given = choice.get("logprobs")
    content = None if given is None else the_object(given, "logprobs").get("content")
    tokens = tuple(map(_chat_token, [] if content is None else the_list(content, "content")))
    return Reply(text, tokens, _finished(choice.get("finish_reason")), prompt_tokens)


def _chat_token(given: object) -> Token:
    item = the_object(given, "a token of logprobs.content")
    listed = item.get("top_logprobs")
    others = [
        the_object(other, "an entry of top_logprobs")
        for other in ([] if listed is None else the_list(listed, "top_logprobs"))
    ]
    pairs = [(other.get("token"), other.get("logprob")) for other in others]
    return _token(item.get("token"), item.get("logprob"), pairs)


def generation(reply: Reply, until: Sequence[str]) -> Generation:
    """A reply as a Generation, cut before the first of ``until``.

    Tokens are found in the text by their spelling. Where an endpoint writes them in another way
    than its text (marks, bytes), no place after that is known: better none than another token's,
    and none is taken for one beyond the text's end.
    """
    cut = min((at for stop in until if (at := reply.text.find(stop)) >= 0), default=None)
    text = reply.text[:cut]
    spelled = "".join(token.text for token in reply.tokens)
    # Some endpoints take blanks from the beginning of a text, and leave them in its tokens.
    trimmed = 0 if reply.text[:1].isspace() else len(spelled) - len(spelled.lstrip())
    placed = cut is not None or spelled.startswith(text, trimmed)
    kept: list[Token] = []
    ends: list[int] = []
    for token in reply.tokens:
        if placed and ends and ends[-1] >= len(text):
            break
        kept.append(token)
        ends.append((ends[-1] if ends else -trimmed) + len(token.text))

    def token_at(offset: int) -> int:
        found = next((i for i, end in enumerate(ends) if end > offset), -1)
        if found < 0:
            return -1
        end = min(ends[found], len(reply.text))
        return found if reply.text[:end] == spelled[trimmed:][:end] else -1

    def labels_at(position: int, labels: Sequence[str]) -> list[float] | None:
        return label_logprobs(kept[position], labels)[0] if 0 <= position < len(kept) else None

    return Generation(
        text=text,
        token_logprobs=[token.logprob for token in kept],
        token_entropies=[math.nan] * len(kept),
        token_uniform_kl=[math.nan] * len(kept),
        token_top_logprobs=[[value for _, value in token.top] for token in kept],
        prompt_tokens=reply.prompt_tokens,
        finished=reply.finished or cut is not None,
        token_at=token_at,
        label_logprobs=labels_at,
    )
