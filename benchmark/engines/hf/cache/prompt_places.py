"""Keys and values of prompts beyond what they share, held once for all rows of a prompt."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .attention_kernels import How, part_of
from .segments import Chunk, Segment

_LENGTH_STEP = 32


class PromptPlaces:
    """Buffers with one prompt per place, padded on the right; places are reused."""

    def __init__(self, places: int) -> None:
        self.lengths = torch.zeros(places, dtype=torch.long)
        """(P,) tokens of each place's prompt; 0 for a free place."""
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}
        self._seen: Tensor | None = None

    @property
    def longest(self) -> int:
        """Return the number of tokens of the longest prompt."""
        return int(self.lengths.max())

    def fill(self, place: int, path: Sequence[Segment]) -> None:
        """Copy a prompt, as a path of segments, into a place."""
        length = sum(map(len, path))
        self.lengths[place] = length
        self._seen = None
        for buffers, read in ((self._keys, Segment.keys), (self._values, Segment.values)):
            for layer in path[0].chunk.keys if path else ():
                buffer = self._fitting(buffers, layer, read(path[0], layer), length)
                at = 0
                for part in path:
                    buffer[place, :, at : at + len(part)] = read(part, layer)[0]
                    at += len(part)

    def _fitting(
        self, buffers: dict[int, Tensor], layer: int, sample: Tensor, length: int
    ) -> Tensor:
        """Return a layer's buffer, made or widened to hold ``length`` tokens per place."""
        known = buffers.get(layer)
        if known is not None and known.shape[2] >= length:
            return known
        width = -(-length // _LENGTH_STEP) * _LENGTH_STEP
        shape = (len(self.lengths), sample.shape[1], width, sample.shape[3])
        buffer = buffers[layer] = sample.new_zeros(shape)
        if known is not None:
            buffer[:, :, : known.shape[2]] = known
        return buffer

    def free(self, place: int) -> None:
        """Free a place."""
        self.lengths[place] = 0
        self._seen = None

    def keep(self, kept: Tensor) -> None:
        """Keep these places (by index, ascending)."""
        self.lengths = self.lengths[kept]
        self._seen = None
        longest = self.longest
        for buffers in (self._keys, self._values):
            for layer, buffer in buffers.items():
                buffers[layer] = buffer[kept.to(buffer.device), :, :longest].contiguous()

    def attend(self, layer: int, query: Tensor, how: How, written: Tensor) -> tuple[Tensor, Tensor]:
        """Attend to the prompts.

        Args:
            layer: The layer.
            query: (P, heads, rows per prompt, d).
            how: The layer's scale, window and cap.
            written: (P, rows per prompt) tokens that each row has generated.

        Returns as `part_of`.
        """
        longest = self.longest
        keys, values = self._keys[layer][:, :, :longest], self._values[layer][:, :, :longest]
        return part_of(query, keys, values, how, self._visible(how.window, written))

    def _visible(self, window: int | None, written: Tensor) -> Tensor:
        """Return the (P, 1 or rows, longest) keys that are no padding and inside the window."""
        if self._seen is None:
            self._seen = torch.arange(self.longest) < self.lengths[:, None]
        if window is None:
            return self._seen[:, None]
        nearest = (self.lengths[:, None] + written)[..., None] - window
        return self._seen[:, None] & (torch.arange(self.longest) > nearest)

    def segment(self, place: int, position: int) -> Segment:
        """Return a view of a place's prompt, whose first token is at ``position``."""
        length = int(self.lengths[place])
        chunk = Chunk(
            {layer: keys[place : place + 1, :, :length] for layer, keys in self._keys.items()},
            {layer: keys[place : place + 1, :, :length] for layer, keys in self._values.items()},
        )
        return Segment(chunk, 0, length, position)
