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
from .asking.loaded_task import LoadedTask, TaskOptions
from .asking.own_loading import own_questions, say_understood
from .asking.task_loading import expand_tasks, load_tasks
from .asking.thinking_notice import check_budget
from .collecting import announce_costs, collect_probes, load_engine, record_work
from .judgements import collect_judgements
from .missing import find_missing, missing_from_cache, vanished
from .option_values import Overwrite
from .outcome import RunOutcome
from .plan import Plan, make_plan
from .resuming import stores_held
from .run_options import RunOptions
from .sharding import Shard, move_shards


def run(options: RunOptions) -> RunOutcome:
    """Run ``apprehend run``: collect, score and report.

    Raises UsageError, before any weight is loaded, for options that cannot work.
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
    """Run ``apprehend merge``: merge the shards of a results folder and score the result."""
    outcome = RunOutcome()
    outcome.merged = move_shards(results)
    score([TaskStore(path) for path in outcome.merged], outcome)
    return outcome


def check_options(options: RunOptions) -> list[Estimator] | None:
    """Check the options that do not depend on the questions; return the chosen estimators.

    None stands for no choice. Raises UsageError for options that cannot work.
    """
    check_engine(options.model)
    specs = expand_specs(options.estimators)
    estimators = None if specs is None else load_estimators(specs)
    check_prompts(options.prompts)
    check_judges(options.judges, options.max_cost)
    if options.metrics:
        from ..reporting.metric_loading import load_metrics

        load_metrics(options.metrics)
    return estimators


def load_questions(options: RunOptions) -> list[LoadedTask]:
    """Load the tasks with their questions. Raises UsageError for unknown ones."""
    prompts = {k: path for k, path in options.prompts.items() if not k.startswith("judge")}
    own = own_questions(options)
    tasks = load_tasks(
        expand_tasks(options.tasks, options.include_path, own),
        TaskOptions(
            options.data,
            options.fewshot_data,
            options.include_path,
            options.num_fewshot,
            prompts,
            options.gen_kwargs,
            options.as_letters,
            options.topic_field,
            options.normalization,
            options.seed,
            data_columns=options.data_columns,
        ),
    )
    if any(task.own for task in tasks):
        say_understood(options.data, options.data_columns, own)
    check_budget(options.thinking_budget, tasks)
    return tasks


def collect(plan: Plan, outcome: RunOutcome) -> None:
    """Collect what the plan needs and the stores lack: answers, then probes, then judgements.

    With ``only-cache``, only report what is missing.
    """
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
    """Compute uncertainty scores from the stored signals, and print how many."""
    before = list(outcome.problems)
    try:
        for store, scored in score_stores(stores, specs, committee):
            outcome.scored[store.path] = scored
            outcome.problems += scored.failed.values()
            rows = f"{outcome.merged[store.path]} rows merged, " if outcome.merged else ""
            count = len(scored.estimators) - len(scored.empty)
            say(f"{store.path}: {rows}{scored.questions} questions, {count} estimators scored")
            say_skipped(scored.skipped)
            say_skipped(scored.empty, "without a score")
    except ApprehendError as error:
        if not before:
            raise
        # The earlier problems explain why there is nothing to score.
        raise ApprehendError("; ".join([*before, str(error)])) from error


def report(
    results: Path, outcome: RunOutcome, paper_filter: bool, metrics: Sequence[str] = ()
) -> None:
    """Write tables, figures and a page of the scores, below the results."""
    from ..reporting.report_inputs import write_report

    failures = write_report(
        results, results / "report", paper_filter, formats=("png", "svg"), metrics=metrics
    )
    outcome.problems += failures
    outcome.reported = True


def say_collected(plan: Plan, outcome: RunOutcome) -> RunOutcome:
    """Print the final line of a shard, which is not scored by itself."""
    assert plan.options.shard is not None
    shard = Shard(*plan.options.shard)
    say(
        f"shard {shard.index} of {shard.count} is collected; `apprehend merge {plan.results}` "
        "merges all shards"
    )
    return outcome
