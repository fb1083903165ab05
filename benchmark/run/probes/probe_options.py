"""The options of a run that probes need, and the generation limits of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ....tasks.reading.extraction import DEFAULT
from ..asking.generation_settings import GenerationSettings
from ..asking.loaded_task import LoadedTask, Question

Item = tuple[LoadedTask, Question]


@dataclass(frozen=True)
class ProbeOptions:
    """The options of a run that probes need."""

    apply_chat_template: bool = False
    system_instruction: str | None = None
    samples: int = 8
    temperature: float = 1.0
    seed: int = 0
    extraction: str = DEFAULT
    """Name of the rules that read answers out of texts."""
    hidden_layers: tuple[str, ...] = ()
    """Layers whose states are stored beside the hidden state."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Prompt name → file that replaces it."""


def generation_limits(task: LoadedTask) -> tuple[tuple[str, ...], int]:
    """Return a task's stop sequences and its maximum number of new tokens."""
    settings = GenerationSettings.of(task.task.get_config("generation_kwargs") or {})
    return settings.until, settings.most
