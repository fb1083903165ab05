"""Scoring the stores of a results folder, and saying what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..console.options import say
from ..store.checks.ownership import SCORES
from ..store.task_store import TaskStore
from .scoring import Scored, score_store
from .signal_loading import NothingToScore


def score_stores(
    stores: Sequence[TaskStore], specs: Sequence[str] | None = None, committee: Sequence[str] = ()
) -> Iterator[tuple[TaskStore, Scored]]:
    """Score each store, as `score_store`; one on which no estimator has a score is named and left
    out.

    Raises NothingToScore at the end where that is so of all.
    """
    unscored: list[tuple[TaskStore, NothingToScore]] = []
    for store in stores:
        try:
            scored = score_store(store, specs, committee=committee)
        except NothingToScore as error:
            unscored.append((store, error))
        else:
            yield store, scored
    if unscored and len(unscored) == len(stores):
        raise NothingToScore("; ".join(str(reason) for _, reason in unscored))
    for store, reason in unscored:
        kept = "; its scores stay as they were" if (store.path / SCORES).is_file() else ""
        say(f"{reason}{kept}")


def say_skipped(skipped: Mapping[str, str]) -> None:
    """One line per reason, with the estimators that it keeps out."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in skipped.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        say(f"  {reason}: {', '.join(names)} skipped")
