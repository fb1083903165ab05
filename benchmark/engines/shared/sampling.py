"""Draws tokens at random: the same for a seed, whatever the batch and the device.

Draws are made by the Gumbel trick (arXiv 1411.0030): the largest sum of log-probability and Gumbel
noise is a draw from the distribution. The last digits of the log-probabilities decide hardly ever,
unlike in a search through cumulated probabilities, where any of ten thousands of bounds may be
near. First a block of neighboring tokens is drawn by its mass, then a token in it: exact, for as
little noise as twice the square root of the vocabulary's size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

_TINY = 1e-300
"""In the place of 0, whose logarithm is none."""


class Draws:
    """Random numbers of one sample."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return float(self._generator.random())

    def gumbel(self, size: int) -> NDArray[np.float64]:
        """(size,) standard Gumbel noise."""
        drawn = self._generator.standard_exponential(size)
        noise: NDArray[np.float64] = -np.log(np.maximum(drawn, _TINY))
        return noise


def draw_tokens(
    logits: torch.Tensor, temperature: float, draws: Sequence[Sequence[Draws]]
) -> list[list[int]]:
    """One token per draw from softmax(logits / temperature); logits (R, V), draws of each row."""
    rows, vocabulary = map(int, logits.shape)
    size = 2 ** round(math.log2(vocabulary) / 2)
    count = -(-vocabulary // size)
    scaled = logits / temperature
    if count * size > vocabulary:
        scaled = torch.nn.functional.pad(scaled, (0, count * size - vocabulary), value=-math.inf)
    blocks = scaled.view(rows, count, size)
    masses = torch.logsumexp(blocks, dim=-1).double().cpu().numpy()
    flat = [(row, draw) for row, some in enumerate(draws) for draw in some]
    noise = np.stack([draw.gumbel(count) for _, draw in flat])
    places = np.array([row for row, _ in flat])
    chosen = (masses[places] + noise).argmax(axis=1)
    inner = blocks[torch.from_numpy(places), torch.from_numpy(chosen)].double().cpu().numpy()
    noise = np.stack([draw.gumbel(size) for _, draw in flat])
    tokens = iter((chosen * size + (inner + noise).argmax(axis=1)).tolist())
    return [[next(tokens) for _ in some] for some in draws]
