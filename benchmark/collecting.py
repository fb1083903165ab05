"""Collecting what a run lacks: answers through lm-eval, then probes, then judgements."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..estimators.base import Estimator
from ..estimators.signals import Signal
from ..tasks.mmlu_pro import STYLES
from ..tasks.prompting import load_prompt
from ..tasks.questionnaires import ABOUT_QUESTION, QUESTIONNAIRES, RATING_PROMPT
from . import manifest as manifests
from .adapter import Record, UncertaintyLM
from .engines.registry import CANNOT
from .errors import ApprehendError, UsageError
from .failures import note_failures
from .forecasting import Load, forecast, forecast_judgements
from .judges import Judge, load_judge
from .judging import judge_questions
from .options import say
from .plan import Family, JudgeOptions, ProbeOptions, RunOptions, RunOutcome, model_name
from .probing import Prober, probe_prompts, wanted_probes
from .progress import progress_bar
from .sink import store_rows
from .store import Results, TaskStore
from .task_loading import LoadedTask, Question

QUESTIONS_PER_EVALUATION = 2048
"""lm-eval keeps all requests of a call in memory: this many questions at a time."""


def _load_engine(options: RunOptions, outcome: RunOutcome) -> Any:
    from .engines.registry import load_engine

    return load_engine(
        options.model, options.model_args, options.batch_size, options.device, outcome.budget
    )


@dataclass
class Work:
    """What is missing of one family: answers, and (signal, variant) of probes."""

    family: Family
    answers: list[tuple[LoadedTask, Question]]
    probes: list[tuple[Signal, str]]


def prepare(
    options: RunOptions,
    families: Sequence[Family],
    estimators: Sequence[Estimator],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
) -> tuple[Any, list[Work]]:
    """Load the engine if it has work, check that it fits what is stored, and say what all of the
    run will cost. Gives the engine, or None, and its work."""
    works = [_missing(options, family, estimators) for family in families]
    outcome.collected = sum(len(work.answers) for work in works)
    engine: Any = None
    if any(work.answers or work.probes for work in works):
        engine = _load_engine(options, outcome)
        if options.apply_chat_template and not engine.has_chat_template:
            raise UsageError(f"--apply_chat_template: {engine.name} has no chat template")
    for work in works:
        family = work.family
        if work.answers:
            family.manifest["model"] |= engine.identity | {"device": engine.device_name}
            if family.store.manifest:
                manifests.check_agreement(family.store, family.manifest)
        elif work.probes:
            _check_same_model(family, engine)
        family.store.add_questions(_stored_questions(family))
        if work.answers:
            family.store.write_manifest(family.manifest)
    if engine is not None:
        loads = {work.family.store.task: _loads(options, engine, work) for work in works}
        named = [
            replace(load, name=f"{task} {load.name}") if len(works) > 1 else load
            for task, some in loads.items()
            for load in some
        ]
        for line in forecast(engine, named):
            say(line)
    for judge in options.judges:
        for line in forecast_judgements(families, questionnaires, judge.name):
            say(line)
    return engine, works


def _missing(options: RunOptions, family: Family, estimators: Sequence[Estimator]) -> Work:
    needs = [need for estimator in estimators for need in estimator.requirements()]
    wanted = _that_engine_gives(options.model, wanted_probes(needs, family.signal))
    if family.tasks[0].family not in STYLES:
        wanted = []
    if any(signal is Signal.SAMPLES for signal, _ in wanted):
        _check_sampling(options, family)
    _check_probe_prompts(options, family, wanted)
    ids = set(family.ids)
    probes = [pair for pair in wanted if ids - family.store.done(*pair)]
    return Work(family, family.missing(), probes)


def _prober(options: RunOptions, engine: Any, family: Family) -> Prober:
    probe_options = ProbeOptions(
        num_fewshot=options.num_fewshot or 0,
        apply_chat_template=options.apply_chat_template,
        system_instruction=options.system_instruction,
        samples=options.samples,
        temperature=options.temperature,
        seed=options.seed,
        prompts=options.prompts,
    )
    items = [(task, q) for task in family.tasks for q in family.questions[task.name]]
    return Prober(engine, family.store, items, probe_options)


def _loads(options: RunOptions, engine: Any, work: Work) -> list[Load]:
    wanted = [*([(work.family.signal, "")] if work.answers else []), *work.probes]
    if not wanted:
        return []
    return _prober(options, engine, work.family).loads(wanted)


def collect_answers(
    options: RunOptions, engine: Any, works: Sequence[Work], outcome: RunOutcome
) -> None:
    if not outcome.collected:
        return
    total = sum(len(work.family.ids) for work in works)
    with progress_bar(total, model_name(options), done=total - outcome.collected) as bar:
        for work in works:
            _ask(options, engine, work.family, work.answers, bar, outcome)


def collect_probes(
    options: RunOptions, engine: Any, works: Sequence[Work], outcome: RunOutcome
) -> None:
    """Signals beyond the answer that the chosen estimators need."""
    for work in works:
        if not work.probes:
            continue
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
            if prober.failed:
                outcome.problems.append(
                    f"{model_name(options)} gave no {name} to {len(prober.failed)} of {count} "
                    f"questions of {family.store.task}, first: "
                    f"{next(iter(prober.failed.values()))}; run again to ask them again"
                )


def _check_sampling(options: RunOptions, family: Family) -> None:
    """Raise UsageError where stored samples were drawn in another way."""
    now = {"samples": options.samples, "temperature": options.temperature, "seed": options.seed}
    stored = family.manifest.setdefault("sampling", now)
    for name, value in now.items():
        if stored.get(name, value) != value:
            raise UsageError(
                f"{family.store.path}: its samples were drawn with --{name} {stored[name]}, not "
                f"{value}; use another --output_path or --model_name"
            )


def _check_probe_prompts(
    options: RunOptions, family: Family, wanted: Sequence[tuple[Signal, str]]
) -> None:
    """Raise UsageError where what is stored was asked in other words."""
    stored = family.manifest.setdefault("probe_prompts", {})
    for signal, variant in wanted:
        for name in probe_prompts(signal, variant):
            now = manifests.text_hash(load_prompt(name, options.prompts.get(name)).source)
            if stored.setdefault(name, now) != now:
                raise UsageError(
                    f"{family.store.path}: its {signal.value} {variant} was collected with another "
                    f"prompt template {name}; use another --output_path or --model_name"
                )


def _that_engine_gives(
    engine: str, wanted: Sequence[tuple[Signal, str]]
) -> list[tuple[Signal, str]]:
    cannot = CANNOT.get(engine, {})
    for signal in dict.fromkeys(signal for signal, _ in wanted if signal in cannot):
        say(f"  signal {signal} is not collected: {cannot[signal]}")
    return [(signal, variant) for signal, variant in wanted if signal not in cannot]


def _check_same_model(family: Family, engine: Any) -> None:
    wanted = {**family.manifest, "model": {**family.manifest["model"], **engine.identity}}
    manifests.check_agreement(family.store, wanted)


def _stored_questions(family: Family) -> list[dict[str, Any]]:
    return [task.stored(q) for task in family.tasks for q in family.questions[task.name]]


def _ask(
    options: RunOptions,
    engine: Any,
    family: Family,
    missing: Sequence[tuple[LoadedTask, Question]],
    bar: Any,
    outcome: RunOutcome,
) -> None:
    began, spent = time.monotonic(), outcome.budget.spent()
    tokens = 0
    failed: dict[Any, str] = {}

    def sink(_: str, signal: Signal, records: list[Record]) -> None:
        nonlocal tokens
        got = [record for record in records if "failure" not in record]
        failed.update({r["question_id"]: r["failure"] for r in records if "failure" in r})
        failed.update(store_rows(family.store, signal, got))
        asked = [record["question_id"] for record in records]
        note_failures(family.store.path, signal, "", "", asked, failed)
        tokens += sum(max(0, record["prompt_tokens"]) for record in got)
        bar.update(len(records))

    model = UncertaintyLM(engine, {task.name: task.facts for task in family.tasks}, sink)
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
        family.store.write_manifest(family.manifest)
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
    """One call of lm-eval over some questions. An empty list would mean "all" to it.

    ``simple_evaluate`` would do the same, and spend seconds each time on listing packages.
    """
    from lm_eval import evaluate

    samples: dict[str, list[int]] = {}
    tasks: dict[str, Any] = {}
    for task, question in part:
        samples.setdefault(task.name, []).append(question.index)
        tasks[task.name] = task.task
    for task in tasks.values():
        task.set_config("num_fewshot", options.num_fewshot or 0)
        task.set_fewshot_seed(options.seed)
    evaluate(
        model,
        tasks,
        samples={name: sorted(indices) for name, indices in samples.items()},
        apply_chat_template=options.apply_chat_template,
        fewshot_as_multiturn=options.apply_chat_template,
        system_instruction=options.system_instruction,
        bootstrap_iters=0,
        log_samples=False,
    )


def collect_judgements(
    options: RunOptions,
    asked: JudgeOptions,
    families: Sequence[Family],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
    engine: Any,
) -> None:
    """What one judge of the panel has not said yet, on ``engine`` if it is the assessed model."""
    if not questionnaires:
        return
    prompts = {name: path for name, path in options.prompts.items() if name.startswith("judge")}
    judge: Judge = load_judge(asked, options.batch_size, options.device, engine, outcome.budget)
    described = {**judge.identity, "prompts": _judge_prompts(questionnaires, prompts)}
    for family in families:
        began, spent = time.monotonic(), outcome.budget.spent()
        _check_same_judge(family, judge.name, described)
        family.manifest["judges"][judge.name] = described
        family.store.write_manifest(family.manifest)
        borrowed = _borrow_judgements(options, family, questionnaires, judge.name)
        before = _judged(family.store, questionnaires, judge.name)
        outcome.problems += judge_questions(
            family.store, judge, questionnaires, family.ids, prompts, _wants_label_probs(options)
        )
        count = _judged(family.store, questionnaires, judge.name) - before
        if count or borrowed:
            manifests.add_cost(
                family.manifest,
                f"judgement by {judge.name}",
                judgements=count,
                taken_from_other_tasks=borrowed,
                seconds=time.monotonic() - began,
                **outcome.budget.since(spent),
            )
            family.store.write_manifest(family.manifest)


def _wants_label_probs(options: RunOptions) -> bool:
    return any(spec.startswith(("all", "masj_expected")) for spec in options.estimators or ())


def _judged(store: TaskStore, questionnaires: Sequence[str], judge: str) -> int:
    return sum(len(store.done(Signal.JUDGEMENT, name, judge)) for name in questionnaires)


def _check_same_judge(family: Family, name: str, described: Mapping[str, Any]) -> None:
    stored = family.manifest["judges"].get(name)
    differing = [key for key in stored or {} if key in described and stored[key] != described[key]]
    if differing:
        raise UsageError(
            f"{family.store.path}: judge {name} was another one before (its "
            f"{', '.join(differing)} changed); give this one a name with --judge_name"
        )


def _borrow_judgements(
    options: RunOptions, family: Family, questionnaires: Sequence[str], judge: str
) -> int:
    """Judgements are about questions, not answers: take those of sister stores on the same ones."""
    count = 0
    for other in Results(options.output_path).stores():
        theirs = other.manifest
        if (
            other.path == family.store.path
            or theirs.get("data", {}).get("fingerprint") != family.manifest["data"]["fingerprint"]
            or theirs.get("judges", {}).get(judge) != family.manifest["judges"][judge]
        ):
            continue
        for name in set(questionnaires) & set(ABOUT_QUESTION):
            count += family.store.borrow(other, Signal.JUDGEMENT, name, judge, family.ids)
    return count


def _judge_prompts(questionnaires: Sequence[str], prompts: Mapping[str, str]) -> dict[str, str]:
    names = [*(QUESTIONNAIRES[q].prompt for q in questionnaires), RATING_PROMPT]
    return {
        name: manifests.text_hash(load_prompt(name, prompts.get(name)).source) for name in names
    }
