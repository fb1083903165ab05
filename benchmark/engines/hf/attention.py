"""Attention over a tree of prompts, and over rows that continue them.

Each query attends to the keys of its own node and of all its ancestors. The parts are computed
separately, each shared part once for all its queries, and merged by their log-sum-exps. The
result is the exact softmax over all keys, without copying shared keys and without padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface

from .cache.attention_kernels import How, causal_part, merge, part_of
from .cache.segments import Chunk, Segment

NAME = "apprehend_tree"
_UNSUPPORTED = ("s_aux", "sinks", "position_bias", "alibi", "head_mask")


class UnsupportedModelError(Exception):
    """The model's attention cannot be computed over a tree."""


class Attender(Protocol):
    """The attention of one forward pass, handed on to the model's layers."""

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
    """Compute attention through the ``tree`` of a forward pass, registered with transformers.

    Args:
        module: The model's attention layer.
        query: (B, heads, L, d).
        key: (B, key heads, L, d).
        value: (B, key heads, L, d).
        attention_mask: Ignored; the tree determines what each query sees.
        scaling: The scale of the scores; d ** -0.5 by default.
        tree: The attention of this forward pass.
        sliding_window: The layer's window in tokens, if it has one.
        softcap: The layer's cap on the scores, if it has one.
        others: Arguments that must be unset.

    Returns the outputs (B, L, heads, d), and None for the attention weights.
    Raises UnsupportedModelError if the model's attention has an unsupported term.
    """
    for name in _UNSUPPORTED:
        if others.get(name) is not None:
            raise UnsupportedModelError(f"its attention has {name}")
    if tree is None:
        raise UnsupportedModelError("it does not pass arguments on to its attention")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    how = How(scale, sliding_window, softcap)
    return tree.attend(_layer(module), query, key, value, how), None


def _layer(module: torch.nn.Module) -> int:
    """Return the index that transformers gave an attention layer."""
    number = module.layer_idx
    assert isinstance(number, int)
    return number


AttentionInterface.register(NAME, tree_attention)


@dataclass
class Edge:
    """Queries ``start`` to ``stop`` attend to a segment that precedes all of them."""

    start: int
    stop: int
    segment: Segment


def edges(paths: Sequence[Sequence[Segment]], lengths: Sequence[int]) -> list[Edge]:
    """Return one edge per segment and run of consecutive queries below it.

    Args:
        paths: The segments above each new node.
        lengths: The number of tokens of each new node.
    """
    result: list[Edge] = []
    last: dict[int, Edge] = {}
    start = 0
    for path, length in zip(paths, lengths, strict=True):
        for segment in path:
            edge = last.get(id(segment))
            if edge is None or edge.stop != start:
                edge = last[id(segment)] = Edge(start, start, segment)
                result.append(edge)
            edge.stop = start + length
        start += length
    return result


class TreePass:
    """Attention of new nodes, packed into one row, to themselves and to their ancestors."""

    def __init__(
        self,
        chunk: Chunk,
        paths: Sequence[Sequence[Segment]],
        lengths: Sequence[int],
        depths: Sequence[int],
    ) -> None:
        """Prepare the pass that fills ``chunk``.

        Args:
            chunk: Receives the keys and values of the new nodes.
            paths: The segments above each new node, some of them in ``chunk``.
            lengths: The number of tokens of each new node.
            depths: The position of each new node's first token.
        """
        self.chunk = chunk
        self._runs = [(size, len(list(run))) for size, run in groupby(lengths)]
        self.windows: dict[int, int | None] = {}
        self.positions = torch.cat(
            [torch.arange(d, d + n) for d, n in zip(depths, lengths, strict=True)]
        )
        self._edges = edges(paths, lengths)
        self._masks: dict[tuple[int, int], Tensor] = {}

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor:
        """Map the new nodes' queries (1, heads, tokens, d) to outputs (1, tokens, heads, d)."""
        self.chunk.keys[layer], self.chunk.values[layer] = key, value
        self.windows[layer] = how.window
        heads, tokens = query.shape[1:3]
        out = query.new_empty((1, heads, tokens, value.shape[-1]), dtype=torch.float32)
        sums = query.new_empty((1, heads, tokens), dtype=torch.float32)
        start = 0
        for length, count in self._runs:
            part = slice(start, start + count * length)
            q, k, v = (_unpacked(x[:, :, part], count) for x in (query, key, value))
            own, own_sums = causal_part(q, k, v, how)
            out[:, :, part], sums[:, :, part] = _packed(own), _packed(own_sums)
            start = part.stop
        for edge in self._edges:
            part = slice(edge.start, edge.stop)
            visible = self._visible(edge, how.window)
            if visible is None:
                continue
            first, mask = visible
            new = part_of(
                query[:, :, part],
                edge.segment.keys(layer)[:, :, first:],
                edge.segment.values(layer)[:, :, first:],
                how,
                mask,
            )
            merge(out[:, :, part], sums[:, :, part], *new)
        return out.transpose(1, 2).to(query.dtype)

    def _visible(self, edge: Edge, window: int | None) -> tuple[int, Tensor | None] | None:
        """Return the segment's first key inside any window, and a mask if the queries differ."""
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


def _unpacked(row: Tensor, count: int) -> Tensor:
    """Split packed nodes: (1, heads, tokens, d) → (count, heads, tokens / count, d)."""
    heads, size = row.shape[1], row.shape[-1]
    return row if count == 1 else row.reshape(heads, count, -1, size).transpose(0, 1)


def _packed(nodes: Tensor) -> Tensor:
    """Invert `_unpacked`, for (count, heads, tokens, …)."""
    return nodes if len(nodes) == 1 else nodes.transpose(0, 1).flatten(1, 2)[None]
