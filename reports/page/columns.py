"""Columns that several of the page's tables have, declared once."""

from __future__ import annotations

from ..frames.blocks import Shown

N = Shown("n", "n", "count")
DIFFERENCE = Shown("difference", "difference", "signed")
INTERVAL = Shown("95 % interval", "low", "interval", "high")
VALUES = (Shown("first's value", "value_a"), Shown("second's value", "value_b"))
TESTED = (Shown("p (Holm)", "p_holm", "p"), Shown("distinguishable", "distinguishable", "yes"))
"""What a test within its family says: adjusted p, and whether it is below 0.05."""


def texts(*names: str) -> tuple[Shown, ...]:
    """Columns of text whose headings are their names."""
    return tuple(Shown(name, name, "text") for name in names)


def pair(name: str) -> tuple[Shown, ...]:
    """The two things that a row compares: `name`_a and `name`_b."""
    return Shown("first", f"{name}_a", "text"), Shown("second", f"{name}_b", "text")


def here(name: str) -> tuple[Shown, ...]:
    """A stored value beside a published one, gray without an interval, and its interval."""
    low, high = f"{name}_low", f"{name}_high"
    return Shown("here", name, "area", low), Shown("95 % interval", low, "interval", high)


def verdict(name: str) -> tuple[Shown, ...]:
    """How a stored value compares with the published one."""
    return DIFFERENCE, Shown("all rows", f"{name}_all_rows"), *texts("verdict", "reason")
