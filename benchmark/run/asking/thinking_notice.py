"""Say before a run what it means for its tasks that a model thinks before it answers."""

from __future__ import annotations

from collections.abc import Sequence

from ....estimators.signals.batch import Signal
from ...console.errors import UsageError
from ...console.options import say
from ...engines.shared.engine import Engine
from .generation_settings import GenerationSettings
from .loaded_task import LoadedTask


def check_budget(budget: int | None, tasks: Sequence[LoadedTask]) -> None:
    """Raise UsageError for a budget of thoughts that leaves no tokens for the answer."""
    for task in tasks:
        if task.signal is not Signal.TRACE or budget is None:
            continue
        most = GenerationSettings.of(task.task.get_config("generation_kwargs") or {}).most
        if budget >= most:
            raise UsageError(
                f"--thinking_budget {budget} leaves nothing of the {most} tokens of a text of "
                f"{task.family}: expected a smaller one, or --gen_kwargs max_gen_toks=NUMBER"
            )


def say_thinking(engine: Engine, chat: bool, tasks: Sequence[LoadedTask]) -> None:
    """Print a line for each task that a thinking model would answer in an unusual way."""
    why = engine.thinking if chat else None
    if why is None:
        return
    for task in tasks:
        if task.signal is Signal.ANSWER:
            say(
                f"  {task.family}: {engine.name} may think before it answers ({why}), but the "
                "options are scored where its thought would begin; turn thinking off "
                "(--model_args …,enable_thinking=False, where the template knows it), force the "
                "answer behind an empty thought (--thinking_budget 0), or ask for a chain of "
                "thought (mmlu_pro_cot)"
            )
            continue
        settings = GenerationSettings.of(task.task.get_config("generation_kwargs") or {})
        say(
            f"  {task.family}: {engine.name} may think before it answers ({why}): texts have "
            f"{settings.most} tokens, thoughts included (--gen_kwargs max_gen_toks=…; "
            "--thinking_budget closes longer thoughts)"
        )
        if not settings.temperature:
            say(
                "  traces are greedy; many thinking models are made for sampling (--gen_kwargs "
                "temperature=0.6,top_p=0.95; see the model's card)"
            )
