"""Validation of an endpoint's arguments before any request is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..console.errors import UsageError
from ..console.masking import mask_text
from .budget import Budget
from .endpoint import TIMEOUT, TRIES, Endpoint


def open_endpoint(lm: Any, arguments: Mapping[str, Any], budget: Budget, option: str) -> Endpoint:
    """Open the endpoint of one of lm-eval's models.

    Args:
        lm: the model of lm-eval, which knows address and headers.
        arguments: the user's arguments for it.
        budget: the budget of the run.
        option: the option that the arguments come from, for error messages.

    Raises:
        UsageError: an argument is not a number, or there is a cost limit without prices.
    """
    _check_address(str(lm.base_url or ""), dict(lm.header), option)
    prices = {
        name: _number(arguments, name, 0.0, option) for name in ("input_price", "output_price")
    }
    if budget.max_cost is not None and not any(prices.values()):
        raise UsageError(
            f"--max_cost needs prices: {option} …,input_price=IN,output_price=OUT (per million "
            "tokens, in the same unit)"
        )
    timeout = _number(arguments, "timeout", TIMEOUT, option)
    if not timeout:
        raise UsageError(f"{option}: timeout: expected seconds above 0, got 0")
    return Endpoint(
        str(lm.base_url),
        dict(lm.header),
        budget,
        tries=max(1, int(_number(arguments, "max_retries", TRIES, option))),
        timeout=timeout,
        verify=lm.ca_cert_path or bool(lm.verify_certificate),
        input_price=prices["input_price"],
        output_price=prices["output_price"],
    )


def whole_number(
    arguments: Mapping[str, Any], name: str, default: int, least: int, option: str
) -> int:
    """Return an argument that must be a whole number. Raises UsageError if it is not."""
    number = _number(arguments, name, default, option)
    if number != int(number) or number < least:
        raise UsageError(
            f"{option}: {name}: expected a whole number of at least {least}, got "
            f"{arguments.get(name)!r}"
        )
    return int(number)


def _check_address(url: str, headers: Mapping[str, Any], option: str) -> None:
    if not url:
        raise UsageError(f"{option}: expected base_url=URL of the endpoint")
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise UsageError(
            f"{option}: base_url: expected http://… or https://…, got {mask_text(url)!r}"
        )
    for name, value in headers.items():
        text = f"{name}: {value}"
        if not text.isprintable() or any(ord(character) > 255 for character in text):
            raise UsageError(
                f"{option}: the header {name!r} holds characters that cannot be sent; is its key "
                "complete, and without line breaks?"
            )


def _number(arguments: Mapping[str, Any], name: str, default: float, option: str) -> float:
    value = arguments.get(name, default)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"{option}: {name}: expected a number of at least 0, got {value!r}")
    return number
