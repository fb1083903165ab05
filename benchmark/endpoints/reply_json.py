"""Validating access to the JSON of an endpoint's reply.

Each ``the_…`` returns a value of that type or raises a TryAgain that names it: a reply that
violates the protocol costs its question the row, and nothing else.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping

from .request_errors import TryAgain

LARGEST = 2.0**63
"""No endpoint can have measured a number beyond it."""
MOST_TOKENS = 10**9


class Repeated(dict[str, object]):
    """An object with duplicate names; ``pairs`` are its members as written."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs


def parse(body: bytes, kind: str) -> object:
    """Parse ``body`` as JSON; ``kind`` is its content type. Raises TryAgain if it is not JSON."""
    try:
        return json.loads(body, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise TryAgain(f"the reply is not JSON ({kind}): {excerpt(body)}") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(pairs)


def excerpt(body: bytes) -> str:
    """Return the beginning of a body, on one line."""
    return " ".join(body[:2000].decode("utf-8", "replace").split())[:160] or "nothing"


def shown(value: object) -> str:
    """Return a short form of a value of any depth and size."""
    return reprlib.repr(value)[:100]


def the_object(value: object, what: str) -> Mapping[str, object]:
    """Return an object without duplicate names."""
    if isinstance(value, Repeated):
        names = [name for name, _ in value.pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TryAgain(f"{what} has {shown(twice)} more than once")
    if not isinstance(value, dict):
        raise TryAgain(f"{what} is not an object: {shown(value)}")
    return value


def the_list(value: object, what: str) -> list[object]:
    """Return a list."""
    if not isinstance(value, list):
        raise TryAgain(f"{what} is not a list: {shown(value)}")
    return value


def the_text(value: object, what: str) -> str:
    """Return text that can be encoded as UTF-8."""
    if not isinstance(value, str):
        raise TryAgain(f"{what} is not text: {shown(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TryAgain(
            f"{what} contains half of a character (lone surrogate {value[error.start]!r})"
        ) from error
    return value


def the_number(value: object, what: str) -> float:
    """Return a number that is not NaN and at most 2^63 in magnitude, or infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TryAgain(f"expected {what}, got {shown(value)}")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise TryAgain(f"expected {what}, got a number of {len(str(abs(value)))} digits")
    if math.isnan(value):
        raise TryAgain(f"expected {what}, got NaN")
    return float(value)


def the_count(value: object, what: str) -> int | None:
    """Return a number of tokens; None if the reply has none."""
    if value is None:
        return None
    number = the_number(value, what)
    if not 0 <= number <= MOST_TOKENS or number != int(number):
        raise TryAgain(f"expected {what}, got {shown(value)}")
    return int(number)


def the_choice(reply: object) -> tuple[Mapping[str, object], int]:
    """Return the only choice of a reply, and the tokens of its prompt (-1: not reported)."""
    choices = reply.get("choices") if isinstance(reply, dict) else None
    if not isinstance(choices, list):
        raise TryAgain(f"the reply has no choices: {shown(reply)}")
    the_object(reply, "the reply")
    if len(choices) != 1:
        raise TryAgain(f"the reply has {len(choices) or 'no'} choices for one prompt")
    prompt, _ = the_usage(reply)
    return the_object(choices[0], "the choice"), -1 if prompt is None else prompt


def the_usage(reply: object) -> tuple[int | None, int | None]:
    """Return the tokens of prompt and completion that the endpoint reports (None: not reported)."""
    usage = reply.get("usage") if isinstance(reply, dict) else None
    if usage is None:
        return None, None
    counts = the_object(usage, "the reply's usage")
    names = ("prompt_tokens", "completion_tokens")
    prompt, completion = (
        the_count(counts.get(name), f"a number of tokens in {name}") for name in names
    )
    return prompt, completion
