"""What every kind of forward pass gives: prompts after it, and decoders that continue them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Sizes:
    """How much to do at a time."""

    tokens: int
    """Tokens of one forward pass."""
    together: int
    """Tokens whose keys and values are held at a time."""
    rows: int
    """Prompts that are held at a time."""


class State(Protocol):
    """Prompts after their forward pass."""

    rows: list[int]
    """Which of the prompts these are."""
    logits: Tensor
    """(B, V) float32, after each prompt."""
    lengths: list[int]
    """Tokens of each prompt."""
    hidden: Tensor
    """(B, d) what the language-model head read."""

    def after(self, rows: Sequence[int], tokens: Tensor) -> Tensor:
        """(n, V) float32 logits after some rows (by place) with ``tokens`` (n, L) added.

        The state stays as it is.
        """

    def along(self, rows: Sequence[int], chains: Sequence[Sequence[int]]) -> Tensor:
        """(sum of the chains' lengths, V) float32 logits after every token of chain i, added to
        row ``rows[i]`` (by place). Chains of a row stand together; the state stays as it is."""

    def decoder(self, copies: Sequence[int], room: int) -> Decoder:
        """Each prompt ``copies`` times in a row, to be continued by at most ``room`` tokens. Uses
        the state up."""


class Decoder(Protocol):
    """Rows that grow by one token at a time."""

    logits: Tensor
    """(R, V) float32, after each row."""

    def step(self, kept: Sequence[int], tokens: Tensor) -> None:
        """Go on with the rows ``kept`` (by place, ascending), adding ``tokens`` (len(kept),)."""
