"""Prompts prefilled as paths in a tree, and rows that continue them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .attention import NAME, TreePass
from .cache.decoding import Decoding
from .cache.segments import Chunk, Segment
from .inside.layer_watch import LayerNumbers
from .states import Decoder, Fork, State
from .static_decoding import StaticDecoder

if TYPE_CHECKING:
    from .forward import Forward

_LARGEST_SHARE = 0.75
"""Once no more prompts come, a batch is made smaller when at most this share of it is left."""


class TreeState:
    """Prompts as paths in a tree; shared prefixes are held once."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self.rows: list[int] = []
        self.paths: list[list[Segment]] = []
        self.trunks: list[tuple[int, object]] = []
        """Per prompt, how many leading segments many prompts share, and what identifies them."""
        self.lengths: list[int] = []
        self.logits = self.hidden = torch.empty(0)
        self.layers = LayerNumbers()

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

    def decoder(self, copies: Sequence[int], room: int, places: int = 0) -> Decoder:
        """Start decoding, as `State.decoder`."""
        rows = [place for place, count in enumerate(copies) for _ in range(count)]
        if self._forward.static is not None:
            self._forward.use_attention(NAME)
            lengths = [self.lengths[row] for row in rows]
            paths = [self.paths[row] for row in rows]
            static = StaticDecoder(self._forward, paths, lengths, room)
            static.logits = self.logits[rows]
            self.paths = []
            return static
        decoder = TreeDecoder(self._forward, max(places, len(rows)), max(copies))
        decoder.add(self, copies)
        return decoder


class TreeDecoder:
    """Rows that share the KV cache of their prompts; others take the places of finished ones."""

    def __init__(self, forward: Forward, places: int, copies: int) -> None:
        """Make ``places`` for rows, of prompts with at most ``copies`` rows each."""
        self._forward = forward
        prompts = places if copies == 1 else min(places, 2 * -(-places // copies))
        self._decoding = Decoding(places, prompts)
        self._places: list[int] = []
        self._closed = False
        self.logits = torch.empty(0)

    def takes(self, copies: Sequence[int]) -> bool:
        """Return whether there is room for prompts, as `Decoder.takes`."""
        enough = len(self._decoding.vacant_prompts) >= len(copies)
        return not self._closed and enough and len(self._decoding.vacant) >= sum(copies)

    def add(self, state: State, copies: Sequence[int]) -> None:
        """Add rows, as `Decoder.add`."""
        assert isinstance(state, TreeState)  # one forward pass makes states of one kind
        vacant = iter(self._decoding.vacant)
        rows: list[int] = []
        for prompt, count in enumerate(copies):
            places = [next(vacant) for _ in range(count)]
            if places:
                shared, key = state.trunks[prompt]
                self._decoding.add(state.paths[prompt], shared, key, places)
            self._places += places
            rows += [prompt] * count
        logits = state.logits[rows]
        self.logits = torch.cat([self.logits, logits]) if len(self.logits) else logits
        state.paths = []

    def close(self) -> None:
        """Expect no more rows."""
        self._closed = True

    def step(self, kept: Sequence[int], tokens: Tensor) -> None:
        """Append one token to each of the rows ``kept``, as `Decoder.step`."""
        decoding = self._decoding
        left = set(range(len(self._places))) - set(kept)
        decoding.leave([self._places[row] for row in sorted(left)])
        self._places = [self._places[row] for row in kept]
        if not kept:
            self.logits = self.logits[:0]
            return
        if self._closed and len(kept) <= _LARGEST_SHARE * decoding.places:
            order = decoding.live.tolist()
            decoding.shrink()
            self._places = [order.index(place) for place in self._places]
        places = torch.tensor(self._places, device=tokens.device)
        ids = tokens.new_zeros(decoding.places)
        ids[places] = tokens
        self.logits = self._forward.decode_call(decoding, ids)[places]

    def forked(self, rows: Sequence[int], forks: Sequence[Sequence[Fork]]) -> State:
        """Continue rows in other ways, as `Decoder.forked`."""
        paths: list[list[Segment]] = []
        chains: list[list[int]] = []
        for row, own in zip(rows, forks, strict=True):
            place = self._places[row]
            held = [min(len(fork.own), self._decoding.written(place)) for fork in own]
            cuts = sorted({count for count in held if count})
            prompt, pieces = self._decoding.path(place, cuts)
            for fork, count in zip(own, held, strict=True):
                paths.append([*prompt, *pieces[: bisect_right(cuts, count)]])
                chains.append([*fork.own[count:], *fork.more])
        return self._forward.extended(paths, chains)
