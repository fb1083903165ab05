"""How fast a model is, measured within a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from .forward import Forward
from .states import Sizes

TIMED_ROWS = 16
_PREFILLED = 24
"""Largest number of tokens of each prompt in the larger pass."""
_LONGEST = 0.4
"""Seconds that it takes at most: as many times those of one token each as it has tokens."""
_SOON = 0.15
"""Seconds of a pass after which no larger one is tried."""


def measured_speeds(forward: Forward, sizes: Sizes) -> tuple[float, float]:
    """Return the tokens per second of a prefill, and of decoding as many rows as ``sizes`` has.

    One token of each row is computed, twice if there is time: that is what decoding computes. Of a
    model that is fast enough some more are prefilled; of another one that is as fast as decoding.
    """
    count = min(TIMED_ROWS, sizes.rows)

    def prefill(length: int) -> None:
        rows = [[(7 * row + place) % 97 + 1 for place in range(length)] for row in range(count)]
        for state in forward.run(rows, sizes):
            state.logits.sum().item()  # waits for the device

    took = _seconds(lambda: prefill(1))
    if took < _SOON:
        took = min(took, _seconds(lambda: prefill(1)))
    decoding = count / took
    if took > _SOON:
        return decoding, decoding
    length = max(2, min(_PREFILLED, int(_LONGEST / took)))
    return count * length / _seconds(lambda: prefill(length)), decoding


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return max(time.perf_counter() - began, 1e-6)
