"""The spine: questions → plan → collect what is missing → score → report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...estimators.core.estimator import Estimator
from ...estimators.registry import load_estimators
from ..console.errors import ApprehendError
from ..console.options import say
from ..endpoints.budget import Budget
from ..engines.loading import check_engine
from ..judges.judge import check_judges
from ..judges.judging import check_prompts
from ..score.estimator_choice import expand_specs
from ..score.scoring import say_skipped, score_stores
from ..store.task_store import TaskStore
from .answering import collect_answers
from .asking.task_loading import LoadedTask, TaskOptions, expand_tasks, load_tasks
from .collecting import announce_costs, collect_probes, load_engine, record_work
from .judgements import collect_judgements
from .missing import find_missing, missing_from_cache, vanished
from .outcome import RunOutcome
from .plan import Plan, make_plan
from .resuming import stores_held
from .run_options import Overwrite, RunOptions
from .sharding import Shard, move_shards


def run(options: RunOptions) -> RunOutcome:
    """Do what ``apprehend run`` was asked to do.

    Raises UsageError before any weight is loaded where the options cannot work.
    """
    estimators = check_options(options)
    tasks = load_questions(options)
    plan = make_plan(options, estimators, tasks)
    outcome = RunOutcome(budget=Budget(options.max_requests, options.max_cost))
    with stores_held(plan):
        collect(plan, outcome)
        if plan.is_shard:  # merge scores all shards together
            return say_collected(plan, outcome)
        stores = [family.store for family in plan.families]
        score(stores, outcome, plan.specs, options.committee)
    if options.report:
        report(options.output_path, outcome, options.paper_filter, options.metrics)
    return outcome


def merge(results: Path) -> RunOutcome:
    """Do what ``apprehend merge`` was asked to do: collect from shards what they hold, score."""
    outcome = RunOutcome()
    outcome.merged = move_shards(results)
    score([TaskStore(path) for path in outcome.merged], outcome)
    return outcome


def check_options(options: RunOptions) -> list[Estimator] | None:
    """The chosen estimators, None where none were named. Raises UsageError for options that cannot
    work, whatever the questions are."""
    check_engine(options.model)
    specs = expand_specs(options.estimators)
    estimators = None if specs is None else load_estimators(specs)
    check_prompts(options.prompts)
    check_judges(options.judges, options.max_cost)
    if options.metrics:
        from ..score.metric_loading import load_metrics

        load_metrics(options.metrics)
    return estimators


def load_questions(options: RunOptions) -> list[LoadedTask]:
    """The tasks with their questions. Raises UsageError for unknown ones."""
    prompts = {k: path for k, path in options.prompts.items() if not k.startswith("judge")}
    return load_tasks(
        expand_tasks(options.tasks, options.include_path),
        TaskOptions(
            options.data, options.fewshot_data, options.include_path, options.num_fewshot, prompts
        ),
    )


def collect(plan: Plan, outcome: RunOutcome) -> None:
    """Collect what the plan needs and the stores lack, or with ``only-cache`` say what it is:
    answers, then probes, then judgements."""
    if plan.options.overwrite is Overwrite.ONLY_CACHE:
        outcome.problems += missing_from_cache(plan)
        return
    works = find_missing(plan)
    outcome.collected = sum(len(work.answers) for work in works)
    engine = load_engine(plan.options, works, outcome.budget)
    record_work(plan.options, works)
    announce_costs(plan, engine, works)
    collect_answers(plan.options, engine, works, outcome)
    collect_probes(plan.options, engine, works, outcome)
    collect_judgements(plan, engine, outcome)
    outcome.problems += vanished(works)


def score(
    stores: Sequence[TaskStore],
    outcome: RunOutcome,
    specs: list[str] | None = None,
    committee: Sequence[str] = (),
) -> None:
    """Turn the stored signals into uncertainty scores, and say how many."""
    before = list(outcome.problems)
    try:
        for store, scored in score_stores(stores, specs, committee):
            outcome.scored[store.path] = scored
            outcome.problems += scored.failed.values()
            rows = f"{outcome.merged[store.path]} rows joined, " if outcome.merged else ""
            count = len(scored.estimators)
            say(f"{store.path}: {rows}{scored.questions} questions, {count} estimators scored")
            say_skipped(scored.skipped)
    except ApprehendError as error:
        if not before:
            raise
        # Why there is nothing to score is what went wrong before.
        raise ApprehendError("; ".join([*before, str(error)])) from error


def report(
    results: Path, outcome: RunOutcome, paper_filter: bool, metrics: Sequence[str] = ()
) -> None:
    """Turn the scores into tables, plots and a page, below the results."""
    from ..score.report_inputs import write_report

    failures = write_report(
        results, results / "report", paper_filter, formats=("png", "svg"), metrics=metrics
    )
    outcome.problems += failures
    outcome.reported = True


def say_collected(plan: Plan, outcome: RunOutcome) -> RunOutcome:
    """What a shard ends with, instead of scores."""
    assert plan.options.shard is not None
    shard = Shard(*plan.options.shard)
    say(
        f"part {shard.index} of {shard.count} is collected; `apprehend merge {plan.results}` "
        "joins all parts"
    )
    return outcome
