"""Engines that read texts: the log-probabilities of a text's own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class TextTokens:
    """The tokens of a text behind its first, which is the model's BOS (EOS where it has none)."""

    tokens: list[str]
    """The tokens as the vocabulary spells them."""
    logprobs: list[float]
    """Log-probability of each, given those before it, nats."""


@runtime_checkable
class TextReader(Protocol):
    """An engine with `Ability.OWN_TOKENS`."""

    def token_logprobs(self, texts: Sequence[str]) -> Sequence[TextTokens]:
        """Return the tokens of each text, without a prompt or template, in order.

        Texts are cut behind the model's context.
        """
