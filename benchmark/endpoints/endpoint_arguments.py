"""Validation of an endpoint's arguments before any request is sent."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..console.errors import UsageError
from ..console.masking import mask_text
from .budget import Budget
from .endpoint import TIMEOUT, TRIES, Endpoint

if TYPE_CHECKING:
    from lm_eval.models.api_models import TemplateAPI

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class EndpointArguments:
    """How an endpoint is asked, as its arguments say.

    Attributes:
        workers: requests at a time.
        tries: requests per prompt at most.
        timeout: seconds.
        input_price, output_price: per million tokens.
    """

    workers: int
    tries: int
    timeout: float
    input_price: float
    output_price: float


def read_arguments(
    arguments: Mapping[str, object], max_cost: float | None, option: str
) -> EndpointArguments:
    """Read and check the arguments; no request is made.

    Raises UsageError for one that is no number, an address that is none, or a budget of money
    without prices.
    """
    if "base_url" in arguments:
        _check_address(str(arguments["base_url"] or ""), option)
    prices = [_number(arguments, name, 0.0, option) for name in ("input_price", "output_price")]
    if max_cost is not None and not any(prices):
        raise UsageError(
            f"--max_cost needs prices: {option} …,input_price=IN,output_price=OUT (per million "
            "tokens, in the same unit)"
        )
    timeout = _number(arguments, "timeout", TIMEOUT, option)
    if not timeout:
        raise UsageError(f"{option}: timeout: expected seconds above 0, got 0")
    return EndpointArguments(
        whole_number(arguments, "num_concurrent", 1, 1, option),
        max(1, int(_number(arguments, "max_retries", TRIES, option))),
        timeout,
        *prices,
    )


def check_address_given(model: type, arguments: Mapping[str, object], option: str) -> None:
    """Raise UsageError where neither the arguments nor a class of lm-eval's has an address."""
    known = inspect.signature(model).parameters.get("base_url")
    if "base_url" not in arguments and (known is None or not isinstance(known.default, str)):
        _check_address("", option)


def open_endpoint(
    lm: TemplateAPI, arguments: Mapping[str, object], budget: Budget, option: str
) -> Endpoint:
    """Open the endpoint of one of lm-eval's models.

    Raises UsageError for those that do not fit.
    """
    _check_address(str(lm.base_url or ""), option)
    _check_headers(dict(lm.header), option)
    given = read_arguments(arguments, budget.max_cost, option)
    return Endpoint(
        str(lm.base_url),
        dict(lm.header),
        budget,
        tries=given.tries,
        timeout=given.timeout,
        verify=lm.ca_cert_path or bool(lm.verify_certificate),
        input_price=given.input_price,
        output_price=given.output_price,
    )


def whole_number(
    arguments: Mapping[str, object], name: str, default: int, least: int, option: str
) -> int:
    """Return an argument that must be a whole number. Raises UsageError if it is not."""
    number = _number(arguments, name, default, option)
    if number != int(number) or number < least:
        raise UsageError(
            f"{option}: {name}: expected a whole number of at least {least}, got "
            f"{arguments.get(name)!r}"
        )
    return int(number)


def _check_address(url: str, option: str) -> None:
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


def _check_headers(headers: Mapping[str, object], option: str) -> None:
    for name, value in headers.items():
        text = f"{name}: {value}"
        if not text.isprintable() or any(ord(character) > 255 for character in text):
            raise UsageError(
                f"{option}: the header {name!r} holds characters that cannot be sent; is its key "
                "complete, and without line breaks?"
            )


def _number(arguments: Mapping[str, object], name: str, default: float, option: str) -> float:
    value = arguments.get(name, default)
    try:
        number = float(value) if isinstance(value, str | int | float) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"{option}: {name}: expected a number of at least 0, got {value!r}")
    return number
