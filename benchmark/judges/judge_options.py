"""What is asked of one judge of a panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class JudgeOptions:
    """One judge of the panel."""

    kind: str
    """``hf``, ``vllm`` or any other lm-eval model."""
    args: Mapping[str, object] = field(default_factory=dict)
    given_name: str | None = None

    @property
    def name(self) -> str:
        """Its given name, or the last part of its model's."""
        model = self.args.get("pretrained") or self.args.get("model") or self.kind
        return (self.given_name or str(model)).rstrip("/").rsplit("/", 1)[-1]
