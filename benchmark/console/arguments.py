"""Arguments of models and of generation: ``a=1,b=x`` or JSON, as lm-eval takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from .errors import UsageError
from .masking import is_secret_name, remember_secret

_CLOSING = {"{": "}", "[": "]", "(": ")"}


def parse_arguments(option: str, text: str | None) -> dict[str, object]:
    """Parse ``a=1,b=x``, or a JSON object, as lm-eval does.

    Args:
        option: name of the option, for error messages.
        text: comma-separated ``name=value`` pairs, of which a value in brackets is JSON (or YAML
            in the same brackets); or one JSON object, whose values stay as they are.

    Returns:
        Name → value: numbers, True/False and None as such, anything else as text.

    Raises:
        UsageError: a piece has no ``=``, or brackets hold neither JSON nor YAML.
    """
    text = (text or "").strip()
    if text.startswith("{"):
        arguments = _structure(option, text)
        if not isinstance(arguments, Mapping):
            raise UsageError(f"{option}: expected a JSON object, got {text!r}")
        arguments = {str(name): value for name, value in arguments.items()}
    else:
        arguments = dict(_pairs(option, text))
    for name, value in arguments.items():
        if is_secret_name(name):
            remember_secret(value)
    return arguments


def _pairs(option: str, text: str) -> Iterator[tuple[str, object]]:
    for piece in _pieces(text):
        if not piece.strip():
            continue
        name, equals, value = piece.partition("=")
        if not equals:
            raise UsageError(f"{option}: expected name=value, got {piece.strip()!r}")
        value = value.strip()
        bracketed = value[:1] in ("{", "[") and value.endswith(_CLOSING[value[0]])
        yield name.strip(), _structure(option, value) if bracketed else _value(value)


def _pieces(text: str) -> Iterator[str]:
    """Split at the commas outside of brackets that a value opens, and of quotes inside them."""
    begin, open_brackets, quote = 0, "", ""
    for at, character in enumerate(text):
        if quote:
            quote = "" if character == quote and text[at - 1] != "\\" else quote
        elif open_brackets and character in "\"'":
            quote = character
        elif character in _CLOSING and (open_brackets or text[:at].rstrip().endswith("=")):
            if _CLOSING[character] in text[at:]:  # otherwise text, as in think_end_token=[/THINK
                open_brackets += _CLOSING[character]
        elif open_brackets and character == open_brackets[-1]:
            open_brackets = open_brackets[:-1]
        elif character == "," and not open_brackets:
            yield text[begin:at]
            begin = at + 1
    yield text[begin:]


def _structure(option: str, text: str) -> object:
    """Parse JSON, else YAML in the same brackets; a mark such as [/THINK] stays text."""
    import yaml

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        parsed: object = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, list) and len(parsed) == 1 and isinstance(parsed[0], str):
        return text
    if parsed is None:
        raise UsageError(f'{option}: expected JSON in {text!r}, e.g. {{"name": true}}')
    return parsed


def _value(text: str) -> object:
    named = {"true": True, "false": False, "none": None}
    if text.lower() in named:
        return named[text.lower()]
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text
