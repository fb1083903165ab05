"""Rows in their slots of a static KV cache, decoded by a compiled step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .attention import NAME
from .cache.segments import Segment
from .states import Decoder, Fork, State
from .static import LEAST_ROWS

if TYPE_CHECKING:
    from .forward import Forward


class StaticDecoder(Decoder):
    """Rows that start together and stay in their slots; no others are added."""

    logits: Tensor

    def __init__(
        self,
        forward: Forward,
        paths: Sequence[Sequence[Segment]],
        lengths: Sequence[int],
        room: int,
    ) -> None:
        """Load the prompts.

        Args:
            forward: The model, with its compiled step.
            paths: Each row's prompt as a path of segments.
            lengths: The number of tokens of each row's prompt.
            room: Maximum number of new tokens of a row.
        """
        assert forward.static is not None
        self._forward = forward
        self._static = forward.static
        self._rows = self._static.rows(len(paths), max(lengths) + room)
        self._rows.begin(paths, lengths)
        self._places = list(range(len(paths)))
        self._lengths = list(lengths)
        self._written = 0

    def takes(self, copies: Sequence[int]) -> bool:
        """Return False: all rows of a static cache start together."""
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
        self._places = [self._places[place] for place in kept]
        self._lengths = [self._lengths[place] for place in kept]
        rows = self._rows
        if 4 * len(kept) <= rows.rows > LEAST_ROWS:
            self._rows = self._static.rows(len(kept), rows.columns)
            self._rows.take(rows, self._places)
            self._places = list(range(len(kept)))
            rows = self._rows
        index = torch.tensor(self._places, device=tokens.device)
        rows.tokens[index, 0] = tokens
        self._forward.use_attention(NAME)  # continuations may have been prefilled in between
        self.logits = self._static.logits(rows)[index]
        rows.advance()
        self._written += 1

    def forked(self, rows: Sequence[int], forks: Sequence[Sequence[Fork]]) -> State:
        """Continue rows in other ways, as `Decoder.forked`."""
        paths: list[list[Segment]] = []
        chains: list[list[int]] = []
        for row, own in zip(rows, forks, strict=True):
            length = self._lengths[row]
            held = [min(len(fork.own), self._written) for fork in own]
            cuts = sorted({length, *(length + count for count in held)})
            pieces = self._rows.segments(self._places[row], cuts)
            for fork, count in zip(own, held, strict=True):
                paths.append(pieces[: cuts.index(length + count) + 1])
                chains.append([*fork.own[count:], *fork.more])
        return self._forward.extended(paths, chains)
