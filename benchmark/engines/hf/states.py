"""What every kind of forward pass returns: prefilled prompts, and decoders that continue them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from .inside.layer_watch import LayerNumbers


@dataclass(frozen=True)
class Sizes:
    """Batch sizes."""

    tokens: int
    """Tokens of one forward pass."""
    together: int
    """Tokens whose keys and values are held at a time."""
    rows: int
    """Prompts that are held at a time."""


class State(Protocol):
    """Prefilled prompts: B of them, a vocabulary of V tokens, hidden states of size d."""

    rows: list[int]
    """Indices of these prompts among all."""
    logits: Tensor
    """(B, V) float32, after each prompt."""
    lengths: list[int]
    """Tokens of each prompt."""
    hidden: Tensor
    """(B, d) input of the language-model head."""
    layers: LayerNumbers
    """What was kept of the layers, if they were watched."""

    def after(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Return the logits (n, V) after appending ``tokens`` (n, L) to some rows, in float32.

        ``rows`` are indices into the state, which is unchanged.
        """

    def along(self, rows: Sequence[int], chains: Sequence[Sequence[int]]) -> Tensor:
        """Return the logits after every token of the chains, (sum of their lengths, V), in float32.

        Chain i is appended to row ``rows[i]`` of the state, which is unchanged. The chains of a
        row must be adjacent.
        """

    def decoder(self, copies: Sequence[int], room: int, places: int = 0) -> Decoder:
        """Return a decoder of ``copies`` adjacent rows per prompt, and consume the state.

        Args:
            copies: The number of rows of each prompt.
            room: The maximum number of new tokens of a row.
            places: The number of rows to make room for, if others are to be added later.
        """


@dataclass(frozen=True)
class Fork:
    """Another continuation of a row: its own tokens as far as they are kept, then ``more``."""

    own: Sequence[int]
    more: Sequence[int]


class Decoder(Protocol):
    """Rows that grow by one token at a time."""

    logits: Tensor
    """(R, V) float32, after each row."""

    def takes(self, copies: Sequence[int]) -> bool:
        """Return whether prompts with so many rows each can be added now."""

    def add(self, state: State, copies: Sequence[int]) -> None:
        """Add rows behind the others, as those of `State.decoder`, and consume the state."""

    def close(self) -> None:
        """Expect no more rows."""

    def step(self, kept: Sequence[int], tokens: Tensor) -> None:
        """Keep the rows ``kept`` (by index, ascending), and append ``tokens`` (len(kept),)."""

    def forked(self, rows: Sequence[int], forks: Sequence[Sequence[Fork]]) -> State:
        """Prefill other continuations of rows, on what is in the cache.

        Args:
            rows: The rows, by index.
            forks: The continuations of each.

        Returns a state with one prompt per fork. The rows are unchanged.
        """
