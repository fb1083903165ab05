"""Tokens with log-probabilities, as endpoints return them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ...endpoints.reply_json import the_number, the_text
from ...endpoints.request_errors import TryAgain

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
    """(text, log-probability), most likely first; the token itself is among them. Empty where the
    server made them up: all of probability 1."""

    @property
    def missing_mass(self) -> float:
        """Return the probability outside ``top``, in [0, 1]."""
        return max(0.0, 1.0 - math.fsum(math.exp(value) for _, value in self.top))


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


FEWEST_PLACEHOLDERS = 8
"""Tokens of which all have probability 1 only if the server made that up."""


def read_tokens(
    texts: Sequence[object],
    logprobs: Sequence[object],
    tops: Sequence[Sequence[tuple[object, object]]],
) -> tuple[Token, ...]:
    """Parse the tokens of a reply: texts, log-probabilities, and the most likely at each place.

    Where a server gives all of them log-probability 0, they have no alternatives.
    """
    zeros = len(logprobs) >= FEWEST_PLACEHOLDERS and all(v in (0, -0.0) for v in logprobs[1:])
    return tuple(
        Token(the_text(text, "a token"), read_logprob(logprob), ())
        if zeros
        else _token(text, logprob, top)
        for text, logprob, top in zip(texts, logprobs, tops, strict=True)
    )


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
