"""Passes of prompts padded on the left, for models that cannot share prefixes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import Cache

    from .forward import Forward
    from .states import Decoder


@dataclass
class PlainState:
    """Prompts padded on the left, so that all of them end at the last position."""

    forward: Forward
    rows: list[int]
    logits: Tensor
    lengths: list[int]
    hidden: Tensor
    cache: Cache | None
    mask: Tensor
    """(B, T) 1 for real tokens, 0 for padding."""

    def after(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """As State says; the cache is copied."""
        return PlainDecoder(self, rows, copy.deepcopy(self.cache)).add(tokens)

    def along(self, rows: Sequence[int], chains: Sequence[Sequence[int]]) -> Tensor:
        """As State says; a pass for each length, as many rows at a time as the state has."""
        starts = [0, *accumulate(map(len, chains))]
        found = self.logits.new_empty((starts[-1], self.logits.shape[-1]))
        for size in range(1, max(map(len, chains)) + 1):
            longer = [place for place, chain in enumerate(chains) if len(chain) >= size]
            for first in range(0, len(longer), len(self.rows)):
                part = longer[first : first + len(self.rows)]
                tokens = torch.tensor([list(chains[p][:size]) for p in part])
                logits = self.after([rows[p] for p in part], tokens.to(self.logits.device))
                found[[starts[p] + size - 1 for p in part]] = logits
        return found

    def decoder(self, copies: Sequence[int], room: int) -> Decoder:
        """As State says. Its cache grows, so that it needs no ``room``."""
        rows = [row for row, count in enumerate(copies) for _ in range(count)]
        return PlainDecoder(self, rows, self.cache)


class PlainDecoder:
    """Some rows of a PlainState, on a cache that this takes over."""

    def __init__(self, state: PlainState, rows: Sequence[int], cache: Cache | None) -> None:
        self._forward = state.forward
        self._cache = cache
        self._mask = state.mask
        self.logits = state.logits
        self._narrow(rows)

    def _narrow(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor(list(rows), device=self._forward.device)
        assert self._cache is not None  # every pass fills one
        self._cache.batch_select_indices(chosen)
        self._mask, self.logits = self._mask[chosen], self.logits[chosen]

    def add(self, tokens: Tensor) -> Tensor:
        """Append ``tokens`` (R, L); the logits after the last (R, V)."""
        before = self._mask.sum(dim=1, keepdim=True)
        count = tokens.shape[1]
        self._mask = torch.cat([self._mask, self._mask.new_ones((len(tokens), count))], dim=1)
        positions = before + torch.arange(count, device=before.device)
        self.logits, _, self._cache = self._forward.plain_call(
            tokens, self._mask, positions, self._cache
        )
        return self.logits

    def step(self, kept: Sequence[int], tokens: Tensor) -> None:
        """As Decoder says."""
        if len(kept) < len(self._mask):
            self._narrow(kept)
        self.add(tokens[:, None])


def batches(lengths: Sequence[int], budget: int, most: int) -> list[list[int]]:
    """Indices of prompts in batches: sorted by length, at most ``budget`` padded tokens each.

    Longest first, so that what cannot fit fails at once. Every batch has at least one prompt.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    result: list[list[int]] = []
    for index in order:
        current = result[-1] if result else None
        if (
            current is None
            or len(current) >= most
            or lengths[current[0]] * (len(current) + 1) > budget
        ):
            result.append([index])
        else:
            current.append(index)
    return result
