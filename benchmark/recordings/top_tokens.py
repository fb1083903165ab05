"""Option log-probabilities from the top tokens at the answer's position, as endpoints log them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...tasks.files.cells import number

Top = Sequence[tuple[str, float]]
"""(token's text, log-probability) of the tokens at one position."""
LEAST_LOGPROB = -9998.0
"""Values at or below it are sentinels for minus infinity, such as -9999."""
_MARKS = "Ġ▁Ċ \n\t"


@dataclass(frozen=True)
class AnswerToken:
    """What is known at the answer's token.

    Attributes:
        option_logprobs: Log-probability per option, variants such as "A" and " A" merged; -inf for
            an option that is not among the top tokens.
        top_logprobs: The log-probabilities of the top tokens, in descending order.
        missing_mass: The probability outside them.
        unseen: How many options are not among them.
    """

    option_logprobs: list[float]
    top_logprobs: list[float]
    missing_mass: float
    unseen: int


def token_label(token: str) -> str:
    """Return a token's text as a label: without blanks, brackets and points around it."""
    text = unicodedata.normalize("NFKC", token).strip(_MARKS)
    return re.sub(r"^[(\[*\"']+|[)\].:*\"']+$", "", text).strip()


def answer_position(tokens: Sequence[str], label: str) -> int | None:
    """Return the position of the last token that is the label; None if there is none."""
    fits = [place for place, token in enumerate(tokens) if token_label(token) == label]
    return fits[-1] if fits else None


def read_answer_token(top: Top, labels: Sequence[str]) -> AnswerToken | None:
    """Read the options' log-probabilities at one position; None if no option is among the tokens.

    Args:
        top: The top tokens; the same token may be named with and without a leading space.
        labels: The labels of the options, capitals.
    """
    found = [
        [value for token, value in top if token_label(token) == label and value > LEAST_LOGPROB]
        for label in labels
    ]
    if not any(found):
        return None
    values = sorted((min(value, 0.0) for _, value in top), reverse=True)
    mass = math.fsum(math.exp(value) for value in values)
    return AnswerToken(
        [_log_sum(same) for same in found],
        values,
        min(max(0.0, 1.0 - mass), 1.0),
        sum(not same for same in found),
    )


def _log_sum(values: Sequence[float]) -> float:
    if not values:
        return -math.inf
    top = max(values)
    return min(0.0, top + math.log(math.fsum(math.exp(value - top) for value in values)))


def as_top(listed: Any, token: Any = None, logprob: Any = None) -> list[tuple[str, float]]:
    """Return the top tokens of a position, however an endpoint lists them.

    ``[{"token": "A", "logprob": -0.1}, …]`` (chat), ``{"A": -0.1, …}`` (completions), and
    ``{"32": {"logprob": -0.1, "decoded_token": "A"}, …}`` (vLLM). The generated token is added if
    it is not among them.
    """
    found: list[tuple[str, float]] = []
    items = listed.items() if isinstance(listed, Mapping) else enumerate(listed or ())
    for name, value in items:
        text, amount = name, value
        if isinstance(value, Mapping):
            text = value.get("token", value.get("decoded_token", name))
            amount = value.get("logprob")
        read = number(amount)
        if isinstance(text, str) and read is not None and not math.isnan(read):
            found.append((text, read))
    own = number(logprob)
    if isinstance(token, str) and own is not None and token not in dict(found):
        found.append((token, own))
    return [(text, value) for text, value in found if not math.isnan(value)]
