"""Attention over a tree of prompts, and over rows that continue them.

Each query attends to the keys of its own node and of every node above it. The parts are computed
separately, each shared part once for all its queries, and merged by their log-sum-exps: the exact
softmax over all keys, without copying a shared key and without padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface

NAME = "apprehend_tree"
_QUERIES_PER_BLOCK = 256
_NOT_UNDERSTOOD = ("s_aux", "sinks", "position_bias", "alibi", "head_mask")


class UnsupportedModelError(Exception):
    """The model's attention is not what this module computes."""


@dataclass
class Chunk:
    """Keys and values of one forward pass: per layer (1, key heads, tokens, head size)."""

    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Number of tokens."""
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
        """(1, key heads, tokens, head size)"""
        return self.chunk.keys[layer][:, :, self.start : self.stop]

    def values(self, layer: int) -> Tensor:
        """(1, key heads, tokens, head size)"""
        return self.chunk.values[layer][:, :, self.start : self.stop]


def joined(path: Sequence[Segment]) -> Segment:
    """A path of segments as one, on a chunk of its own."""
    chunk = Chunk()
    for layer in path[0].chunk.keys:
        chunk.keys[layer] = torch.cat([part.keys(layer) for part in path], dim=2)
        chunk.values[layer] = torch.cat([part.values(layer) for part in path], dim=2)
    return Segment(chunk, 0, sum(map(len, path)), path[0].position)


class Attender(Protocol):
    """What a forward pass brings along to its attention layers."""

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor: ...


@dataclass(frozen=True)
class How:
    """A layer's scale, its sliding window and its cap on the scores, where it has them."""

    scale: float
    window: int | None = None
    softcap: float | None = None


def tree_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    tree: Attender | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
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
    return tree.attend(int(module.layer_idx), query, key, value, how), None


AttentionInterface.register(NAME, tree_attention)


@dataclass
class Edge:
    """Queries ``start`` to ``stop`` attend to a segment that lies before all of them."""

    start: int
    stop: int
    segment: Segment


def edges(paths: Sequence[Sequence[Segment]], lengths: Sequence[int]) -> list[Edge]:
    """One edge per segment and run of neighbouring queries below it.

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


def merge(out: Tensor, sums: Tensor, more: Tensor, more_sums: Tensor) -> None:
    """Add a part to the attention so far, in place. Parts are normalised, sums log-sum-exps."""
    total = torch.logaddexp(sums, more_sums)
    out.mul_((sums - total).exp_().unsqueeze(-1))
    out.addcmul_(more.float(), (more_sums - total).exp_().unsqueeze(-1))
    sums.copy_(total)


def _apart(row: Tensor, count: int) -> Tensor:
    """(1, heads, tokens, d) of nodes side by side → (count, heads, tokens / count, d)."""
    heads, size = row.shape[1], row.shape[-1]
    return row if count == 1 else row.reshape(heads, count, -1, size).transpose(0, 1)


def _together(nodes: Tensor) -> Tensor:
    """The inverse, for (count, heads, tokens, …)."""
    return nodes if len(nodes) == 1 else nodes.transpose(0, 1).flatten(1, 2)[None]


def causal_part(query: Tensor, key: Tensor, value: Tensor, how: How) -> tuple[Tensor, Tensor]:
    """Attention of tokens to themselves and to those before them: as ``part_of``."""
    length = query.shape[2]
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    if how.window is not None and length > how.window:
        places = torch.arange(length)
        near = places > places[:, None] - how.window
        return _attention(query, key, value, how, near & (places <= places[:, None]), False)
    return _attention(query, key, value, how, None, length > 1)


def part_of(
    query: Tensor, key: Tensor, value: Tensor, how: How, visible: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention (B, heads, L, d) to keys (B, key heads, T, d), and its log-sum-exps (B, heads, L).

    ``visible`` (B or nothing, L or 1, T) says which keys a query sees; a query that sees none
    gets a log-sum-exp so low that ``merge`` gives the part no weight.
    """
    batch, heads, length = query.shape[:3]
    shape = (batch, key.shape[1], -1, query.shape[-1])
    groups = heads // key.shape[1]
    if groups > 1 and visible is not None and visible.shape[-2] > 1:
        visible = visible.repeat(*([1] * (visible.dim() - 2)), groups, 1)
    # The heads that share a key head become more queries of it: no key is repeated.
    out, sums = _attention(query.reshape(shape), key, value, how, visible, False)
    return out.reshape(batch, heads, length, -1), sums.reshape(batch, heads, length)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, how: How, visible: Tensor | None, causal: bool
) -> tuple[Tensor, Tensor]:
    mask = None if visible is None else _additive(visible.to(query.device), query.dtype)
    kernel = _kernel(query, value, how, mask)
    if kernel is not None:
        return kernel(query, key, value, how.scale, causal, mask)
    blocks = [
        _by_matmul(query, key, value, how, mask, causal, start)
        for start in range(0, query.shape[2], _QUERIES_PER_BLOCK)
    ]
    return torch.cat([out for out, _ in blocks], dim=2), torch.cat([s for _, s in blocks], dim=2)


def _additive(visible: Tensor, dtype: torch.dtype) -> Tensor:
    """(B or 1, 1, L or 1, T): 0 for visible keys, else far below any score but finite, so that a
    row without visible keys has a log-sum-exp."""
    mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
    mask.masked_fill_(~visible, torch.finfo(dtype).min / 2)
    return mask[None, None] if mask.dim() == 2 else mask[:, None]


Kernel = Callable[..., tuple[Tensor, Tensor]]


def _kernel(query: Tensor, value: Tensor, how: How, mask: Tensor | None) -> Kernel | None:
    """The fused kernel for this case that also gives log-sum-exps, if there is one."""
    if how.softcap is not None or query.shape[-1] != value.shape[-1]:
        return None
    if query.device.type == "cpu":
        return _cpu_kernel
    half = query.dtype in (torch.float16, torch.bfloat16)
    if query.device.type == "cuda" and half and mask is None and query.shape[-1] <= 256:
        return _cuda_kernel
    return None


def _cpu_kernel(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    if mask is not None:
        mask = mask.expand(query.shape[0], 1, query.shape[2], key.shape[2])
    result: tuple[Tensor, Tensor] = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
        query, key, value, 0.0, causal, attn_mask=mask, scale=scale
    )
    return result


def _cuda_kernel(
    query: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool, _: Tensor | None
) -> tuple[Tensor, Tensor]:
    result = torch.ops.aten._scaled_dot_product_flash_attention(
        query, key, value, 0.0, causal, False, scale=scale
    )
    return result[0], result[1]


def _by_matmul(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    how: How,
    mask: Tensor | None,
    causal: bool,
    start: int,
) -> tuple[Tensor, Tensor]:
    """The same for a block of queries, by matrix multiplications with scores in float32."""
    block = query[:, :, start : start + _QUERIES_PER_BLOCK]
    scores = (block @ key.transpose(-1, -2)).float() * how.scale
    if how.softcap is not None:
        scores = torch.tanh(scores / how.softcap) * how.softcap
    if mask is not None:
        scores = scores + (
            mask if mask.shape[2] == 1 else mask[:, :, start : start + block.shape[2]]
        )
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(
            start + 1
        )
        scores = scores.masked_fill(later, -math.inf)
    sums = torch.logsumexp(scores, dim=-1)
    return (scores - sums.unsqueeze(-1)).exp().to(value.dtype) @ value, sums
