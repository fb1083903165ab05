"""``apprehend run``: check what was asked, collect the missing signals, score."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Mapping, Sequence
from typing import Any

from ...estimators.core.estimator import Estimator
from ...estimators.registry import load_estimators
from ...estimators.signals.batch import Need, Signal
from ...tasks.questionnaires import ABOUT_QUESTION, QUESTIONNAIRES
from ..console.errors import ApprehendError, UsageError
from ..console.masking import mask_arguments
from ..endpoints.budget import Budget
from ..engines.loading import CANNOT, check_engine
from ..engines.shared.known import known_identity, settings_of
from ..judges.judge import check_judges
from ..judges.judging import check_prompts
from ..score.scoring import expand_specs, score_store
from ..store import manifest as manifests
from ..store.task_store import Results
from .collecting import collect_answers, collect_judgements, collect_probes, prepare, vanished
from .plan import Family, Overwrite, RunOptions, RunOutcome, model_name
from .probing import probed_signals
from .resuming import go_on, missing_from_cache, take_over
from .row_settings import task_settings, topics_hash
from .sharding import Shard, copy_stored, sharded, with_device
from .task_loading import LoadedTask, TaskOptions, expand_tasks, fingerprint, load_tasks


def run(options: RunOptions) -> RunOutcome:
    """Do it. Raises UsageError before any weight is loaded where the options cannot work."""
    check_engine(options.model)
    specs = expand_specs(options.estimators)
    estimators = None if specs is None else load_estimators(specs)
    check_prompts(options.prompts)
    check_judges(options.judges)
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
    outcome = RunOutcome(budget=Budget(options.max_requests, options.max_cost))
    if options.shard is not None:
        _collect_shard(options, families, estimators or [], questionnaires, outcome)
        return outcome
    with contextlib.ExitStack() as locks:
        if options.overwrite is not Overwrite.ONLY_CACHE:
            take_over(options, families, locks)
            _collect(options, families, estimators or [], questionnaires, outcome)
        else:
            outcome.problems += missing_from_cache(
                options, families, estimators or [], questionnaires
            )
        try:
            _score(families, specs, options.committee, outcome)
        except ApprehendError as error:
            if not outcome.problems:
                raise
            # Why there is nothing to score is what went wrong before.
            raise ApprehendError("; ".join([*outcome.problems, str(error)])) from error
    return outcome


def _collect_shard(
    options: RunOptions,
    families: Sequence[Family],
    estimators: Sequence[Estimator],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
) -> None:
    """Collect this process's part of the questions, into stores of its own."""
    assert options.shard is not None
    shard = Shard(*options.shard)
    own = sharded(families, shard, options.output_path)
    with contextlib.ExitStack() as locks:
        take_over(options, own, locks)
        for family in own:
            copy_stored(family, options.output_path)
        _collect(with_device(options, shard), own, estimators, questionnaires, outcome)


def _collect(
    options: RunOptions,
    families: Sequence[Family],
    estimators: Sequence[Estimator],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
) -> None:
    engine, works = prepare(options, families, estimators, questionnaires, outcome)
    collect_answers(options, engine, works, outcome)
    collect_probes(options, engine, works, outcome)
    own = [j for j in options.judges if (j.kind, j.args) == (options.model, options.model_args)]
    for judge in (*own, *(judge for judge in options.judges if judge not in own)):
        if judge not in own:
            engine = None
            gc.collect()  # frees a model's memory before the next one comes
        collect_judgements(options, judge, families, questionnaires, outcome, engine)
    outcome.problems += vanished(works)


def _score(
    families: Sequence[Family],
    specs: list[str] | None,
    committee: Sequence[str],
    outcome: RunOutcome,
) -> None:
    for family in families:
        scored = score_store(family.store, specs, committee=committee)
        outcome.scored[family.store.path] = scored
        outcome.problems += scored.failed.values()


def _families(options: RunOptions, tasks: Sequence[LoadedTask]) -> list[Family]:
    grouped: dict[str, list[LoadedTask]] = {}
    for task in tasks:
        grouped.setdefault(task.family, []).append(task)
    results = Results(options.output_path)
    families = []
    known = _known(options)
    for name, members in grouped.items():
        questions = {task.name: task.questions(options.limit) for task in members}
        store = results.open(model_name(options), name)
        wanted = _wanted_manifest(options, name, members, known)
        family = Family(store, members, questions, wanted, known)
        if options.overwrite is not Overwrite.ALWAYS:
            go_on(family)
        families.append(family)
    if not families:
        raise UsageError(
            f"--tasks {options.tasks}: no question of these topics in "
            f"{options.data or 'the data set'}"
        )
    return families


def _known(options: RunOptions) -> dict[str, Any]:
    """What is known of the model before it is loaded; where none will be, it need not be there."""
    try:
        return known_identity(options.model, options.model_args)
    except UsageError:
        if options.overwrite is not Overwrite.ONLY_CACHE:
            raise
        return {"engine": options.model, "settings": settings_of(options.model_args)}


def _wanted_manifest(
    options: RunOptions, family: str, tasks: Sequence[LoadedTask], known: Mapping[str, Any]
) -> dict[str, Any]:
    texts = {name: text for task in tasks for name, text in task.prompts.items()}
    return manifests.new_manifest(
        model={
            "name": model_name(options),
            **known,
            "arguments": mask_arguments(options.model_args),
        },
        task={
            "name": family,
            "version": str(tasks[0].task.VERSION),
            "num_fewshot": options.num_fewshot or 0,
            "apply_chat_template": options.apply_chat_template,
            "system_instruction": options.system_instruction,
            "prompts": {name: manifests.text_hash(text) for name, text in texts.items()},
            "prompt_texts": texts,
            **task_settings(options, family, tasks),
        },
        data={
            "source": options.data or "TIGER-Lab/MMLU-Pro",
            "fewshot_source": options.fewshot_data,
            "fingerprint": fingerprint(tasks),
            "topics": topics_hash(tasks),
            "limit": options.limit,
        },
        seed=options.seed,
    )


def _questionnaires(
    options: RunOptions, estimators: Sequence[Estimator] | None, families: Sequence[Family]
) -> list[str]:
    """Questionnaires to ask. Checks that every chosen estimator can get what it needs; of ``all``,
    those that cannot are left out when scores are computed, which says so."""
    asked: dict[str, None] = {}
    if estimators is None:
        return list(ABOUT_QUESTION) if options.judges else []
    for estimator in estimators:
        for need in estimator.requirements():
            try:
                asked |= dict.fromkeys(_check_need(options, estimator, need, families))
            except UsageError:
                if "all" not in (options.estimators or ()):
                    raise
    return list(asked) if options.judges else []


def _check_need(
    options: RunOptions, estimator: Estimator, need: Need, families: Sequence[Family]
) -> Sequence[str]:
    """The questionnaires that the need is about. Raises UsageError where it cannot be met."""
    if need.signals == {Signal.JUDGEMENT}:
        _check_judge(options, estimator, need.variant, families)
        return [need.variant] if need.variant else list(ABOUT_QUESTION)
    if need.signals <= probed_signals() | {Signal.COMMITTEE}:
        _check_engine_gives(options, estimator, need)
    elif not need.signals & {family.signal for family in families}:
        given = ", ".join(sorted({t.family for f in families for t in f.tasks}))
        raise UsageError(
            f"estimator {estimator.label} needs signal {need}, which {given} does not give"
        )
    return ()


def _check_engine_gives(options: RunOptions, estimator: Estimator, need: Need) -> None:
    """Raise UsageError for an estimator, chosen by name, whose signal the engine cannot give."""
    cannot = CANNOT.get(options.model, {})
    reasons = [cannot[signal] for signal in need.signals if signal in cannot]
    if reasons and len(reasons) == len(need.signals):
        raise UsageError(f"estimator {estimator.label} needs signal {need}: {reasons[0]}")


def _check_judge(
    options: RunOptions, estimator: Estimator, variant: str, families: Sequence[Family]
) -> None:
    if variant and variant not in QUESTIONNAIRES:
        raise UsageError(
            f"estimator {estimator.label} needs questionnaire {variant!r}, known: "
            f"{', '.join(QUESTIONNAIRES)}"
        )
    stored = all(variant in family.store.variants(Signal.JUDGEMENT) for family in families)
    if not options.judges and not stored:
        raise UsageError(
            f"estimator {estimator.label} needs a judge: give --judge and --judge_args, e.g. "
            "--judge hf --judge_args pretrained=NAME"
        )
