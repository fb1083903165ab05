"""What every kind of forward pass returns: prefilled prompts, and decoders that continue them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


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

    def after(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """Return the logits (n, V) after appending ``tokens`` (n, L) to some rows, in float32.

        ``rows`` are indices into the state, which is unchanged.
        """

    def along(self, rows: Sequence[int], chains: Sequence[Sequence[int]]) -> Tensor:
        """Return the logits after every token of the chains, (sum of their lengths, V), in float32.

        Chain i is appended to row ``rows[i]`` of the state, which is unchanged. The chains of a
        row must be adjacent.
        """

    def decoder(self, copies: Sequence[int], room: int) -> Decoder:
        """Return a decoder of ``copies`` adjacent rows per prompt, and consume the state.

        ``room`` is the maximum number of new tokens of a row.
        """


class Decoder(Protocol):
    """Rows that grow by one token at a time."""

    logits: Tensor
    """(R, V) float32, after each row."""

    def step(self, kept: Sequence[int], tokens: Tensor) -> None:
        """Keep the rows ``kept`` (by index, ascending), and append ``tokens`` (len(kept),)."""
