"""Forecast what a run will cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...estimators.signals.batch import Signal
from ...tasks.questionnaires import ABOUT_QUESTION, QUESTIONNAIRES
from ..console.options import say
from ..engines.shared.engine import Engine
from ..judges.judging import RATING_TOKENS, VERDICT_TOKENS
from .families import Family
from .plan import Plan
from .probes.probing import Load


def announce(plan: Plan, engine: Engine | None, loads: Mapping[str, Sequence[Load]]) -> None:
    """Print the forecast of the whole run: the loads of each task, and judgements."""
    if engine is not None:
        named = [
            replace(load, name=f"{task} {load.name}") if len(loads) > 1 else load
            for task, task_loads in loads.items()
            for load in task_loads
        ]
        for line in forecast(engine, named):
            say(line)
    for judge in plan.options.judges:
        for line in forecast_judgements(plan.families, plan.questionnaires, judge.name):
            say(line)


def forecast(engine: Engine, loads: Sequence[Load]) -> list[str]:
    """Return one line per load, and a total if there are several.

    Times follow from speeds that the engine measures within a second, for what prompts do not
    share with their neighbors, and for texts of the maximum length; engines that cannot be timed
    in advance get none.
    """
    prompts = sum(load.prompts for load in loads)
    if not prompts:
        return []
    total = Load(
        "in all",
        prompts,
        sum(load.prompt_tokens for load in loads),
        sum(load.new_tokens for load in loads),
        sum(load.texts for load in loads),
    )
    generated = sum(load.generated for load in loads)
    prefill_speed, decode_speed = engine.speeds() or (None, None)
    lines = [
        _line(load, load.generated, prefill_speed, decode_speed) for load in loads if load.prompts
    ]
    if len(lines) > 1:
        lines.append(_line(total, generated, prefill_speed, decode_speed))
    return lines


def _line(
    load: Load, generated: int, prefill_speed: float | None, decode_speed: float | None
) -> str:
    parts = [f"{load.prompts:,} prompts", f"about {load.prompt_tokens:,} prompt tokens"]
    if prefill_speed is not None:
        shared = load.prompt_tokens - load.new_tokens
        parts[-1] += (
            f" ({shared / load.prompt_tokens:.0%} shared, "
            f"{_seconds(load.new_tokens / prefill_speed)})"
        )
    if load.texts:
        parts.append(f"{load.texts:,} texts of at most {generated:,} tokens together")
        if decode_speed is not None:
            parts[-1] += f" (at most {_seconds(generated / decode_speed)})"
    return f"plan: {load.name}: {', '.join(parts)}"


def _seconds(value: float) -> str:
    if value < 100:
        return f"{value:.0f} s" if value >= 1 else "under 1 s"
    minutes = value / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def forecast_judgements(
    families: Sequence[Family], questionnaires: Sequence[str], judge: str
) -> list[str]:
    """Return one line per questionnaire with questions that the judge has not judged."""
    lines = []
    for name in questionnaires:
        counted: set[Any] = set()
        count = 0
        for family in families:
            missing = set(family.ids) - family.store.done(Signal.JUDGEMENT, name, judge)
            # A judgement of the question alone is shared by all tasks that contain it.
            count += len(missing - counted)
            counted |= missing if name in ABOUT_QUESTION else set()
        if not count:
            continue
        line = f"plan: judgement {name} by {judge}: {count:,} texts of at most "
        if QUESTIONNAIRES[name].about_answer:
            lines.append(f"{line}{VERDICT_TOKENS} tokens")
        else:
            lines.append(f"{line}{VERDICT_TOKENS} tokens, each rated in at most {RATING_TOKENS}")
    return lines
