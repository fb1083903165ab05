"""Arguments of an endpoint, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..console.errors import UsageError
from ..console.masking import mask_text
from .budget import Budget
from .endpoint import TIMEOUT, TRIES, Endpoint

if TYPE_CHECKING:
    from lm_eval.models.api_models import TemplateAPI


def open_endpoint(
    lm: TemplateAPI, arguments: Mapping[str, object], budget: Budget, option: str
) -> Endpoint:
    """The endpoint of a model of lm-eval's, with the arguments that were given for it.

    Raises UsageError for an argument that is no number or a budget of money without prices.
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
    arguments: Mapping[str, object], name: str, default: int, least: int, option: str
) -> int:
    """An argument that counts something. Raises UsageError where it does not."""
    number = _number(arguments, name, default, option)
    if number != int(number) or number < least:
        raise UsageError(
            f"{option}: {name}: expected a whole number of at least {least}, got "
            f"{arguments.get(name)!r}"
        )
    return int(number)


def _check_address(url: str, headers: Mapping[str, object], option: str) -> None:
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


def _number(arguments: Mapping[str, object], name: str, default: float, option: str) -> float:
    value = arguments.get(name, default)
    try:
        number = float(value) if isinstance(value, str | int | float) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"{option}: {name}: expected a number of at least 0, got {value!r}")
    return number
