"""Batches padded on the left, for models that do not support shared prefixes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .inside.layer_watch import LayerNumbers

if TYPE_CHECKING:
    from transformers import Cache

    from .forward import Forward
    from .states import Decoder, Fork, State


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
    prompts: Sequence[list[int]]
    """Token ids of each prompt."""
    layers: LayerNumbers = field(default_factory=LayerNumbers)

    def after(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Append tokens, as `State.after`; the KV cache is copied."""
        return PlainDecoder(self, rows, copy.deepcopy(self.cache)).append(tokens)

    def along(self, rows: Sequence[int], chains: Sequence[Sequence[int]]) -> Tensor:
        """Append chains, as `State.along`: one pass per length, in batches of the state's size."""
        starts = [0, *accumulate(map(len, chains))]
        result = self.logits.new_empty((starts[-1], self.logits.shape[-1]))
        for size in range(1, max(map(len, chains)) + 1):
            longer = [place for place, chain in enumerate(chains) if len(chain) >= size]
            for first in range(0, len(longer), len(self.rows)):
                part = longer[first : first + len(self.rows)]
                tokens = torch.tensor([list(chains[p][:size]) for p in part])
                logits = self.after([rows[p] for p in part], tokens.to(self.logits.device))
                result[[starts[p] + size - 1 for p in part]] = logits
        return result

    def decoder(self, copies: Sequence[int], room: int, places: int = 0) -> Decoder:
        """Start decoding, as `State.decoder`; the cache grows, so that ``room`` is not needed."""
        rows = [row for row, count in enumerate(copies) for _ in range(count)]
        return PlainDecoder(self, rows, self.cache)


class PlainDecoder:
    """Rows of a PlainState, on a KV cache that this object owns."""

    def __init__(self, state: PlainState, rows: Sequence[int], cache: Cache | None) -> None:
        self._forward = state.forward
        self._cache = cache
        self._mask = state.mask
        self._prompts = state.prompts
        self.logits = state.logits
        self._narrow(rows)

    def _narrow(self, rows: Sequence[int]) -> None:
        chosen = torch.tensor(list(rows), device=self._forward.device)
        assert self._cache is not None  # every pass fills one
        self._cache.batch_select_indices(chosen)
        self._mask, self.logits = self._mask[chosen], self.logits[chosen]
        self._prompts = [self._prompts[row] for row in rows]

    def append(self, tokens: Tensor) -> Tensor:
        """Append ``tokens`` (R, L); returns the logits after the last one (R, V)."""
        before = self._mask.sum(dim=1, keepdim=True)
        count = tokens.shape[1]
        self._mask = torch.cat([self._mask, self._mask.new_ones((len(tokens), count))], dim=1)
        positions = before + torch.arange(count, device=before.device)
        self.logits, _, self._cache = self._forward.plain_call(
            tokens, self._mask, positions, self._cache
        )
        return self.logits

    def takes(self, copies: Sequence[int]) -> bool:
        """Return False: padding would grow with every row."""
        return False

    def add(self, state: State, copies: Sequence[int]) -> None:
        """Raise NotImplementedError, see `takes`."""
        raise NotImplementedError

    def close(self) -> None:
        """Do nothing: no rows are added."""

    def step(self, kept: Sequence[int], tokens: Tensor) -> None:
        """Append one token to each of the rows ``kept``, as `Decoder.step`."""
        if not kept:
            return
        if len(kept) < len(self._mask):
            self._narrow(kept)
        self.append(tokens[:, None])

    def forked(self, rows: Sequence[int], forks: Sequence[Sequence[Fork]]) -> State:
        """Prefill other continuations of rows, as `Decoder.forked`, from the first token on."""
        whole = [
            [*self._prompts[row], *fork.own, *fork.more]
            for row, own in zip(rows, forks, strict=True)
            for fork in own
        ]
        return self._forward.run_plain(list(range(len(whole))), whole)


def batches(lengths: Sequence[int], budget: int, most: int) -> list[list[int]]:
    """Group prompts into batches, sorted by length, of at most ``budget`` padded tokens each.

    The longest come first, so that a batch that does not fit fails at once. Every batch has at
    least one prompt. Returns the indices of each batch's prompts.
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
