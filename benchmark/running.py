"""``apprehend run``: collect the missing signals, score, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..estimators.base import Estimator
from ..estimators.registry import load_estimators
from ..estimators.signals import Signal
from ..tasks.mmlu_pro import STYLES
from ..tasks.questionnaires import ABOUT_QUESTION, QUESTIONNAIRES, RATING_PROMPT
from . import manifest as manifests
from .adapter import Record, UncertaintyLM
from .errors import UsageError
from .judging import Judge, check_judge, check_prompts, judge_questions, load_judge
from .options import say
from .probing import PROBED, ProbeOptions, Prober, wanted_probes
from .progress import progress_bar
from .scoring import Scored, expand_specs, score_store
from .store import Results, TaskStore
from .task_loading import LoadedTask, Question, TaskOptions, expand_tasks, fingerprint, load_tasks

logger = logging.getLogger(__name__)

QUESTIONS_PER_EVALUATION = 2048
"""lm-eval keeps all requests of a call in memory: this many questions at a time."""
ENGINES = ("hf",)


@dataclass(frozen=True)
class RunOptions:
    """What ``apprehend run`` was asked to do."""

    model: str
    model_args: Mapping[str, Any]
    tasks: str
    output_path: Path
    model_name: str | None = None
    data: str | None = None
    fewshot_data: str | None = None
    include_path: str | None = None
    estimators: Sequence[str] | None = None
    judge: str | None = None
    judge_args: Mapping[str, Any] = field(default_factory=dict)
    judge_name: str | None = None
    prompts: Mapping[str, str] = field(default_factory=dict)
    num_fewshot: int | None = None
    apply_chat_template: bool = False
    system_instruction: str | None = None
    batch_size: str = "auto"
    device: str | None = None
    limit: float | None = None
    seed: int = 0
    samples: int = 8
    temperature: float = 1.0


@dataclass
class RunOutcome:
    """What a run did: per store what was scored, and what went wrong without stopping it."""

    scored: dict[Path, Scored] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    collected: int = 0


@dataclass
class _Family:
    """The tasks of one group, and the store that their answers go to."""

    store: TaskStore
    tasks: list[LoadedTask]
    questions: dict[str, list[Question]]
    manifest: dict[str, Any]

    @property
    def signal(self) -> Signal:
        return self.tasks[0].signal

    @property
    def ids(self) -> list[Any]:
        return [q.question_id for task in self.tasks for q in self.questions[task.name]]

    def missing(self) -> list[tuple[LoadedTask, Question]]:
        done = self.store.done(self.signal)
        return [
            (task, question)
            for task in self.tasks
            for question in self.questions[task.name]
            if question.question_id not in done
        ]


def run(options: RunOptions) -> RunOutcome:
    """Do it. Raises UsageError before any weight is loaded where the options cannot work."""
    if options.model not in ENGINES:
        raise UsageError(f"--model: unknown engine {options.model!r}, known: {', '.join(ENGINES)}")
    specs = expand_specs(options.estimators)
    estimators = None if specs is None else load_estimators(specs)
    check_prompts(options.prompts)
    check_judge(options.judge)
    names = expand_tasks(options.tasks, options.include_path)
    tasks = load_tasks(
        names,
        TaskOptions(
            options.data,
            options.fewshot_data,
            options.include_path,
            options.num_fewshot,
            {name: path for name, path in options.prompts.items() if not name.startswith("judge")},
        ),
    )
    families = _families(options, tasks)
    questionnaires = _questionnaires(options, estimators, families)
    outcome = RunOutcome()
    engine = _collect_answers(options, families, outcome)
    engine = _collect_probes(options, families, estimators or [], engine)
    if (options.judge, options.judge_args) != (options.model, options.model_args):
        engine = None  # frees its memory before the judge comes
    _collect_judgements(options, families, questionnaires, outcome, engine)
    for family in families:
        scored = score_store(family.store, specs)
        outcome.scored[family.store.path] = scored
        outcome.problems += scored.failed.values()
    return outcome


def _model_name(options: RunOptions) -> str:
    if options.model_name:
        return options.model_name
    name = str(options.model_args.get("pretrained", options.model))
    return Path(name).expanduser().resolve().name if Path(name).expanduser().is_dir() else name


def _families(options: RunOptions, tasks: Sequence[LoadedTask]) -> list[_Family]:
    grouped: dict[str, list[LoadedTask]] = {}
    for task in tasks:
        grouped.setdefault(task.family, []).append(task)
    results = Results(options.output_path)
    families = []
    for name, members in grouped.items():
        questions = {task.name: task.questions(options.limit) for task in members}
        store = results.open(_model_name(options), name)
        wanted = _wanted_manifest(options, name, members)
        if store.manifest:
            manifests.check_agreement(store, wanted)
            wanted = {**store.manifest, "updated": manifests.now()}
        families.append(_Family(store, members, questions, wanted))
    if not families:
        raise UsageError(
            f"--tasks {options.tasks}: no question of these topics in "
            f"{options.data or 'the data set'}"
        )
    return families


def _wanted_manifest(
    options: RunOptions, family: str, tasks: Sequence[LoadedTask]
) -> dict[str, Any]:
    texts = {name: text for task in tasks for name, text in task.prompts.items()}
    return manifests.new_manifest(
        model={"engine": options.model, "arguments": _shown(options.model_args)},
        task={
            "name": family,
            "version": str(tasks[0].task.VERSION),
            "num_fewshot": options.num_fewshot or 0,
            "apply_chat_template": options.apply_chat_template,
            "system_instruction": options.system_instruction,
            "prompts": {name: manifests.text_hash(text) for name, text in texts.items()},
            "prompt_texts": texts,
        },
        data={
            "source": options.data or "TIGER-Lab/MMLU-Pro",
            "fewshot_source": options.fewshot_data,
            "fingerprint": fingerprint(tasks),
            "limit": options.limit,
        },
        seed=options.seed,
    )


def _shown(arguments: Mapping[str, Any]) -> dict[str, str]:
    secret = ("key", "token", "secret", "password")
    return {k: "…" if any(s in k.lower() for s in secret) else str(v) for k, v in arguments.items()}


def _questionnaires(
    options: RunOptions, estimators: Sequence[Estimator] | None, families: Sequence[_Family]
) -> list[str]:
    """Questionnaires to ask. Checks that every chosen estimator can get what it needs."""
    given = {family.signal for family in families}
    asked: dict[str, None] = {}
    if estimators is None:
        return list(ABOUT_QUESTION) if options.judge is not None else []
    for estimator in estimators:
        for need in estimator.requirements():
            if need.signals == {Signal.JUDGEMENT}:
                _check_judge(options, estimator, need.variant, families)
                names = [need.variant] if need.variant else list(ABOUT_QUESTION)
                asked |= dict.fromkeys(names)
            elif need.signals <= set(PROBED) | {Signal.COMMITTEE}:
                continue
            elif not need.signals & given:
                raise UsageError(
                    f"estimator {estimator.label} needs signal {need}, which "
                    f"{', '.join(sorted({t.family for f in families for t in f.tasks}))} "
                    "does not give"
                )
    return list(asked) if options.judge is not None else []


def _check_judge(
    options: RunOptions, estimator: Estimator, variant: str, families: Sequence[_Family]
) -> None:
    if variant and variant not in QUESTIONNAIRES:
        raise UsageError(
            f"estimator {estimator.label} needs questionnaire {variant!r}, known: "
            f"{', '.join(QUESTIONNAIRES)}"
        )
    stored = all(variant in family.store.variants(Signal.JUDGEMENT) for family in families)
    if options.judge is None and not stored:
        raise UsageError(
            f"estimator {estimator.label} needs a judge: give --judge and --judge_args, e.g. "
            "--judge hf --judge_args pretrained=NAME"
        )


def _load_engine(options: RunOptions) -> Any:
    from .engines.hf import HFEngine

    return HFEngine(dict(options.model_args), options.batch_size, options.device)


def _collect_answers(options: RunOptions, families: Sequence[_Family], outcome: RunOutcome) -> Any:
    missing = {family.store.path: family.missing() for family in families}
    count = sum(map(len, missing.values()))
    outcome.collected = count
    if not count:
        for family in families:
            family.store.add_questions(_stored_questions(family))
        return None
    engine = _load_engine(options)
    if options.apply_chat_template and not engine.has_chat_template:
        raise UsageError(f"--apply_chat_template: {engine.name} has no chat template")
    for family in families:
        family.manifest["model"] |= engine.identity | {"device": engine.device_name}
        if family.store.manifest:
            manifests.check_agreement(family.store, family.manifest)
        family.store.add_questions(_stored_questions(family))
        family.store.write_manifest(family.manifest)
    total = sum(len(family.ids) for family in families)
    with progress_bar(total, _model_name(options), done=total - count) as bar:
        for family in families:
            _ask(options, engine, family, missing[family.store.path], bar)
    return engine


def _collect_probes(
    options: RunOptions, families: Sequence[_Family], estimators: Sequence[Estimator], engine: Any
) -> Any:
    """Signals beyond the answer that the chosen estimators need; gives the engine, if loaded."""
    needs = [need for estimator in estimators for need in estimator.requirements()]
    probe_options = ProbeOptions(
        num_fewshot=options.num_fewshot or 0,
        apply_chat_template=options.apply_chat_template,
        system_instruction=options.system_instruction,
        samples=options.samples,
        temperature=options.temperature,
        seed=options.seed,
        prompts=options.prompts,
    )
    for family in families:
        wanted = wanted_probes(needs, family.signal)
        if family.tasks[0].family not in STYLES:
            wanted = []
        ids = set(family.ids)
        missing = [
            (signal, variant)
            for signal, variant in wanted
            if ids - family.store.done(signal, variant)
        ]
        if not missing:
            continue
        engine = engine or _load_engine(options)
        _check_same_model(family, engine)
        items = [(task, q) for task in family.tasks for q in family.questions[task.name]]
        prober = Prober(engine, family.store, items, probe_options)
        for line in prober.plan(missing):
            say(line)
        for signal, variant in missing:
            began = time.monotonic()
            count = prober.collect(signal, variant)
            manifests.add_cost(
                family.manifest,
                f"{signal.value} {variant}".strip(),
                questions=count,
                seconds=time.monotonic() - began,
            )
            family.store.write_manifest(family.manifest)
    return engine


def _check_same_model(family: _Family, engine: Any) -> None:
    wanted = {**family.manifest, "model": {**family.manifest["model"], **engine.identity}}
    manifests.check_agreement(family.store, wanted)


def _stored_questions(family: _Family) -> list[dict[str, Any]]:
    return [task.stored(q) for task in family.tasks for q in family.questions[task.name]]


def _ask(
    options: RunOptions,
    engine: Any,
    family: _Family,
    missing: Sequence[tuple[LoadedTask, Question]],
    bar: Any,
) -> None:
    began = time.monotonic()
    tokens = 0

    def sink(_: str, signal: Signal, records: list[Record]) -> None:
        nonlocal tokens
        family.store.append(signal, records)
        tokens += sum(record["prompt_tokens"] for record in records)
        bar.update(len(records))

    model = UncertaintyLM(engine, {task.name: task.facts for task in family.tasks}, sink)
    for start in range(0, len(missing), QUESTIONS_PER_EVALUATION):
        _evaluate(options, model, missing[start : start + QUESTIONS_PER_EVALUATION])
    if missing:
        manifests.add_cost(
            family.manifest,
            family.signal.value,
            questions=len(missing),
            seconds=time.monotonic() - began,
            prompt_tokens=tokens,
        )
        family.store.compact(family.signal)
        family.store.write_manifest(family.manifest)


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


def _collect_judgements(
    options: RunOptions,
    families: Sequence[_Family],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
    engine: Any,
) -> None:
    if options.judge is None or not questionnaires:
        return
    prompts = {name: path for name, path in options.prompts.items() if name.startswith("judge")}
    judge: Judge = load_judge(
        options.judge,
        dict(options.judge_args),
        options.batch_size,
        options.device,
        options.judge_name,
        engine,
    )
    described = {**judge.identity, "prompts": _judge_prompts(questionnaires, prompts)}
    for family in families:
        began = time.monotonic()
        _check_same_judge(family, judge.name, described)
        family.manifest["judges"][judge.name] = described
        family.store.write_manifest(family.manifest)
        borrowed = _borrow_judgements(options, family, questionnaires, judge.name)
        before = _judged(family.store, questionnaires, judge.name)
        outcome.problems += judge_questions(
            family.store, judge, questionnaires, family.ids, prompts
        )
        asked = _judged(family.store, questionnaires, judge.name) - before
        if asked or borrowed:
            manifests.add_cost(
                family.manifest,
                f"judgement by {judge.name}",
                judgements=asked,
                taken_from_other_tasks=borrowed,
                seconds=time.monotonic() - began,
            )
            family.store.write_manifest(family.manifest)


def _judged(store: TaskStore, questionnaires: Sequence[str], judge: str) -> int:
    return sum(len(store.done(Signal.JUDGEMENT, name, judge)) for name in questionnaires)


def _check_same_judge(family: _Family, name: str, described: Mapping[str, Any]) -> None:
    stored = family.manifest["judges"].get(name)
    differing = [key for key in stored or {} if key in described and stored[key] != described[key]]
    if differing:
        raise UsageError(
            f"{family.store.path}: judge {name} was another one before (its "
            f"{', '.join(differing)} changed); give this one a name with --judge_name"
        )


def _borrow_judgements(
    options: RunOptions, family: _Family, questionnaires: Sequence[str], judge: str
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
    from ..tasks.prompting import load_prompt

    names = [*(QUESTIONNAIRES[q].prompt for q in questionnaires), RATING_PROMPT]
    return {
        name: manifests.text_hash(load_prompt(name, prompts.get(name)).source) for name in names
    }
