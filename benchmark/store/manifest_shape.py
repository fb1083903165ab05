"""Validation of a manifest's structure when it is read, so that its users can rely on it.

Fields that are not named here may contain any JSON value: newer versions may add some.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ..console.errors import ApprehendError

DEEPEST = 50
"""Maximum levels of nesting; manifests are written with fewer than ten."""
LARGEST = 10**18

Check = Callable[[object, str], "str | None"]
"""Maps a value and its path to a description of what is wrong with it, or None."""


def _text(value: object, place: str) -> str | None:
    return None if isinstance(value, str) else _expected(place, "text", value)


def _optional_text(value: object, place: str) -> str | None:
    return None if value is None else _text(value, place)


def _number(value: object, place: str) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _expected(place, "a number", value)
    if not 0 <= value <= LARGEST or math.isnan(value):
        return _expected(place, "a number of at least 0", value)
    return None


def _any(value: object, place: str) -> str | None:
    return None


def _texts(value: object, place: str) -> str | None:
    if not isinstance(value, list):
        return _expected(place, "a list of texts", value)
    return _first(_text(item, f"{place}[{number}]") for number, item in enumerate(value))


def _all(check: Check) -> Check:
    """Return a check for an object whose values all pass."""

    def checked(value: object, place: str) -> str | None:
        if not isinstance(value, Mapping):
            return _expected(place, "an object", value)
        return _first(check(item, f"{place}.{name}") for name, item in value.items())

    return checked


def _object(**fields: Check) -> Check:
    """Return a check for an object in which the named fields, if present, pass."""

    def checked(value: object, place: str) -> str | None:
        if not isinstance(value, Mapping):
            return _expected(place, "an object", value)
        named = ((name, check) for name, check in fields.items() if name in value)
        return _first(check(value[name], f"{place}.{name}") for name, check in named)

    return checked


def _maybe(check: Check) -> Check:
    return lambda value, place: None if value is None else check(value, place)


_FIELDS: dict[str, Check] = {
    "created": _optional_text,
    "updated": _optional_text,
    "model": _object(
        name=_optional_text,
        engine=_optional_text,
        arguments=_all(_any),
        parameters=_maybe(_number),
        lacks=_all(_all(_text)),
    ),
    "task": _object(
        name=_optional_text,
        system_instruction=_optional_text,
        num_fewshot=_maybe(_number),
        prompts=_all(_text),
        prompt_texts=_all(_text),
        lacks=_all(_all(_text)),
        refused=_all(_text),
    ),
    "data": _object(source=_optional_text, fingerprint=_optional_text, questions=_maybe(_number)),
    "packages": _all(_text),
    "command": _texts,
    "judges": _all(_object(prompts=_all(_text))),
    "costs": _all(_all(_number)),
    "settings": _all(_object(prompts=_all(_text))),
    "store": _object(id=_text, model=_text, task=_text),
    "sampling": _all(_number),
    "probe_prompts": _all(_text),
    "imported": _object(
        kind=_optional_text, files=_texts, sha256=_all(_text), without_gold=_maybe(_number)
    ),
}
_NEEDED = ("model", "task", "data")


def check_shape(manifest: Mapping[str, object], file: Path) -> None:
    """Raise ApprehendError, naming the file and the field, for a manifest of another structure."""
    wrong = _first(
        [
            _depth(manifest),
            *(f"{name!r} is missing" for name in _NEEDED if name not in manifest),
            *(check(manifest[name], name) for name, check in _FIELDS.items() if name in manifest),
        ]
    )
    if wrong is not None:
        raise ApprehendError(
            f"{file}: not a readable manifest: {wrong}; `apprehend verify RESULTS --repair` sets "
            "it aside"
        )


def _depth(manifest: Mapping[str, object]) -> str | None:
    """Find what could not be written again: lone surrogates and excessive nesting."""
    level: list[object] = [manifest]
    for _ in range(DEEPEST):
        inside: list[object] = []
        for value in level:
            if isinstance(value, str) and not _is_unicode(value):
                return f"contains invalid Unicode (a lone surrogate): {value[:40]!a}"
            if isinstance(value, Mapping):
                inside += [*value.keys(), *value.values()]
            elif isinstance(value, list):
                inside += value
        if not inside:
            return None
        level = inside
    return f"is nested more than {DEEPEST} deep"


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _expected(place: str, what: str, value: object) -> str:
    shown = "null" if value is None else repr(value)
    return f"{place}: expected {what}, got {shown if len(shown) <= 60 else shown[:59] + '…'}"


def _first(outcomes: Iterable[str | None]) -> str | None:
    return next((wrong for wrong in outcomes if wrong is not None), None)
