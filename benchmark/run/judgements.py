"""Collect judgements, one judge of the panel after the other."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

from ...estimators.registry import load_estimators
from ...estimators.signals.batch import Signal
from ...tasks.questionnaires import ABOUT_QUESTION
from ..engines.shared.engine import Engine
from ..engines.shared.known import is_comparable
from ..judges.judge import OWN, Judge, known_judge, load_judge
from ..judges.judge_options import JudgeOptions
from ..judges.judging import judge_questions
from ..score.estimator_choice import expand_specs
from ..store import manifest as manifests
from ..store.provenance import SETTINGS, record_settings, settings_key
from ..store.task_store import Results, TaskStore
from .asking.thought_budget import without_budget
from .families import Family
from .outcome import RunOutcome
from .plan import Plan
from .row_settings import judge_prompts, judge_settings
from .run_options import RunOptions


def collect_judgements(plan: Plan, engine: Engine | None, outcome: RunOutcome) -> None:
    """Collect each judge's missing judgements; the evaluated model comes first, on ``engine``."""
    options = plan.options
    own = [j for j in options.judges if (j.kind, j.args) == (options.model, options.model_args)]
    for judge in (*own, *(judge for judge in options.judges if judge not in own)):
        if judge not in own:
            engine = None
            gc.collect()  # frees a model's memory before the next one is loaded
        _judge(options, judge, plan.families, plan.questionnaires, outcome, engine)


def _judge(
    options: RunOptions,
    judge_options: JudgeOptions,
    families: Sequence[Family],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
    engine: Engine | None,
) -> None:
    """Collect one judge's missing judgements, on ``engine`` if it is the evaluated model."""
    lacking = [f for f in families if _lacks_judgements(options, judge_options, f, questionnaires)]
    if not lacking:
        return
    prompts = judge_prompts(options)
    judge: Judge = load_judge(
        judge_options, options.batch_size, options.device, without_budget(engine), outcome.budget
    )
    identity = {**known_judge(judge_options), **judge.identity}
    settings_by_name = {name: judge_settings(identity, name, prompts) for name in questionnaires}
    for family in lacking:
        for name, settings in settings_by_name.items():
            manifests.check_settings(family.store, Signal.JUDGEMENT, name, judge.name, settings)
    for family in lacking:
        for name, settings in settings_by_name.items():
            record_settings(family.manifest, Signal.JUDGEMENT, name, judge.name, settings)
        family.manifest["judges"][judge.name] = identity
        family.store.write_manifest(family.manifest)
    for family in lacking:
        began, spent = time.monotonic(), outcome.budget.spent()
        borrowed = _borrow_judgements(options, family, questionnaires, judge.name)
        before = _judged(family.store, questionnaires, judge.name)
        problems, unread = judge_questions(
            family.store, judge, questionnaires, family.ids, prompts, _wants_label_probs(options)
        )
        outcome.problems += problems
        outcome.notes += [f"{note} ({family.store.task})" for note in unread]
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


def _lacks_judgements(
    options: RunOptions, judge: JudgeOptions, family: Family, questionnaires: Sequence[str]
) -> bool:
    """Return whether a judge must be loaded.

    It must be if judgements are missing, or if only loading it can tell that the stored ones are
    its own.
    """
    store = family.store
    recorded = store.manifest.get(SETTINGS) or {}
    known = known_judge(judge)
    texts = store.questions.column_names
    for name in questionnaires:
        settings = recorded.get(settings_key(Signal.JUDGEMENT, name, judge.name))
        if settings is None or (judge.kind in OWN and not is_comparable(known, settings)):
            return True
        if "question" in texts and set(family.ids) - store.done(Signal.JUDGEMENT, name, judge.name):
            return True
    return False


def _wants_label_probs(options: RunOptions) -> bool:
    specs = expand_specs(options.estimators) or ()
    return any(estimator.reads_label_probabilities for estimator in load_estimators(specs))


def _judged(store: TaskStore, questionnaires: Sequence[str], judge: str) -> int:
    return sum(len(store.done(Signal.JUDGEMENT, name, judge)) for name in questionnaires)


def _borrow_judgements(
    options: RunOptions, family: Family, questionnaires: Sequence[str], judge: str
) -> int:
    """Copy judgements of the same questions from other stores; returns their number.

    Judgements are about questions, not answers, so that tasks and models share them.
    """
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
