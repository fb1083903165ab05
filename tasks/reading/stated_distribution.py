"""Parsing of stated probabilities, one per option, in whatever form a reply gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .parsing import MARKER

_NUMBER = r"(\d{1,3}(?:\.\d{0,9})?|\.\d{1,9})(?![\d.]*\d)\s{0,3}"
_PERCENT = r"(%|percent\b)?"
_BEFORE_NUMBER = r"[\s\"'`*_~≈<({\[]{0,8}(?:(?:about|around|roughly|approximately)\s)?"
_AFTER_LABEL = r"[\s\"'`*_)\]]{0,8}"
_TOLERANCE = 0.01
"""How far stated probabilities may fall short of 1 for unnamed options to be stated as 0."""


@dataclass(frozen=True)
class StatedDistribution:
    """One probability per option, as stated: each in [0, 1], not normalized."""

    values: tuple[float, ...] = ()
    reason: str | None = None
    """Why there is no distribution, without the reply itself."""


def read_stated_distribution(text: str, labels: Sequence[str]) -> StatedDistribution:
    """Parse ``A: 30 %, B: 0.7``, JSON, a list or a table, in the last marker or anywhere.

    The last number that is given for a label counts. Numbers are percentages if one of them has a
    percent sign or is above 1, else probabilities. Options that are not named have probability 0
    if those that are add up to 1 (by 0.01); otherwise the reply is not a distribution.

    Args:
        text: The reply.
        labels: The options' labels, upper case.
    """
    marked = MARKER.findall(text)
    named = 0
    for piece in (*marked[-1:], text):
        for form, fewest in _forms(tuple(labels)):
            numbers = _numbers(form, piece)
            named = max(named, len(numbers))
            stated = _distribution(numbers, labels) if len(numbers) >= fewest else None
            if stated is not None:
                return stated
    return StatedDistribution(reason=f"probabilities of {named} of {len(labels)} options")


def _distribution(
    numbers: dict[str, tuple[float, bool]], labels: Sequence[str]
) -> StatedDistribution | None:
    """Return the distribution of numbers by label, each with or without a percent sign."""
    most = max(number for number, _ in numbers.values())
    percent = most > 1 or any(sign for _, sign in numbers.values())
    if most > 100:
        return None
    found = [numbers.get(label, (0.0, False))[0] for label in labels]
    values = tuple(number / 100 if percent else number for number in found)
    if len(numbers) < len(labels) and sum(values) < 1 - _TOLERANCE:
        return None
    return StatedDistribution(values, None if any(values) else "stated probabilities are all 0")


def _numbers(form: re.Pattern[str], text: str) -> dict[str, tuple[float, bool]]:
    """Return label → its last number, and whether that has a percent sign."""
    matches = (match.groups() for match in form.finditer(text))
    return {label.upper(): (float(number), bool(sign)) for label, number, sign in matches}


@lru_cache(maxsize=64)
def _forms(labels: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], int], ...]:
    """Return the ways of writing labels with numbers, and how many of each make it plausible.

    The first that gives a distribution counts. All runs are bounded, so that no reply is slow.
    """
    names = "|".join(sorted(map(re.escape, labels), key=len, reverse=True))
    label = rf"(?<![A-Za-z0-9.])({names})(?![A-Za-z0-9])"
    other = rf"(?<![A-Za-z0-9.])(?:{names}){_AFTER_LABEL}[:=]"
    start = rf"^[ \t\-*•|>#\"'`(\[{{_]{{0,8}}(?:(?:option|choice|answer)\s)?{label}"
    end = rf"[\s:=|(~≈*]{_NUMBER}{_PERCENT}[\s|)*_`\"',.;}}\]]{{0,8}}$"
    separator = r"\s{0,3}(?:[:=|,→]|->|[-–—](?=\s)|is\b|has\b)"
    alone = r"(?=%|percent\b|[,;)\]}|\n]|$)"
    written = (
        # A line such as "- **A. Vitamin C**: 30 %", for every option.
        (rf"{start}[^\n]{{0,300}}?{end}", len(labels)),
        # The same for some options, without another label that has a colon.
        (rf"{start}(?:(?!{other})[^\n]){{0,300}}?{end}", 2),
        # "A: 30 %", '"A": 0.3', "(A) = 30".
        (
            rf"{label}{_AFTER_LABEL}{separator}{_BEFORE_NUMBER}{_NUMBER}{_PERCENT}(?!\s{{0,3}}[:=])",
            1,
        ),
        # "A. 30", "A 30 %": a number with more behind it may be the option's own text.
        (rf"{label}{_AFTER_LABEL}[.\s]\s{{0,3}}{_NUMBER}{alone}{_PERCENT}", 2),
    )
    flags = re.IGNORECASE | re.MULTILINE
    return tuple((re.compile(form, flags), fewest) for form, fewest in written)
