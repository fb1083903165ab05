"""Collecting what a run lacks: answers through lm-eval, then probes, then judgements."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...estimators.core.estimator import Estimator
from ...estimators.signals.batch import Signal
from ...tasks.mmlu_pro import STYLES
from ...tasks.questionnaires import ABOUT_QUESTION
from ..console.errors import ApprehendError, UsageError
from ..console.options import say
from ..console.progress import progress_bar
from ..engines.loading import CANNOT
from ..engines.shared.known import is_comparable
from ..judges.judge import OWN, Judge, known_judge, load_judge
from ..judges.judge_options import JudgeOptions
from ..judges.judging import judge_questions
from ..store import manifest as manifests
from ..store.derivation import is_derived
from ..store.failures import note_failures, read_failures
from ..store.provenance import SETTINGS, record_settings, settings_key
from ..store.sink import store_rows
from ..store.task_store import Results, TaskStore
from .adapter import Record, UncertaintyLM
from .forecasting import Load, forecast, forecast_judgements
from .plan import Family, ProbeOptions, RunOptions, RunOutcome, model_name
from .probing import Prober, wanted_probes
from .row_settings import judge_settings, probe_settings
from .task_loading import LoadedTask, Question

QUESTIONS_PER_EVALUATION = 2048
"""lm-eval keeps all requests of a call in memory: this many questions at a time."""


def _load_engine(options: RunOptions, outcome: RunOutcome) -> Any:
    from ..engines.loading import load_engine

    return load_engine(
        options.model, options.model_args, options.batch_size, options.device, outcome.budget
    )


@dataclass
class Work:
    """What is missing of one family: answers, and (signal, variant) of probes."""

    family: Family
    answers: list[tuple[LoadedTask, Question]]
    probes: list[tuple[Signal, str]]
    wanted: list[tuple[Signal, str]]
    """All (signal, variant) that the run needs of it, missing or not."""


def prepare(
    options: RunOptions,
    families: Sequence[Family],
    estimators: Sequence[Estimator],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
) -> tuple[Any, list[Work]]:
    """Load the engine if it has work, check that it fits what is stored, and say what all of the
    run will cost. Gives the engine, or None, and its work."""
    for family in families:
        check_stored(options, family, estimators, questionnaires)
    works = [_missing(options, family, estimators) for family in families]
    outcome.collected = sum(len(work.answers) for work in works)
    engine: Any = None
    if any(work.answers or work.probes or not _identified(work.family) for work in works):
        engine = _load_engine(options, outcome)
        if options.apply_chat_template and not engine.has_chat_template:
            raise UsageError(f"--apply_chat_template: {engine.name} has no chat template")
    for work in works:
        family = work.family
        if engine is not None:
            family.manifest["model"] |= engine.identity | {"device": engine.device_name}
            if family.store.manifest:
                manifests.check_agreement(family.store, family.manifest)
    for work in works:
        _record(options, work)
    _announce(options, engine, works, families, questionnaires)
    return engine, works


def _record(options: RunOptions, work: Work) -> None:
    """Write what the rows to come depend on, before the first of them is."""
    family = work.family
    for signal, variant in work.wanted:
        settings = {}
        if signal is not family.signal:
            settings = probe_settings(options, family.tasks, signal, variant)
        record_settings(family.manifest, signal, variant, "", settings)
    family.store.add_questions(_stored_questions(family))
    family.store.write_manifest(family.manifest)


def _announce(
    options: RunOptions,
    engine: Any,
    works: Sequence[Work],
    families: Sequence[Family],
    questionnaires: Sequence[str],
) -> None:
    """Say what all of the run will cost."""
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


def _missing(options: RunOptions, family: Family, estimators: Sequence[Estimator]) -> Work:
    wanted = _that_engine_gives(options.model, _wanted(family, estimators))
    ids = set(family.ids)
    probes = [pair for pair in wanted if ids - family.store.done(*pair)]
    return Work(family, family.missing(), probes, [(family.signal, ""), *wanted])


def _wanted(family: Family, estimators: Sequence[Estimator]) -> list[tuple[Signal, str]]:
    """The probes that the estimators need and that the family's tasks can give."""
    if family.tasks[0].family not in STYLES:
        return []
    needs = [need for estimator in estimators for need in estimator.requirements()]
    return wanted_probes(needs, family.signal)


def _identified(family: Family) -> bool:
    """Whether a store's answers can be told to be this model's without loading it."""
    stored = family.store.manifest.get("model") or {}
    return not stored.get("fingerprint") or is_comparable(family.known, stored)


def check_stored(
    options: RunOptions,
    family: Family,
    estimators: Sequence[Estimator],
    questionnaires: Sequence[str],
) -> None:
    """Raise UsageError where what is stored of the signals of a run was made under other settings,
    whether or not something of it is missing."""
    for signal, variant in _wanted(family, estimators):
        settings = probe_settings(options, family.tasks, signal, variant)
        manifests.check_settings(family.store, signal, variant, "", settings)
    for judge in options.judges:
        for name in questionnaires:
            settings = judge_settings(known_judge(judge), name, judge_prompts(options))
            manifests.check_settings(
                family.store, Signal.JUDGEMENT, name, judge.name, settings, judge.kind not in OWN
            )


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


def _that_engine_gives(
    engine: str, wanted: Sequence[tuple[Signal, str]]
) -> list[tuple[Signal, str]]:
    cannot = CANNOT.get(engine, {})
    for signal in dict.fromkeys(signal for signal, _ in wanted if signal in cannot):
        say(f"  signal {signal} is not collected: {cannot[signal]}")
    return [(signal, variant) for signal, variant in wanted if signal not in cannot]


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
    lacking = [f for f in families if _lacks_judgements(options, asked, f, questionnaires)]
    if not lacking:
        return
    prompts = judge_prompts(options)
    judge: Judge = load_judge(asked, options.batch_size, options.device, engine, outcome.budget)
    identity = {**known_judge(asked), **judge.identity}
    asks = {name: judge_settings(identity, name, prompts) for name in questionnaires}
    for family in lacking:
        for name, settings in asks.items():
            manifests.check_settings(family.store, Signal.JUDGEMENT, name, judge.name, settings)
    for family in lacking:
        for name, settings in asks.items():
            record_settings(family.manifest, Signal.JUDGEMENT, name, judge.name, settings)
        family.manifest["judges"][judge.name] = identity
        family.store.write_manifest(family.manifest)
    for family in lacking:
        began, spent = time.monotonic(), outcome.budget.spent()
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


def judge_prompts(options: RunOptions) -> dict[str, str]:
    """The judges' prompt templates that a run replaces."""
    return {name: path for name, path in options.prompts.items() if name.startswith("judge")}


def _lacks_judgements(
    options: RunOptions, asked: JudgeOptions, family: Family, questionnaires: Sequence[str]
) -> bool:
    """Whether a judge must be asked: something is missing, or nothing tells without loading it
    that it is the one who judged before."""
    store = family.store
    recorded = store.manifest.get(SETTINGS) or {}
    known = known_judge(asked)
    texts = store.questions.column_names
    for name in questionnaires:
        settings = recorded.get(settings_key(Signal.JUDGEMENT, name, asked.name))
        if settings is None or (asked.kind in OWN and not is_comparable(known, settings)):
            return True
        if "question" in texts and set(family.ids) - store.done(Signal.JUDGEMENT, name, asked.name):
            return True
    return False


def vanished(works: Sequence[Work]) -> list[str]:
    """One sentence for each store of which less is on the disk, when all is collected, than was
    written: parts were deleted while the run lasted."""
    problems = []
    for work in works:
        store = work.family.store
        store.forget()
        unresolved = {(row["signal"], row["question_id"]) for row in read_failures(store.path)}
        answered = store.done(work.family.signal)
        lost = []
        for signal, variant in work.wanted:
            asked = answered if is_derived(signal, variant) else set(work.family.ids)
            missing = asked - store.done(signal, variant)
            if missing - {question for name, question in unresolved if name == signal.value}:
                lost.append(f"{settings_key(signal, variant)} of {len(missing)} questions")
        if lost:
            problems.append(
                f"{store.path}: lost while the run lasted: {', '.join(lost)} (were parts "
                "deleted?); run again to collect them again"
            )
    return problems


def _wants_label_probs(options: RunOptions) -> bool:
    return any(spec.startswith(("all", "masj_expected")) for spec in options.estimators or ())


def _judged(store: TaskStore, questionnaires: Sequence[str], judge: str) -> int:
    return sum(len(store.done(Signal.JUDGEMENT, name, judge)) for name in questionnaires)


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
        ):
            continue
        for name in sorted(set(questionnaires) & set(ABOUT_QUESTION)):
            key = settings_key(Signal.JUDGEMENT, name, judge)
            if (theirs.get(SETTINGS) or {}).get(key) != family.manifest[SETTINGS][key]:
                continue
            count += family.store.borrow(other, Signal.JUDGEMENT, name, judge, family.ids)
    return count
