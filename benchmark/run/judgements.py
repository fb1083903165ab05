"""Collecting judgements, by one judge of the panel after the other."""

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
from .families import Family
from .outcome import RunOutcome
from .plan import Plan
from .row_settings import judge_prompts, judge_settings
from .run_options import RunOptions


def collect_judgements(plan: Plan, engine: Engine | None, outcome: RunOutcome) -> None:
    """What each judge has not said yet; the assessed model judges first, on ``engine``."""
    options = plan.options
    own = [j for j in options.judges if (j.kind, j.args) == (options.model, options.model_args)]
    for judge in (*own, *(judge for judge in options.judges if judge not in own)):
        if judge not in own:
            engine = None
            gc.collect()  # frees a model's memory before the next one comes
        _judge(options, judge, plan.families, plan.questionnaires, outcome, engine)


def _judge(
    options: RunOptions,
    asked: JudgeOptions,
    families: Sequence[Family],
    questionnaires: Sequence[str],
    outcome: RunOutcome,
    engine: Engine | None,
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


def _wants_label_probs(options: RunOptions) -> bool:
    specs = expand_specs(options.estimators) or ()
    return any(estimator.reads_label_probabilities for estimator in load_estimators(specs))


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
