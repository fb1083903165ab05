"""Decoding on a KV cache that the samples of a prompt share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .attention_kernels import How, merge, part_of
from .segments import Segment, joined

_INITIAL_CAPACITY = 32


class Decoding:
    """The KV cache of rows that grow by one token at a time.

    A row attends to three parts: the trunk that all prompts share, held once; the rest of its
    prompt, held once per prompt and padded to the longest; and its own tokens. All rows start
    together, so that each has generated the same number of tokens.
    """

    def __init__(
        self, paths: Sequence[Sequence[Segment]], lengths: Sequence[int], rows: Sequence[int]
    ) -> None:
        """Take the prompts' keys and values.

        Args:
            paths: Each prompt as a path of segments.
            lengths: The number of tokens of each prompt.
            rows: The prompt that each row continues.
        """
        prompts = sorted(set(rows))
        paths = [paths[prompt] for prompt in prompts]
        common = _common(paths)
        self._trunk = joined(paths[0][:common]) if common else None
        self._start = 0 if self._trunk is None else len(self._trunk)
        self._rest = torch.tensor([lengths[prompt] - self._start for prompt in prompts])
        self._keys, self._values = _padded([path[common:] for path in paths], self._rest)
        self._own_keys: dict[int, Tensor] = {}
        self._own_values: dict[int, Tensor] = {}
        self._written = 0
        self._arrange([prompts.index(row) for row in rows])

    @property
    def positions(self) -> Tensor:
        """Return the (R,) position of each row's next token."""
        return self._start + self._rest[self._prompt] + self._written

    def keep(self, kept: Sequence[int]) -> None:
        """Keep only these rows (by index, ascending)."""
        chosen = torch.tensor(list(kept))
        for buffers in (self._own_keys, self._own_values):
            for layer, buffer in buffers.items():
                buffers[layer] = buffer[chosen.to(buffer.device)]
        prompts = self._prompt[chosen].tolist()
        used = sorted(set(prompts))
        if 2 * len(used) <= len(self._rest):
            self._rest = self._rest[used]
            longest = int(self._rest.max())
            for parts in (self._keys, self._values):
                for layer, part in parts.items():
                    parts[layer] = part[torch.tensor(used, device=part.device), :, :longest]
            prompts = [used.index(prompt) for prompt in prompts]
        self._arrange(prompts)

    def advance(self) -> None:
        """Note that each row has one more token."""
        self._written += 1
        self._masks.clear()

    def _arrange(self, prompts: list[int]) -> None:
        """Assign each row a cell in a grid of prompts × rows per prompt."""
        counts = [0] * len(self._rest)
        places = []
        for prompt in prompts:
            places.append((prompt, counts[prompt]))
            counts[prompt] += 1
        self._most = max(counts)
        self._prompt = torch.tensor(prompts)
        self._places = torch.tensor([prompt * self._most + rank for prompt, rank in places])
        self._grid = torch.zeros(len(counts) * self._most, dtype=torch.long)
        self._grid[self._places] = torch.arange(len(prompts))
        self._masks: dict[tuple[str, int | None], Tensor] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor:
        """Map the queries (R, heads, 1, d) of the rows' new tokens to outputs (R, 1, heads, d)."""
        stop = self._written + 1
        own = slice(0 if how.window is None else max(0, stop - how.window), stop)
        keys = self._write(self._own_keys, layer, key)[:, :, own]
        values = self._write(self._own_values, layer, value)[:, :, own]
        out, sums = part_of(query, keys, values, how)
        out = out.float()
        if int(self._rest.max()) > 0:
            merge(out, sums, *self._prompt_part(layer, query, how))
        if self._trunk is not None and not self._trunk_out_of_reach(how.window):
            merge(out, sums, *self._trunk_part(self._trunk, layer, query, how))
        return out.transpose(1, 2).to(query.dtype)

    def _write(self, buffers: dict[int, Tensor], layer: int, new: Tensor) -> Tensor:
        rows, heads, _, size = new.shape
        buffer = buffers.get(layer)
        if buffer is None:
            buffer = new.new_empty((rows, heads, _INITIAL_CAPACITY, size))
        elif buffer.shape[2] == self._written:
            buffer = torch.cat([buffer, torch.empty_like(buffer)], dim=2)
        buffer[:, :, self._written] = new[:, :, 0]
        buffers[layer] = buffer
        return buffer

    def _prompt_part(self, layer: int, query: Tensor, how: How) -> tuple[Tensor, Tensor]:
        device = query.device
        _, heads, _, size = query.shape
        grid = query[self._grid.to(device)].reshape(-1, self._most, heads, size).transpose(1, 2)
        keys, values = self._keys[layer], self._values[layer]
        out, sums = part_of(grid, keys, values, how, self._visible(how.window))
        places = self._places.to(device)
        out = out.transpose(1, 2).reshape(-1, heads, 1, out.shape[-1])[places]
        return out, sums.transpose(1, 2).reshape(-1, heads, 1)[places]

    def _visible(self, window: int | None) -> Tensor:
        """Return the (prompts, 1, longest rest) keys that are not padding and inside the window."""
        if ("prompt", window) not in self._masks:
            places = torch.arange(int(self._rest.max()))
            seen = places < self._rest[:, None]
            if window is not None:
                seen &= places > self._rest[:, None] + self._written - window
            self._masks["prompt", window] = seen[:, None]
        return self._masks["prompt", window]

    def _trunk_out_of_reach(self, window: int | None) -> bool:
        """Return whether the trunk lies outside every row's window."""
        if window is None:
            return False
        return int(self._rest.min()) + self._written - window >= -1

    def _trunk_part(
        self, trunk: Segment, layer: int, query: Tensor, how: How
    ) -> tuple[Tensor, Tensor]:
        visible = None
        if how.window is not None:
            if ("trunk", how.window) not in self._masks:
                inside = torch.arange(len(trunk)) > self.positions[:, None] - how.window
                self._masks["trunk", how.window] = inside
            visible = self._masks["trunk", how.window]
        side_by_side = query.transpose(0, 2)
        out, sums = part_of(side_by_side, trunk.keys(layer), trunk.values(layer), how, visible)
        return out.transpose(0, 2), sums.transpose(0, 2)


def _common(paths: Sequence[Sequence[Segment]]) -> int:
    """Return the number of leading segments that all paths share."""
    common = 0
    for parts in zip(*paths, strict=False):
        if any(part is not parts[0] for part in parts):
            break
        common += 1
    return common


def _padded(
    paths: Sequence[Sequence[Segment]], lengths: Tensor
) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
    """Return the padded keys and values of paths, per layer (paths, key heads, longest, d)."""
    longest = int(lengths.max())
    padded: tuple[dict[int, Tensor], dict[int, Tensor]] = ({}, {})
    if longest == 0:
        return padded
    first = next(path[0] for path in paths if path)
    for layer in first.chunk.keys:
        for kind, read in zip(padded, (Segment.keys, Segment.values), strict=True):
            sample = read(first, layer)
            kind[layer] = sample.new_zeros((len(paths), sample.shape[1], longest, sample.shape[3]))
            for row, path in zip(kind[layer], paths, strict=True):
                at = 0
                for part in path:
                    row[:, at : at + len(part)] = read(part, layer)[0]
                    at += len(part)
    return padded
