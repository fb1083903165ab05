"""Synthetic self-reports on several options and in further words, and tokens of the questions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..signals.probabilities import softmax
from ..signals.tables import FloatArray

Column = npt.NDArray[Any]
_READ = (*(f"p_true_{count}" for count in range(1, 11)), "before", "expected_0_10")
_STATED = ("two_step_0_10",)
_BY_OPTION = ("distribution", "each_option", "among_samples")
_EXCESS = 1.3
"""What the numbers of all options add up to, before each is limited to 1."""


def further_reports(
    rng: np.random.Generator, u: FloatArray, z: FloatArray
) -> dict[str, dict[str, Column]]:
    """Return variant → columns, from (n,) error probabilities and (n, K) option logits."""
    made: dict[str, dict[str, Column]] = {}
    for name in (*_READ, *_STATED):
        value = np.clip(1.0 - u + rng.normal(0.0, 0.15, len(u)), 0.0, 1.0)
        made[name] = {"value": value}
        if name in _STATED:
            text = np.full(len(u), "stated", dtype=object)
            made[name] = {"value": np.round(value, 1), "text": text}
    for name in _BY_OPTION:
        values = np.minimum(_EXCESS * softmax(z + rng.normal(0.0, 0.5, z.shape)), 1.0)
        options = np.where(np.isnan(z), -1, np.arange(z.shape[1])).astype(np.int64)
        largest = np.nanmax(values, axis=1, initial=0.0)
        made[name] = {"value": largest, "values": values, "answers": options}
    return made


def question_columns(u: FloatArray) -> dict[str, Column]:
    """Return tokens that surprise the more, the larger the (n,) error probability is."""
    rng = np.random.default_rng(4)
    there = np.arange(20) < rng.integers(6, 20, len(u))[:, None]
    logs = -rng.exponential(1.0 + 2.0 * u[:, None], (len(u), 20))
    words = np.array([f"w{place % 7}" for place in range(20)], dtype=object)
    return {
        "tokens": np.where(there, words, np.full(20, None, dtype=object)),
        "token_logprobs": np.where(there, logs, np.nan),
    }
