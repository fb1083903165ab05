"""Keys and values of the tokens that rows have generated themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .attention_kernels import How, part_of
from .segments import Chunk, Segment

_INITIAL_CAPACITY = 32


class OwnTokens:
    """One row of buffers per place; all places write their next token into the same column.

    Rows start at different times, so a row's tokens are those from its first column on.
    """

    def __init__(self, places: int) -> None:
        self.starts = torch.zeros(places, dtype=torch.long)
        """(R,) each row's first column."""
        self.column = 0
        """Where the next token is written."""
        self._capacity = _INITIAL_CAPACITY
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}
        self._masks: dict[int, Tensor | None] = {}

    @property
    def written(self) -> Tensor:
        """Return the (R,) number of tokens that each row has."""
        return self.column - self.starts

    def begin(self, places: Sequence[int]) -> None:
        """Start new rows in these places; what they held is forgotten."""
        self.starts[list(places)] = self.column
        self._masks.clear()

    def keep(self, kept: Tensor) -> None:
        """Keep these places (by index, ascending)."""
        for buffers in (self._keys, self._values):
            for layer, buffer in buffers.items():
                buffers[layer] = buffer[kept.to(buffer.device)]
        self.starts = self.starts[kept]
        self._masks.clear()

    def advance(self, live: Tensor) -> None:
        """Note that every row has one more token; columns before all ``live`` rows are freed."""
        self.column += 1
        self._masks.clear()
        if self.column < self._capacity:
            return
        first = int(self.starts[live].min()) if len(live) else self.column
        moved = first if 2 * first >= self._capacity else 0
        for buffers in (self._keys, self._values):
            for layer, buffer in buffers.items():
                if moved:
                    buffer[:, :, : self.column - moved] = buffer[:, :, moved : self.column].clone()
                else:
                    buffers[layer] = torch.cat([buffer, torch.empty_like(buffer)], dim=2)
        self.column -= moved
        self.starts = (self.starts - moved).clamp(min=0)
        self._capacity *= 1 if moved else 2

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How, live: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Write the new tokens, and attend to all of each row's own; returns as `part_of`."""
        keys = self._write(self._keys, layer, key)
        values = self._write(self._values, layer, value)
        stop = self.column + 1
        first = int(self.starts[live].min()) if len(live) else self.column
        if how.window is not None:
            first = max(first, stop - how.window)
        mask = self._mask(first, live)
        return part_of(query, keys[:, :, first:stop], values[:, :, first:stop], how, mask)

    def _mask(self, first: int, live: Tensor) -> Tensor | None:
        """Return the (R, 1, columns) keys that are a row's own; None if all of them are."""
        if first not in self._masks:
            if bool((self.starts[live] <= first).all()):
                self._masks[first] = None
            else:
                columns = torch.arange(first, self.column + 1)
                # A finished row sees its last column at least, so that no row is without a key.
                own = columns >= self.starts.clamp(max=self.column)[:, None]
                self._masks[first] = own[:, None]
        return self._masks[first]

    def _write(self, buffers: dict[int, Tensor], layer: int, new: Tensor) -> Tensor:
        buffer = buffers.get(layer)
        if buffer is None:
            rows, heads, _, size = new.shape
            # Zeros: what a later row's mask leaves out must be finite nevertheless.
            buffer = buffers[layer] = new.new_zeros((rows, heads, self._capacity, size))
        buffer[:, :, self.column] = new[:, :, 0]
        return buffer

    def segment(self, place: int, start: int, stop: int, position: int) -> Segment:
        """Return a view of a row's tokens ``start`` to ``stop``, the first at ``position``."""
        first = int(self.starts[place])
        columns = slice(first + start, first + stop)
        chunk = Chunk(
            {layer: keys[place : place + 1, :, columns] for layer, keys in self._keys.items()},
            {layer: keys[place : place + 1, :, columns] for layer, keys in self._values.items()},
        )
        return Segment(chunk, 0, stop - start, position)
