"""Sample tokens: the same for a seed, whatever the batch and the device.

Samples are drawn by the Gumbel-max trick (arXiv 1411.0030): the argmax of log-probability plus
Gumbel noise is a draw from the distribution. Rounding errors of the log-probabilities hardly
ever change a draw, unlike in a search through cumulative probabilities, where any of tens of
thousands of bounds may be close. First a block of adjacent tokens is drawn by its mass, then a
token in it: exact, with only about twice the square root of the vocabulary's size in noise
values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .engine import Sampling

_TINY = 1e-300
"""Replaces 0, whose logarithm is infinite."""


class Draws:
    """Random numbers of one sample."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))

    def uniform(self) -> float:
        """Draw a number in [0, 1)."""
        return float(self._generator.random())

    def gumbel(self, size: int) -> NDArray[np.float64]:
        """Draw (size,) standard Gumbel noise."""
        drawn = self._generator.standard_exponential(size)
        noise: NDArray[np.float64] = -np.log(np.maximum(drawn, _TINY))
        return noise


def draw_tokens(
    logits: torch.Tensor, temperature: float, draws: Sequence[Sequence[Draws]]
) -> list[list[int]]:
    """Draw tokens from softmax(logits / temperature).

    Args:
        logits: (R, V).
        temperature: Above 0.
        draws: The random numbers of each row's samples.

    Returns the token ids of each row's samples.
    """
    rows, vocabulary = map(int, logits.shape)
    size = 2 ** round(math.log2(vocabulary) / 2)
    count = -(-vocabulary // size)
    scaled = logits / temperature
    if count * size > vocabulary:
        scaled = torch.nn.functional.pad(scaled, (0, count * size - vocabulary), value=-math.inf)
    blocks = scaled.view(rows, count, size)
    masses = torch.logsumexp(blocks, dim=-1).double().cpu().numpy()
    flat = [(row, draw) for row, row_draws in enumerate(draws) for draw in row_draws]
    noise = np.stack([draw.gumbel(count) for _, draw in flat])
    places = np.array([row for row, _ in flat])
    chosen = (masses[places] + noise).argmax(axis=1)
    inner = blocks[torch.from_numpy(places), torch.from_numpy(chosen)].double().cpu().numpy()
    noise = np.stack([draw.gumbel(size) for _, draw in flat])
    tokens = iter((chosen * size + (inner + noise).argmax(axis=1)).tolist())
    return [[next(tokens) for _ in row_draws] for row_draws in draws]


def nucleus(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Rule out the tokens that ``top_k`` and ``top_p`` leave out, as transformers does.

    Args:
        logits: (R, V).
        sampling: The settings; its temperature is applied before ``top_p``.

    Returns:
        (R, V) logits, -inf for what is never drawn; the most probable token always stays.
    """
    if sampling.top_k > 0:
        least = logits.topk(min(sampling.top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -math.inf)
    if sampling.top_p < 1.0:
        ordered, places = torch.sort(logits / sampling.temperature, dim=-1, descending=True)
        chances = torch.softmax(ordered, dim=-1)
        beyond = chances.cumsum(dim=-1) - chances >= sampling.top_p
        beyond[:, 0] = False
        logits = logits.masked_fill(beyond.scatter(1, places, beyond), -math.inf)
    return logits
