"""What collecting a signal asks of a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What collecting one signal asks of a model."""

    name: str
    prompts: int
    prompt_tokens: int
    """Of all prompts, estimated from some; what they share goes through the model once."""
    texts: int = 0
    """Texts to be generated."""
    most_tokens: int = 0
    """Of one text, at most."""

    @property
    def generated(self) -> int:
        """Tokens to be generated, at most."""
        return self.texts * self.most_tokens
