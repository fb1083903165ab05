"""Keys and values of tokens that have been computed, cut where prompts diverge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Chunk:
    """Keys and values of one forward pass: per layer (1, key heads, tokens, d)."""

    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Return the number of tokens."""
        return next((keys.shape[2] for keys in self.keys.values()), 0)


@dataclass(eq=False)
class Segment:
    """Tokens ``start`` to ``stop`` of a chunk; the first is at ``position`` of its prompts."""

    chunk: Chunk
    start: int
    stop: int
    position: int

    def __len__(self) -> int:
        return self.stop - self.start

    def keys(self, layer: int) -> Tensor:
        """Return the keys of a layer (1, key heads, tokens, d)."""
        return self.chunk.keys[layer][:, :, self.start : self.stop]

    def values(self, layer: int) -> Tensor:
        """Return the values of a layer (1, key heads, tokens, d)."""
        return self.chunk.values[layer][:, :, self.start : self.stop]


def joined(path: Sequence[Segment]) -> Segment:
    """Copy a path of segments into one segment with a chunk of its own."""
    chunk = Chunk()
    for layer in path[0].chunk.keys:
        chunk.keys[layer] = torch.cat([part.keys(layer) for part in path], dim=2)
        chunk.values[layer] = torch.cat([part.values(layer) for part in path], dim=2)
    return Segment(chunk, 0, sum(map(len, path)), path[0].position)
