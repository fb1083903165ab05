"""Prompts prefilled as paths in a tree, and rows that continue them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .attention import NAME, TreePass
from .decoding import Decoding
from .segments import Chunk, Segment
from .states import Decoder
from .static import StaticDecoder

if TYPE_CHECKING:
    from .forward import Forward


class TreeState:
    """Prompts as paths in a tree; shared prefixes are held once."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self.rows: list[int] = []
        self.paths: list[list[Segment]] = []
        self.lengths: list[int] = []
        self.logits = self.hidden = torch.empty(0)

    def after(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Append tokens, as `State.after`; their keys and values are discarded."""
        order = sorted(range(len(rows)), key=lambda place: rows[place])
        size = tokens.shape[1]
        ends = [size * (place + 1) - 1 for place in range(len(order))]
        logits = self._add([rows[place] for place in order], tokens[order].tolist(), ends)
        result = torch.empty_like(logits)
        result[order] = logits
        return result

    def along(self, rows: Sequence[int], chains: Sequence[Sequence[int]]) -> Tensor:
        """Append chains, as `State.along`."""
        return self._add(rows, chains, range(sum(map(len, chains))))

    def _add(
        self, rows: Sequence[int], chains: Sequence[Sequence[int]], ends: Sequence[int]
    ) -> Tensor:
        paths = [self.paths[row] for row in rows]
        depths = [self.lengths[row] for row in rows]
        tree = TreePass(Chunk(), paths, list(map(len, chains)), depths)
        return self._forward.tree_call(tree, [token for c in chains for token in c], ends)[0]

    def decoder(self, copies: Sequence[int], room: int) -> Decoder:
        """Start decoding, as `State.decoder`."""
        rows = [place for place, count in enumerate(copies) for _ in range(count)]
        decoder: StaticDecoder | TreeDecoder
        if self._forward.static is not None:
            self._forward.use_attention(NAME)
            lengths = [self.lengths[row] for row in rows]
            paths = [self.paths[row] for row in rows]
            decoder = StaticDecoder(self._forward.static, paths, lengths, room)
        else:
            decoder = TreeDecoder(self._forward, Decoding(self.paths, self.lengths, rows))
        decoder.logits = self.logits[rows]
        self.paths = []
        return decoder


class TreeDecoder:
    """Rows that share the KV cache of their prompts."""

    logits: Tensor

    def __init__(self, forward: Forward, decoding: Decoding) -> None:
        self._forward = forward
        self._decoding = decoding

    def step(self, kept: Sequence[int], tokens: Tensor) -> None:
        """Append one token to each of the rows ``kept``, as `Decoder.step`."""
        if len(kept) < len(self.logits):
            self._decoding.keep(kept)
        self.logits = self._forward.decode_call(self._decoding, tokens)
