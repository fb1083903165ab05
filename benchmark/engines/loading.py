"""The engines by name, and loading one."""

from __future__ import annotations

from collections.abc import Mapping

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
    """Raise UsageError for an engine that there is not."""
    if name not in ENGINES:
        raise UsageError(
            f"--model: unknown engine {name!r}{did_you_mean(name, ENGINES)}, known: "
            f"{', '.join(ENGINES)}"
        )


def load_engine(
    name: str, model_args: Mapping[str, object], batch_size: str, device: str | None, budget: Budget
) -> Engine:
    """An engine with its model loaded, or its endpoint looked at."""
    check_engine(name)
    if name == "hf":
        from .hf.hf_engine import HFEngine

        return HFEngine(dict(model_args), batch_size, device)
    if name == "vllm":
        from .vllm.vllm_engine import VLLMEngine

        return VLLMEngine(dict(model_args), device)
    from .endpoint.completions import CompletionsEngine

    return CompletionsEngine(name, model_args, budget)
