"""Parse the replies of OpenAI-compatible endpoints, in the text protocol and the chat protocol."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...endpoints.reply_json import Repeated, the_choice, the_list, the_number, the_object, the_text
from ...endpoints.request_errors import TryAgain
from ..shared.engine import Generation

IMPOSSIBLE = -9998.0
"""Values at or below it are sentinels for minus infinity, such as -9999 and -100000."""
SPACES = ("", " ", "Ġ", "▁")
MOST_MASS = 1.05
"""Upper bound on the sum of the probabilities at one position: 1, plus rounding."""


@dataclass(frozen=True)
class Token:
    """One generated token: its text, log-probability, and the top tokens at its position."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...]
    """(text, log-probability), most likely first; the token itself is among them."""

    @property
    def missing_mass(self) -> float:
        """Return the probability outside ``top``, in [0, 1]."""
        return max(0.0, 1.0 - math.fsum(math.exp(value) for _, value in self.top))


@dataclass(frozen=True)
class Reply:
    """A parsed completion."""

    text: str
    tokens: tuple[Token, ...]
    finished: bool
    prompt_tokens: int


def spelled_logprob(top: Sequence[tuple[str, float]], spellings: Collection[str]) -> float | None:
    """Return the log-probability of all tokens spelled in one of these ways; None if absent."""
    values = [logprob for text, logprob in top if text in spellings]
    if not values:
        return None
    most = max(values)
    if most == -math.inf:
        return most
    total = most + math.log(math.fsum(math.exp(value - most) for value in values))
    return min(total, 0.0)


def label_logprob(top: Sequence[tuple[str, float]], label: str) -> float | None:
    """Return the log-probability of a label, with and without a leading space; None if absent."""
    return spelled_logprob(top, {mark + label for mark in SPACES})


def label_logprobs(token: Token, labels: Sequence[str]) -> tuple[list[float], int]:
    """Return the log-probabilities of labels at a position, and the number of absent ones.

    Each absent label gets an equal share of the missing mass, at most the smallest shown
    probability.
    """
    values = [label_logprob(token.top, label) for label in labels]
    absent = sum(value is None for value in values)
    bound = -math.inf
    if absent and token.missing_mass:
        bound = min(math.log(token.missing_mass / absent), token.top[-1][1])
    return [bound if value is None else value for value in values], absent


def read_logprob(value: object) -> float:
    """Parse a log-probability; -9999 and the like are minus infinity.

    Raises TryAgain for anything else: text, NaN, numbers above 0.
    """
    number = the_number(value, "a log-probability")
    if number > 1e-3:
        raise TryAgain(f"expected a log-probability of at most 0, got {value!r}")
    return -math.inf if number <= IMPOSSIBLE else min(number, 0.0)


def _token(text: object, logprob: object, top: Sequence[tuple[object, object]]) -> Token:
    """Return a token with the alternatives at its position.

    Different tokens may be spelled alike (parts of characters, special marks), so that each is
    kept. If the generated token is among the alternatives, its entry gets at least the token's
    own log-probability.
    """
    spelling, own_logprob = the_text(text, "a token"), read_logprob(logprob)
    shown = [
        (the_text(name, "a token in top_logprobs"), read_logprob(value)) for name, value in top
    ]
    same = [place for place, (name, _) in enumerate(shown) if name == spelling]
    if same:
        most = max(same, key=lambda place: shown[place][1])
        shown[most] = (spelling, max(own_logprob, shown[most][1]))
    else:
        shown.append((spelling, own_logprob))
    if (mass := math.fsum(math.exp(value) for _, value in shown)) > MOST_MASS:
        raise TryAgain(f"the probabilities in a token's place add up to {mass:.3g}")
    return Token(spelling, own_logprob, tuple(sorted(shown, key=lambda item: -item[1])))


def read_text(reply: object) -> Reply:
    """Parse a reply of the text protocol. Raises TryAgain if it is malformed."""
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
    """Return the members of a ``top_logprobs`` object, repeated keys included; null is empty."""
    if isinstance(top, Repeated):
        return top.pairs
    return list(the_object({} if top is None else top, "a place of top_logprobs").items())


def _finished(reason: object) -> bool:
    return reason is not None and the_text(reason, "finish_reason") == "stop"


def read_chat(reply: object) -> Reply:
    """Parse a reply of the chat protocol. Raises TryAgain if it is malformed."""
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
    """Return a reply as a Generation, cut before the first stop sequence in ``until``.

    Tokens are located in the text by their spelling. If an endpoint spells them otherwise than
    in its text (special marks, bytes), positions after that point are unknown (-1) rather than
    wrong.
    """
    cut = min((at for stop in until if (at := reply.text.find(stop)) >= 0), default=None)
    text = reply.text[:cut]
    spelled = "".join(token.text for token in reply.tokens)
    # Some endpoints strip leading whitespace from a text, but not from its tokens.
    trimmed = 0 if reply.text[:1].isspace() else len(spelled) - len(spelled.lstrip())
    aligned = cut is not None or spelled.startswith(text, trimmed)
    kept: list[Token] = []
    ends: list[int] = []
    for token in reply.tokens:
        if aligned and ends and ends[-1] >= len(text):
            break
        kept.append(token)
        ends.append((ends[-1] if ends else -trimmed) + len(token.text))

    def token_at(offset: int) -> int:
        index = next((i for i, end in enumerate(ends) if end > offset), -1)
        if index < 0:
            return -1
        end = min(ends[index], len(reply.text))
        return index if reply.text[:end] == spelled[trimmed:][:end] else -1

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
