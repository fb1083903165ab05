"""Load a run's engine, announce and record what it will collect, and collect probes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...estimators.signals.batch import Signal
from ..console.errors import UsageError
from ..endpoints.budget import Budget
from ..engines import loading
from ..engines.shared.engine import Engine
from ..store import manifest as manifests
from ..store.provenance import record_settings
from .asking.generation_settings import request_extras
from .asking.thinking_notice import say_thinking
from .asking.thought_budget import with_budget
from .families import Family, model_name
from .forecasting import announce
from .missing import Work
from .outcome import RunOutcome
from .plan import Plan
from .probes.probing import Load, Prober
from .row_settings import probe_options, probe_settings
from .run_options import RunOptions


def load_engine(options: RunOptions, works: Sequence[Work], budget: Budget) -> Engine | None:
    """Load the engine; None if it has no work.

    Raises UsageError if it disagrees with the model whose answers are stored.
    """
    if not any(work.needs_engine for work in works):
        return None
    engine = loading.load_engine(
        options.model,
        options.model_args,
        options.batch_size,
        options.device,
        budget,
        request_extras(options.gen_kwargs),
    )
    engine = with_budget(engine, options.thinking_budget)
    if options.apply_chat_template and not engine.has_chat_template:
        raise UsageError(f"--apply_chat_template: {engine.name} has no chat template")
    for work in works:
        family = work.family
        family.manifest["model"] |= engine.identity | {"device": engine.device_name}
        if family.store.manifest:
            manifests.check_agreement(family.store, family.manifest)
    say_thinking(engine, options.apply_chat_template, [work.family.tasks[0] for work in works])
    return engine


def record_work(options: RunOptions, works: Sequence[Work]) -> None:
    """Write the settings that new rows depend on, before the first of them."""
    for work in works:
        _record_settings(options, work)


def announce_costs(plan: Plan, engine: Engine | None, works: Sequence[Work]) -> None:
    """Print what the run will cost."""
    loads = {work.family.store.task: _loads(plan.options, engine, work) for work in works}
    announce(plan, engine, loads)


def _record_settings(options: RunOptions, work: Work) -> None:
    family = work.family
    for signal, variant in work.wanted:
        settings = {}
        if signal is not family.signal:
            settings = probe_settings(options, family.tasks, signal, variant)
        record_settings(family.manifest, signal, variant, "", settings)
    record_settings(family.manifest, Signal.PROMPT, "", "", {})
    questions = [task.stored(q) for task in family.tasks for q in family.questions[task.name]]
    family.store.add_questions(questions)
    family.store.write_manifest(family.manifest)


def _prober(options: RunOptions, engine: Engine, family: Family) -> Prober:
    items = [(task, q) for task in family.tasks for q in family.questions[task.name]]
    return Prober(engine, family.store, items, probe_options(options))


def _loads(options: RunOptions, engine: Engine | None, work: Work) -> list[Load]:
    if engine is None:
        return []
    wanted = [*([(work.family.signal, "")] if work.answers else []), *work.probes]
    if not wanted:
        return []
    return _prober(options, engine, work.family).loads(wanted)


def collect_probes(
    options: RunOptions, engine: Engine | None, works: Sequence[Work], outcome: RunOutcome
) -> None:
    """Collect the signals beyond the answer that the chosen estimators need."""
    for work in works:
        if not work.probes:
            continue
        assert engine is not None  # loaded where probes are missing
        family = work.family
        prober = _prober(options, engine, family)
        for signal, variant in work.probes:
            began = time.monotonic()
            count = prober.collect(signal, variant)
            name = f"{signal.value} {variant}".strip()
            manifests.add_cost(
                family.manifest,
                name,
                questions=count - len(prober.failed),
                seconds=time.monotonic() - began,
            )
            family.store.write_manifest(family.manifest)
            if prober.unread and not prober.failed:
                outcome.notes.append(
                    f"no reply of {model_name(options)} to {name} could be read, on any of {count} "
                    f"questions of {family.store.task}, first: {prober.unread}"
                )
            if prober.failed:
                outcome.problems.append(
                    f"{model_name(options)} gave no {name} to {len(prober.failed)} of {count} "
                    f"questions of {family.store.task}, first: "
                    f"{next(iter(prober.failed.values()))}; run again to ask them again"
                )
