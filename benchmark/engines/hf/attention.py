"""Attention over a tree of prompts, and over rows that continue them.

Each query attends to the keys of its own node and of every node above it. The parts are computed
separately, each shared part once for all its queries, and merged by their log-sum-exps: the exact
softmax over all keys, without copying a shared key and without padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface

from .attention_kernels import How, causal_part, merge, part_of
from .segments import Chunk, Segment

NAME = "apprehend_tree"
_NOT_UNDERSTOOD = ("s_aux", "sinks", "position_bias", "alibi", "head_mask")


class UnsupportedModelError(Exception):
    """The model's attention is not what this module computes."""


class Attender(Protocol):
    """What a forward pass brings along to its attention layers."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor: ...


def tree_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    tree: Attender | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: object,
) -> tuple[Tensor, None]:
    """An attention function of transformers. Queries (B, heads, L, d) → outputs (B, L, heads, d).

    Raises UnsupportedModelError where the model's attention has a term that is not known here.
    """
    for name in _NOT_UNDERSTOOD:
        if others.get(name) is not None:
            raise UnsupportedModelError(f"its attention has {name}")
    if tree is None:
        raise UnsupportedModelError("it does not pass arguments on to its attention")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    how = How(scale, sliding_window, softcap)
    return tree.attend(_layer(module), query, key, value, how), None


def _layer(module: torch.nn.Module) -> int:
    """The number that transformers gave an attention module."""
    number = module.layer_idx
    assert isinstance(number, int)
    return number


AttentionInterface.register(NAME, tree_attention)


@dataclass
class Edge:
    """Queries ``start`` to ``stop`` attend to a segment that lies before all of them."""

    start: int
    stop: int
    segment: Segment


def edges(paths: Sequence[Sequence[Segment]], lengths: Sequence[int]) -> list[Edge]:
    """One edge per segment and run of neighboring queries below it.

    ``paths`` are the segments above each new node, ``lengths`` the nodes' numbers of tokens.
    """
    found: list[Edge] = []
    last: dict[int, Edge] = {}
    start = 0
    for path, length in zip(paths, lengths, strict=True):
        for segment in path:
            edge = last.get(id(segment))
            if edge is None or edge.stop != start:
                edge = last[id(segment)] = Edge(start, start, segment)
                found.append(edge)
            edge.stop = start + length
        start += length
    return found


class TreePass:
    """Attention of new nodes, side by side in one row, to themselves and to what is above them."""

    def __init__(
        self,
        chunk: Chunk,
        paths: Sequence[Sequence[Segment]],
        lengths: Sequence[int],
        depths: Sequence[int],
    ) -> None:
        """``paths`` are the segments above each new node, some of them in ``chunk``, which this
        pass fills; ``depths`` are the positions of the nodes' first tokens."""
        self.chunk = chunk
        self._runs = [(size, len(list(run))) for size, run in groupby(lengths)]
        self.windows: dict[int, int | None] = {}
        self.positions = torch.cat(
            [torch.arange(d, d + n) for d, n in zip(depths, lengths, strict=True)]
        )
        self._edges = edges(paths, lengths)
        self._masks: dict[tuple[int, int], Tensor] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor:
        """(1, heads, tokens, d) queries of all new nodes → (1, tokens, heads, d)."""
        self.chunk.keys[layer], self.chunk.values[layer] = key, value
        self.windows[layer] = how.window
        heads, tokens = query.shape[1:3]
        out = query.new_empty((1, heads, tokens, value.shape[-1]), dtype=torch.float32)
        sums = query.new_empty((1, heads, tokens), dtype=torch.float32)
        start = 0
        for length, count in self._runs:
            part = slice(start, start + count * length)
            q, k, v = (_apart(x[:, :, part], count) for x in (query, key, value))
            own, own_sums = causal_part(q, k, v, how)
            out[:, :, part], sums[:, :, part] = _together(own), _together(own_sums)
            start = part.stop
        for edge in self._edges:
            part = slice(edge.start, edge.stop)
            seen = self._seen(edge, how.window)
            if seen is None:
                continue
            first, mask = seen
            new = part_of(
                query[:, :, part],
                edge.segment.keys(layer)[:, :, first:],
                edge.segment.values(layer)[:, :, first:],
                how,
                mask,
            )
            merge(out[:, :, part], sums[:, :, part], *new)
        return out.transpose(1, 2).to(query.dtype)

    def _seen(self, edge: Edge, window: int | None) -> tuple[int, Tensor | None] | None:
        """First key of the segment inside a query's window, and a mask where queries differ."""
        if window is None:
            return 0, None
        queries = self.positions[edge.start : edge.stop]
        nearest, farthest = int(queries.min()), int(queries.max())
        first = max(0, nearest - window + 1 - edge.segment.position)
        if first >= len(edge.segment):
            return None
        if farthest - window < edge.segment.position + first:
            return first, None
        key = (id(edge), window)
        if key not in self._masks:
            keys = torch.arange(
                edge.segment.position + first, edge.segment.position + len(edge.segment)
            )
            self._masks[key] = keys > queries[:, None] - window
        return first, self._masks[key]


def _apart(row: Tensor, count: int) -> Tensor:
    """(1, heads, tokens, d) of nodes side by side → (count, heads, tokens / count, d)."""
    heads, size = row.shape[1], row.shape[-1]
    return row if count == 1 else row.reshape(heads, count, -1, size).transpose(0, 1)


def _together(nodes: Tensor) -> Tensor:
    """The inverse, for (count, heads, tokens, …)."""
    return nodes if len(nodes) == 1 else nodes.transpose(0, 1).flatten(1, 2)[None]
