"""Thresholds and rules of stored scores, as the command line shows and writes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from ...reports import (
    Evaluation,
    Rule,
    RuleError,
    apply_rule,
    choose_by_cost,
    choose_by_topic,
    choose_threshold,
    csv_text,
    drift_reading,
    make_rule,
    read_costs,
    read_rule,
    rule_drift,
)
from ..console.errors import ApprehendError, UsageError
from ..console.options import say, show
from ..store.files import write_text
from .report_building import evaluated_with

METHODS = ("ltt", "crc")


@dataclass(frozen=True)
class Wanted:
    """What the options of ``apprehend threshold`` ask for."""

    estimator: str
    target_risk: float
    confidence: float | None
    cost: str | None
    escalate_to: str | None
    by_topic: str | None
    development: float
    seed: int


def decide(
    results: Path,
    wanted: Wanted,
    model: str | None,
    task: str | None,
    output_path: Path | None,
    export: Path | None,
) -> None:
    """Choose thresholds, print them, and write them as CSV and as a rule.

    Raises UsageError for options that exclude each other, or more than one model and task to
    export.
    """
    if wanted.cost is not None and wanted.by_topic is not None:
        raise UsageError("--cost and --by_topic exclude each other; give one of them")
    if wanted.by_topic is not None and wanted.by_topic not in METHODS:
        raise UsageError(f"--by_topic: expected {' or '.join(METHODS)}, got {wanted.by_topic!r}")
    if wanted.escalate_to is not None and wanted.cost is None:
        raise UsageError("--escalate_to belongs to --cost")
    evaluated = evaluated_with(results, wanted.estimator, model, task)
    if wanted.escalate_to is not None:
        evaluated = [one for one in evaluated if one.model != wanted.escalate_to]
    if export is not None and len(evaluated) != 1:
        names = ", ".join(f"{one.model} on {one.task}" for one in evaluated)
        raise UsageError(f"--export writes one rule; choose --model and --task among: {names}")
    found = [_choose(results, one, wanted) for one in evaluated]
    frame = pd.concat([part for part, _ in found], ignore_index=True)
    _show(frame, wanted)
    if output_path is not None:
        write_text(output_path, csv_text(frame))
    if export is not None:
        write_text(export, found[0][1].text())
        say(f"rule: {export}")


def _choose(results: Path, evaluation: Evaluation, wanted: Wanted) -> tuple[pd.DataFrame, Rule]:
    split = (wanted.development, wanted.seed)
    settings: dict[str, Any] = {"development": wanted.development, "seed": wanted.seed}
    if wanted.cost is not None:
        try:
            costs = read_costs(wanted.cost)
        except ValueError as error:
            raise UsageError(f"--cost: {error}") from error
        if wanted.escalate_to is not None:
            risk = _escalated_risk(results, evaluation, wanted)
            costs = replace(costs, escalated_risk=risk)
        choice = choose_by_cost(evaluation, wanted.estimator, costs, *split)
        settings |= {"by": "cost", **{k: v for k, v in asdict(costs).items() if np.isfinite(v)}}
        thresholds, otherwise = {"": choice.threshold}, choice.otherwise
        frame = pd.DataFrame([asdict(choice)])
    elif wanted.by_topic is not None:
        level = 0.9 if wanted.confidence is None else wanted.confidence
        given = (wanted.by_topic, wanted.target_risk, level)
        frame = choose_by_topic(evaluation, wanted.estimator, *given, *split)
        settings |= {"by": wanted.by_topic, "target_risk": wanted.target_risk, "confidence": level}
        columns = zip(frame["topic"], frame["threshold"], strict=True)
        thresholds, otherwise = {str(t): float(v) for t, v in columns}, "abstain"
    else:
        given_risk = (wanted.target_risk, wanted.development, wanted.confidence, wanted.seed)
        chosen = choose_threshold(evaluation, wanted.estimator, *given_risk)
        settings |= {"by": "risk", "target_risk": wanted.target_risk}
        missing = np.isnan(chosen.threshold)
        thresholds = {"": float("-inf") if missing else chosen.threshold}
        otherwise, frame = "abstain", pd.DataFrame([asdict(chosen)])
    return frame, make_rule(evaluation, wanted.estimator, thresholds, otherwise, settings)


def _escalated_risk(results: Path, evaluation: Evaluation, wanted: Wanted) -> float:
    """Return the error rate of the larger model on the common questions of the task."""
    assert wanted.escalate_to is not None
    from ...reports import evaluations
    from ..store.task_store import Results
    from .report_inputs import report_input

    every = evaluations(report_input(Results(results)))
    larger = [e for e in every if (e.model, e.task) == (wanted.escalate_to, evaluation.task)]
    common = np.isin(larger[0].question_ids, evaluation.question_ids) if larger else np.zeros(0)
    if not common.any():
        known = ", ".join(sorted({e.model for e in every if e.task == evaluation.task}))
        raise UsageError(
            f"--escalate_to: no answers of {wanted.escalate_to!r} to questions of "
            f"{evaluation.task}, models: {known}"
        )
    return float(larger[0].errors[common.astype(np.bool_)].mean())


def _show(frame: pd.DataFrame, wanted: Wanted) -> None:
    table = Table(title=f"answer if {wanted.estimator} ≤ threshold", title_justify="left")
    topics = ("topic",) if wanted.by_topic else ()
    last = ("cost", "95 % interval", "answering all", "none", "otherwise")
    heads = ("model", "task", *topics, "threshold", "coverage", "risk")
    for name in (*heads, *(last if wanted.cost else ("kept", "95 % interval"))):
        table.add_column(name, overflow="fold")
    for row in frame.to_dict("records"):
        value = float(row["threshold"])
        shown = f"{value:.6g}" if np.isfinite(value) else "none reaches it"
        cells = [str(row["model"]), str(row["task"])]
        cells += [str(row["topic"]) or "all questions"] if topics else []
        risk = f"{row['risk']:.3f}" if row["risk"] == row["risk"] else "–"
        cells += [shown, f"{row['coverage']:.3f}", risk]
        if wanted.cost:
            ends = f"[{row['cost_low']:.3f}, {row['cost_high']:.3f}]"
            both = (f"{row['cost_answering_all']:.3f}", f"{row['cost_answering_none']:.3f}")
            cells += [f"{row['cost']:.3f}", ends, *both, str(row["otherwise"])]
        else:
            ends = f"[{row['risk_low']:.3f}, {row['risk_high']:.3f}]" if row["n_kept"] else "–"
            cells += [f"{row['n_kept']} of {row['n']}", ends]
        table.add_row(*cells)
    show(table)
    share = f"{wanted.development:.0%} of the questions (seed {wanted.seed})"
    if wanted.cost:
        say(f"chosen for the lowest mean cost on {share}; costs are measured on the others")
    elif wanted.by_topic == "ltt":
        level = 0.9 if wanted.confidence is None else wanted.confidence
        say(
            f"calibrated on {share}: per topic, the error rate of the answers kept is at most "
            f"{wanted.target_risk:g} with probability {level:g}; measured on the others"
        )
    elif wanted.by_topic:
        say(
            f"calibrated on {share}: per topic, the expected share of questions answered and wrong "
            f"is at most {wanted.target_risk:g}; measured on the others"
        )
    else:
        say(
            f"chosen for a risk of at most {wanted.target_risk:g} on {share}; coverage and risk "
            "are measured on the others"
        )


def read_rule_file(file: Path) -> Rule:
    """Read a rule. Raises UsageError without a file, ApprehendError if it holds no rule."""
    if not file.is_file():
        raise UsageError(f"no such file: {file}")
    try:
        return read_rule(file.read_text(encoding="utf-8"))
    except (RuleError, UnicodeDecodeError) as error:
        raise ApprehendError(f"{file}: {error}") from error


def apply_stored_rule(
    file: Path, results: Path, model: str | None, task: str | None, output_path: Path
) -> None:
    """Apply a rule to a store's scores: decisions as CSV, their error rates, and the drift.

    Raises ApprehendError if the file holds no rule.
    """
    rule = read_rule_file(file)
    (evaluation, *_) = evaluated_with(
        results, rule.estimator, model or rule.model, task or rule.task
    )
    scores = evaluation.scores[:, evaluation.estimators.index(rule.estimator)]
    raw = evaluation.raw[:, evaluation.estimators.index(rule.estimator)]
    topics: list[str | None] = [None] * scores.size
    for name, members in evaluation.topics.items():
        for row in members.tolist():
            topics[row] = name
    decisions = np.array(apply_rule(rule, scores, topics), dtype=object)
    frame = pd.DataFrame({"question_id": evaluation.question_ids, "topic": topics, "score": raw})
    frame["decision"], frame["answer"] = decisions, evaluation.answers
    frame["wrong"] = evaluation.errors
    write_text(output_path, csv_text(frame))
    given = decisions == "answer"
    wrong = int(evaluation.errors[given].sum())
    rate = f"{wrong / given.sum():.3f}" if given.any() else "–"
    say(
        f"{evaluation.model} on {evaluation.task}: {int(given.sum())} of {given.size} answered, "
        f"{wrong} of them wrong ({rate}); {int((~given).sum())} {rule.otherwise}"
    )
    found = rule_drift(rule, raw)
    say(
        f"drift: stability index {found.value:.3f} (by chance {found.chance:.3f}), "
        f"{drift_reading(found)}"
    )
    say(f"decisions: {output_path}")
