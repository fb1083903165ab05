"""Collect answers, through lm-eval."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from ...estimators.signals.batch import Signal
from ..console.errors import ApprehendError
from ..console.options import say
from ..console.progress import TokenCount, progress_bar
from ..engines.shared.engine import Engine
from ..engines.shared.loops import COVERED
from ..store import manifest as manifests
from ..store.failures import Failed, QuestionId
from ..store.stored_rows import Row
from .asking.adapter import UncertaintyLM, Writing
from .asking.inside_records import shown_by
from .asking.loaded_task import LoadedTask, Question
from .families import model_name
from .missing import Work
from .outcome import RunOutcome
from .questions.examples import asking
from .run_options import RunOptions

if TYPE_CHECKING:
    from lm_eval.api.task import Task

QUESTIONS_PER_EVALUATION = 2048
"""Questions per call of lm-eval, which keeps all requests of a call in memory."""


def collect_answers(
    options: RunOptions, engine: Engine | None, works: Sequence[Work], outcome: RunOutcome
) -> None:
    """Collect the missing answers; each batch is stored as soon as it is complete."""
    if not outcome.collected:
        return
    assert engine is not None  # loaded where answers are missing
    total = sum(len(work.family.ids) for work in works)
    with progress_bar(total, model_name(options), done=total - outcome.collected) as bar:
        for work in works:
            _ask(options, engine, work, bar, outcome)


def _ask(
    options: RunOptions,
    engine: Engine,
    work: Work,
    bar: tqdm[NoReturn],
    outcome: RunOutcome,
) -> None:
    family, missing = work.family, work.answers
    began, spent = time.monotonic(), outcome.budget.spent()
    tokens = looped = 0
    failed: dict[QuestionId, str] = {}
    inside = dict.fromkeys(shown_by(signal for signal, _ in work.wanted), 0)
    beside = (Signal.FORCED_ANSWERS, *inside)
    stored_before = {signal for signal in beside if family.store.part_files(signal)}

    def sink(signal: Signal, rows: list[Row]) -> None:
        nonlocal tokens, looped
        if signal is Signal.PROMPT:
            known = family.store.done(signal)
            family.store.store_part(signal, [row for row in rows if row[0] not in known])
            return
        if signal in stored_before:
            # Answers that were lost are written again; what came with them may still be there.
            family.store.drop_outdated(signal)
            known = family.store.done(signal)
            rows = [row for row in rows if row[0] not in known]
        if signal in inside:
            inside[signal] += len(rows)
        reasons = family.store.store_part(signal, rows)
        if signal is not family.signal:
            return
        failed.update(reasons)
        records = [record for _, record in rows if not isinstance(record, Failed)]
        tokens += sum(max(0, record["prompt_tokens"]) for record in records)
        looped += sum(record.get("looped") or 0 for record in records)
        bar.update(len(rows))

    model = UncertaintyLM(
        engine,
        {task.name: task.facts for task in family.tasks},
        sink,
        extraction=options.extraction,
        writing=Writing(
            force_answers=engine.streams and (Signal.FORCED_ANSWERS, "") in work.wanted,
            inside=tuple(inside),
            layers=options.hidden_layers,
            stop_loops=options.stop_loops,
            count_tokens=TokenCount(bar).add,
        ),
        seed=options.seed,
    )
    for start in range(0, len(missing), QUESTIONS_PER_EVALUATION):
        _evaluate(options, model, missing[start : start + QUESTIONS_PER_EVALUATION])
    if missing:
        manifests.add_cost(
            family.manifest,
            family.signal.value,
            questions=len(missing) - len(failed),
            seconds=time.monotonic() - began,
            **{"prompt_tokens": tokens, **outcome.budget.since(spent)},
        )
        family.store.compact(family.signal)
        for signal, count in inside.items():
            manifests.add_cost(family.manifest, signal.value, questions=count)
        for signal in (*beside, Signal.PROMPT):
            family.store.compact(signal)
        family.store.write_manifest(family.manifest)
    if looped:
        end = "they were cut" if options.stop_loops else "--stop_loops cuts them"
        say(
            f"  {looped} of {len(missing)} texts of {family.store.task} end in a loop (a sequence "
            f"of tokens repeated over {COVERED} tokens at least): {end}"
        )
    if failed:
        problem = (
            f"{model_name(options)} gave no answer to {len(failed)} of {len(missing)} questions "
            f"of {family.store.task}, first: {next(iter(failed.values()))}; run again to ask them "
            "again"
        )
        if not family.store.has(family.signal):
            raise ApprehendError(problem)
        outcome.problems.append(problem)


def _evaluate(
    options: RunOptions, model: UncertaintyLM, part: Sequence[tuple[LoadedTask, Question]]
) -> None:
    """Call lm-eval once on some questions; an empty list would mean all of them.

    ``simple_evaluate`` would do the same, but spends seconds per call on listing packages.
    """
    from lm_eval import evaluate

    samples: dict[str, list[int]] = {}
    tasks: dict[str, Task] = {}
    for task, question in part:
        samples.setdefault(task.name, []).append(question.index)
        tasks[task.name] = task.task
    for task, _ in part:
        task.task.set_config("num_fewshot", task.num_fewshot)
        task.task.set_fewshot_seed(options.seed)
    model.asked = {name: sorted(indices) for name, indices in samples.items()}
    for name, lm_eval_task in tasks.items():
        asking(lm_eval_task, model.asked[name])
    evaluate(
        model,
        tasks,
        samples=dict(model.asked),
        apply_chat_template=options.apply_chat_template,
        fewshot_as_multiturn=options.apply_chat_template,
        system_instruction=options.system_instruction,
        bootstrap_iters=0,
        log_samples=False,
    )
