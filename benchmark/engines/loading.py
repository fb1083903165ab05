"""The engines by name, and how one of them is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..console.errors import UsageError, did_you_mean
from ..endpoints.budget import Budget
from .shared.engine import Engine

ENDPOINTS = (
    "local-completions",
    "openai-completions",
    "local-chat-completions",
    "openai-chat-completions",
)
ENGINES = ("hf", "vllm", *ENDPOINTS)


def check_engine(name: str) -> None:
    """Raise UsageError for an unknown engine."""
    if name not in ENGINES:
        raise UsageError(
            f"--model: unknown engine {name!r}{did_you_mean(name, ENGINES)}, known: "
            f"{', '.join(ENGINES)}"
        )


def load_engine(
    name: str,
    model_args: Mapping[str, object],
    batch_size: str,
    device: str | None,
    budget: Budget,
    fields: Mapping[str, object] = MappingProxyType({}),
) -> Engine:
    """Return an engine with its model loaded, or with its endpoint probed.

    Args:
        name: One of ``ENGINES``.
        model_args: The arguments of lm-eval's model of this name.
        batch_size: ``auto`` or a number of prompts; for ``hf`` only.
        device: The device to load the model on; for engines in this process only.
        budget: The limits on requests; for endpoints only.
        fields: More fields of each request; for endpoints only.

    Raises UsageError for an unknown engine or unsuitable arguments, ApprehendError if loading
    fails.
    """
    check_engine(name)
    if name == "hf":
        from .hf.hf_engine import HFEngine

        return HFEngine(dict(model_args), batch_size, device)
    if name == "vllm":
        from .vllm.vllm_engine import VLLMEngine

        return VLLMEngine(dict(model_args), device)
    from .endpoint.completions import CompletionsEngine

    return CompletionsEngine(name, model_args, budget, fields)
