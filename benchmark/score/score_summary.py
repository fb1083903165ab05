"""What scoring did, in lines on the console."""

from __future__ import annotations

from collections.abc import Mapping

from ..console.options import say


def say_skipped(skipped: Mapping[str, str]) -> None:
    """One line per reason, with the estimators that it keeps out."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        say(f"  {reason}: {', '.join(names)} skipped")
