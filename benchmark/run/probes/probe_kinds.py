"""Which probes exist, what each needs of a task, and what all of them need of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ....estimators.signals.batch import Signal
from ....tasks.self_report_prompts import P_TRUE, P_TRUE_PROMPT, SELF_REPORTS
from ..asking.adapter import DEFAULT_TOKENS, Record
from ..asking.task_loading import LoadedTask, Question
from .perturbing import INSTRUCTION, PARAPHRASES

Item = tuple[LoadedTask, Question]
INSTRUCTION_PROMPT = "instruction_system"
ProbeT = TypeVar("ProbeT", bound=Callable[..., list[Record]])
PROBES: dict[tuple[Signal, str], tuple[Signal, Callable[..., list[Record]]]] = {}
"""(signal, variant) → the outcome that its task must yield, and the method that collects it."""


def probe(signal: Signal, *variants: str, of: Signal = Signal.ANSWER) -> Callable[[ProbeT], ProbeT]:
    """Mark the method of `Passes` that collects a signal in these variants: it takes questions and
    a variant, asks the engine, and gives a record of the signal's columns for each question.

    ``of`` is the outcome (answer or trace) of the tasks that can give it.
    """

    def marked(method: ProbeT) -> ProbeT:
        PROBES.update({(signal, variant): (of, method) for variant in variants or ("",)})
        return method

    return marked


def probe_prompts(signal: Signal, variant: str) -> tuple[str, ...]:
    """Names of the templates that a probe renders beside those of its task."""
    if signal is Signal.SELF_REPORT:
        return (P_TRUE_PROMPT if variant == P_TRUE else SELF_REPORTS[variant].prompt,)
    if variant in PARAPHRASES:
        return (variant,)
    return (INSTRUCTION_PROMPT,) if variant == INSTRUCTION else ()


def generation_limits(task: LoadedTask) -> tuple[tuple[str, ...], int]:
    """Where a chain of thought ends: stop texts, and the largest number of tokens."""
    options = task.task.get_config("generation_kwargs") or {}
    return tuple(options.get("until") or ()), int(options.get("max_gen_toks", DEFAULT_TOKENS))


@dataclass(frozen=True)
class ProbeOptions:
    """What probes need to know of the run."""

    num_fewshot: int = 0
    apply_chat_template: bool = False
    system_instruction: str | None = None
    samples: int = 8
    temperature: float = 1.0
    seed: int = 0
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Prompt name → file that replaces it."""
