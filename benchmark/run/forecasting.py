"""What a run will cost, said before it begins."""

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
    """Say what all of the run will cost: ``loads`` of each task, and judgements."""
    if engine is not None:
        named = [
            replace(load, name=f"{task} {load.name}") if len(loads) > 1 else load
            for task, some in loads.items()
            for load in some
        ]
        for line in forecast(engine, named):
            say(line)
    for judge in plan.options.judges:
        for line in forecast_judgements(plan.families, plan.questionnaires, judge.name):
            say(line)


def forecast(engine: Engine, loads: Sequence[Load]) -> list[str]:
    """One line for each load, and one for all where there are several.

    Times are those at the speed that the engine shows on prompts of this length (without shared
    prefixes) and in writing a few tokens; an engine that cannot be timed beforehand has none.
    """
    prompts = sum(load.prompts for load in loads)
    if not prompts:
        return []
    whole = Load(
        "in all",
        prompts,
        sum(load.prompt_tokens for load in loads),
        sum(load.texts for load in loads),
    )
    generated = sum(load.generated for load in loads)
    length = max(1, round(whole.prompt_tokens / prompts))
    reading = engine.tokens_per_second(length)
    writing = engine.written_tokens_per_second(length) if generated else None
    lines = [_line(load, load.generated, reading, writing) for load in loads if load.prompts]
    if len(lines) > 1:
        lines.append(_line(whole, generated, reading, writing))
    return lines


def _line(load: Load, generated: int, reading: float | None, writing: float | None) -> str:
    parts = [f"{load.prompts:,} prompts", f"about {load.prompt_tokens:,} prompt tokens"]
    if reading is not None:
        parts[-1] += f" ({_seconds(load.prompt_tokens / reading)})"
    if load.texts:
        parts.append(f"{load.texts:,} texts of at most {generated:,} tokens together")
        if writing is not None:
            parts[-1] += f" (at most {_seconds(generated / writing)})"
    return f"plan: {load.name}: {', '.join(parts)}"


def _seconds(value: float) -> str:
    if value < 100:
        return f"{value:.0f} s" if value >= 1 else "under 1 s"
    minutes = value / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"


def forecast_judgements(
    families: Sequence[Family], questionnaires: Sequence[str], judge: str
) -> list[str]:
    """One line for each questionnaire with questions that the judge has not been asked about."""
    lines = []
    for name in questionnaires:
        asked: set[Any] = set()
        count = 0
        for family in families:
            missing = set(family.ids) - family.store.done(Signal.JUDGEMENT, name, judge)
            # A judgement of a question alone is shared by all tasks that ask it.
            count += len(missing - asked)
            asked |= missing if name in ABOUT_QUESTION else set()
        if not count:
            continue
        shown = f"plan: judgement {name} by {judge}: {count:,} texts of at most "
        if QUESTIONNAIRES[name].about_answer:
            lines.append(f"{shown}{VERDICT_TOKENS} tokens")
        else:
            lines.append(f"{shown}{VERDICT_TOKENS} tokens, each rated in at most {RATING_TOKENS}")
    return lines
