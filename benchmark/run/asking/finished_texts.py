"""Store texts while others are still being generated, and count their tokens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ...engines.shared.engine import Failed, Generation

SECONDS_PER_PART = 3.0
"""A finished text waits at most this long, and for the token under way, before it is stored."""

Store = Callable[[Sequence[tuple[int, Generation | Failed]]], None]
"""Stores texts, by the index of their prompts."""


class FinishedTexts:
    """Is told of every finished text (an engine's `Watch`), and hands them on within seconds."""

    def __init__(self, store: Store, count: Callable[[int], None]) -> None:
        self._store = store
        self._count = count
        self._waiting: list[tuple[int, Generation | Failed]] = []
        self._since = 0.0
        self._last = time.monotonic()
        self.stored: set[int] = set()
        """The prompts whose texts have been handed on, or wait."""

    def finished(self, prompt: int, generations: Sequence[Generation | Failed]) -> None:
        """Take the text of a prompt."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append((prompt, generations[0]))
        self.stored.add(prompt)

    def progress(self, tokens: int) -> None:
        """Count tokens, and hand on what cannot wait for the next call of this kind."""
        self._count(tokens)
        now = time.monotonic()
        step, self._last = now - self._last, now
        if self._waiting and now - self._since + step >= SECONDS_PER_PART:
            self.flush()

    def flush(self) -> None:
        """Hand on everything."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._store(waiting)
