"""Mask keys and passwords in everything that is stored, shown or logged.

Masked are values whose name marks them as secret, strings in the format of well-known keys, and
the values of secret environment variables and of secrets on the command line, wherever they occur.
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
_MARKS = re.compile(r"(?:add_)?(?:think_end|think_start|bos|eos|pad|unk|sep|mask)_token")
"""Names of tokens of text, which are no secrets: arguments of models and tokenizers."""
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
# Anchored at the start of a name, so that matching takes linear time in the length of the text.
_NAME = re.compile(r"(?<![\w.-])([\w.-]+)(?:[\"']?\s*=\s*[\"']?|[\"']\s*:\s*[\"'])")
_VALUE = re.compile(r"[^\s,;&\"'}\])]+")
_USER_INFO = re.compile(r"(://)([^/\s]+)@")
_QUOTED = re.compile(r"[\"']([^\"']+)[\"']")
_MIN_LENGTH = 8
"""Characters; shorter values of environment variables cannot be told from ordinary text."""
_MIN_TYPED = 6
"""The same limit for values that were typed as secrets."""
_typed: set[str] = set()


def is_secret_name(name: str) -> bool:
    """Return whether a name denotes a secret: its last word is key, token, password or the like."""
    bare = name.strip().strip("-").lower()
    if _MARKS.fullmatch(bare):
        return False
    words = re.split(r"[^a-z0-9]+", bare)
    return bool(_SECRET_WORD.fullmatch(words[-1])) or words[-2:] == ["key", "id"]


def mask_text(text: str) -> str:
    """Return ``text`` with ``…`` in place of everything that looks like a secret."""
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
    """Yield (start, end) of every value whose name marks it as secret.

    Values nested in another value are found too, as in ``base_url=http://host?api_key=…``.
    """
    end = 0
    for name in _NAME.finditer(text):
        if name.start() < end or not is_secret_name(name[1]):
            continue
        value = _VALUE.match(text, name.end())
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
    """Mask all secrets in the words of a command from now on, wherever they occur."""
    _typed.clear()
    for word, masked in zip(command, mask_command(command), strict=True):
        if masked == MASK:
            remember_secret(word)
        for start, stop in _secret_values(word):
            remember_secret(word[start:stop])
        for _, user in _USER_INFO.findall(word):
            remember_secret(user.partition(":")[2] or user)


def remember_secret(value: object) -> None:
    """Mask this value from now on, also in its URL-encoded form, unless it is too short."""
    text = str(value)
    for piece in (text, *_QUOTED.findall(text)):
        if len(piece) >= _MIN_TYPED and not _HARMLESS.fullmatch(piece):
            _typed.update((piece, quote(piece), quote(piece, safe=""), unquote(piece)))


def mask_arguments(arguments: Mapping[str, object]) -> dict[str, str]:
    """Return model arguments as strings that are safe to store."""
    return {
        name: MASK
        if is_secret_name(name) and not _HARMLESS.fullmatch(str(value))
        else mask_text(str(value))
        for name, value in arguments.items()
    }


def mask_command(command: Sequence[str]) -> list[str]:
    """Return a command's words, safe to store; the word after ``--token`` or the like is masked."""
    shown: list[str] = []
    for index, word in enumerate(command):
        before = command[index - 1] if index else ""
        follows = before.startswith("-") and "=" not in before and is_secret_name(before)
        shown.append(MASK if follows else mask_text(word))
    return shown


class MaskingFormatter(logging.Formatter):
    """Format log records, tracebacks included, without secrets and control characters."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Indent continuation lines, so that none can be mistaken for another message."""
        return super().formatMessage(record).replace("\n", "\n    ")

    def format(self, record: logging.LogRecord) -> str:
        """Format the whole record, masked and escaped."""
        return printable(mask_text(super().format(record)), lines=True)
