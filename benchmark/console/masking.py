"""Keeping keys and passwords out of what is stored, shown and logged.

What is masked: values whose name says that they are secret, texts in the shape of well-known keys,
and the values of secret environment variables and of secrets that were typed, wherever they turn
up.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, unquote

from .escaping import printable

MASK = "…"
_SECRET_WORD = re.compile(
    "(api)?key|auth(orization)?|bearer|cookie|credentials?|headers?|passw(or)?d|pwd|secret|token"
)
_HARMLESS = re.compile(r"(?i)true|false|none|null|[+-]?\d{1,6}(\.\d*)?")
_KEY_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|hf|ghp|gho|ghs|glpat|xox[abp]|github_pat)[-_][A-Za-z0-9_-]{10,}"
    r"|\bAKIA[A-Z0-9]{12,}|\bAIza[A-Za-z0-9_-]{20,}"
    r"|\beyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"
)
_AUTHORIZATION = re.compile(
    r"(?i)(\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?:\w+ )?[^\s\"',}]+"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
# Beginning where a name begins, so that a long text is read in time that grows with its length.
_NAME = re.compile(r"(?<![\w.-])([\w.-]+)(?:[\"']?\s*=\s*[\"']?|[\"']\s*:\s*[\"'])")
_VALUE = re.compile(r"[^\s,;&\"'}\])]+")
_USER_INFO = re.compile(r"(://)([^/\s]+)@")
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")
_MIN_LENGTH = 8
"""Values of environment variables below this are too short to be told from ordinary text."""
_MIN_TYPED = 6
"""The same of values that were typed as secrets."""
_typed: set[str] = set()


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is a secret: its last word is key, token, password …"""
    words = re.split(r"[^a-z0-9]+", name.strip().strip("-").lower())
    return bool(_SECRET_WORD.fullmatch(words[-1])) or words[-2:] == ["key", "id"]


def mask_text(text: str) -> str:
    """``text`` with ``…`` in place of everything that looks like a secret."""
    for value in _known_secrets():
        text = text.replace(value, MASK)
    text = _AUTHORIZATION.sub(rf"\1{MASK}", text)
    text = _SCHEME.sub(rf"\1 {MASK}", text)
    text = _mask_pairs(text)
    text = _USER_INFO.sub(rf"\1{MASK}@", text)
    return _KEY_SHAPES.sub(MASK, text)


def _mask_pairs(text: str) -> str:
    shown, end = [], 0
    for start, stop in _secret_values(text):
        shown += [text[end:start], MASK]
        end = stop
    return "".join((*shown, text[end:]))


def _secret_values(text: str) -> Iterator[tuple[int, int]]:
    """Where the values lie whose name says that they are secret, also inside another's value, as in
    ``base_url=http://host?api_key=…``."""
    end = 0
    for found in _NAME.finditer(text):
        if found.start() < end or not is_secret_name(found[1]):
            continue
        value = _VALUE.match(text, found.end())
        if value is not None and not _HARMLESS.fullmatch(value[0]):
            end = value.end()
            yield value.span()


def _known_secrets() -> list[str]:
    values = {
        value
        for name, value in os.environ.items()
        if len(value) >= _MIN_LENGTH and is_secret_name(name) and "/" not in value
    }
    return sorted(values | _typed, key=len, reverse=True)


def remember_typed(command: Sequence[str]) -> None:
    """From now on mask what the words of a command hold of secrets, however it turns up."""
    _typed.clear()
    for word, masked in zip(command, mask_command(command), strict=True):
        if masked == MASK:
            remember_secret(word)
        for start, stop in _secret_values(word):
            remember_secret(word[start:stop])
        for _, user in _USER_INFO.findall(word):
            remember_secret(user.partition(":")[2] or user)


def remember_secret(value: object) -> None:
    """From now on mask this value, also as an address has it, unless it is too short."""
    text = str(value)
    for piece in (text, *_QUOTED.findall(text)):
        if len(piece) >= _MIN_TYPED and not _HARMLESS.fullmatch(piece):
            _typed.update((piece, quote(piece), quote(piece, safe=""), unquote(piece)))


def mask_arguments(arguments: Mapping[str, object]) -> dict[str, str]:
    """Model arguments as texts fit for storing."""
    return {
        name: MASK
        if is_secret_name(name) and not _HARMLESS.fullmatch(str(value))
        else mask_text(str(value))
        for name, value in arguments.items()
    }


def mask_command(command: Sequence[str]) -> list[str]:
    """A command's words fit for storing; the word after an option such as ``--token`` is masked."""
    shown: list[str] = []
    for index, word in enumerate(command):
        before = command[index - 1] if index else ""
        follows = before.startswith("-") and "=" not in before and is_secret_name(before)
        shown.append(MASK if follows else mask_text(word))
    return shown


class MaskingFormatter(logging.Formatter):
    """Log lines without secrets and control characters, tracebacks included."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The message; a line end in it begins no line that could be taken for another message."""
        return super().formatMessage(record).replace("\n", "\n    ")

    def format(self, record: logging.LogRecord) -> str:
        """The whole record as text."""
        return printable(mask_text(super().format(record)), lines=True)
