"""Computation of metrics.csv: every metric of every estimator on every group of questions."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..frames.inputs import ReportInput
from ..statistics.bootstrap import roc_auc_replicates
from ..statistics.intervals import (
    BOOTSTRAP,
    BOOTSTRAP_ALONE,
    NONE,
    SQUARES,
    Ends,
    enough,
    exact_share,
    mean_interval,
    percentile_interval,
    roc_auc_interval,
    too_few,
)
from ..statistics.ranking import FloatArray, IntArray
from ..statistics.short_repr import short_repr
from .evaluation import ALL, MACRO, Evaluation, Rows, evaluations
from .metric import Metric
from .metric_registry import builtin_metrics, metric_columns, user_metrics
from .scored_group import NoNumber, ScoredGroup

Record = dict[str, Any]


class MetricError(Exception):
    """A metric could not be computed; the message states which one, where and why."""


@dataclass(frozen=True)
class MetricFailure:
    """Value that a metric failed to compute.

    Attributes:
        metric, model, task, estimator, group: which value.
        reason: why.
    """

    metric: str
    model: str
    task: str
    estimator: str
    group: str
    reason: str

    def __str__(self) -> str:
        return (
            f"metric {self.metric} of {self.estimator}, {self.model} on {self.task}, "
            f"{self.group}: {self.reason}"
        )


@short_repr
@dataclass(frozen=True)
class Measured:
    """The metrics of a results folder, and the rows that they were computed on.

    Attributes:
        evaluated: one model on one task each.
        metrics: the frame of `compute_metrics`.
        more_metrics: additional metrics in it.
        failures: values that additional metrics failed to compute.
    """

    evaluated: Sequence[Evaluation]
    metrics: pd.DataFrame
    more_metrics: Sequence[Metric]
    failures: Sequence[MetricFailure]


def measure(
    data: ReportInput, rows: Rows, replicates: int, seed: int, metrics: Sequence[Any] = ()
) -> Measured:
    """Compute all metrics of a report; the arguments are those of `compute_analyses`."""
    more, failures = user_metrics(metrics), list[MetricFailure]()
    evaluated = evaluations(data, rows)
    frame = compute_metrics(data, rows, replicates, seed, evaluated, more, failures)
    return Measured(evaluated, frame, more, failures)


def compute_metrics(
    data: ReportInput,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    evaluated: Sequence[Evaluation] | None = None,
    metrics: Sequence[Any] = (),
    failures: list[MetricFailure] | None = None,
) -> pd.DataFrame:
    """Compute all metrics per model, task, estimator and topic.

    Errors are the positive class; higher scores mean more uncertain. Resamples depend only on the
    seed, model, task and group, neither on the order of rows nor on other rows of the table;
    estimators that score the same rows share them.

    Args:
        data: Scores and facts of a results folder.
        rows: Row convention, "all" or "paper"; see `evaluations`.
        replicates: Number of bootstrap resamples.
        seed: Seed of the resamples.
        evaluated: `evaluations(data, rows)`, if already computed.
        metrics: Additional metrics, functions decorated with `@metric`; each appends a column.
        failures: List to which values that an additional metric failed to compute are appended.

    Returns:
        One row per (model, task, estimator, topic) in full precision; `topic` is "all" (pooled),
        "macro" (unweighted mean over the topics with a defined ROC AUC), a topic, or
        "stratum=value". Columns beside those of the metrics, see `builtin_metrics`:

        - roc_auc_low, roc_auc_high: 95 % interval, see `roc_auc_interval`; NaN with fewer than
          `SMALLEST_CLASS` errors or correct answers. interval_method names the method,
          interval_note explains a missing interval.
        - n_topics, n_topics_total: number of topics averaged and of all topics (macro rows only);
          the others have one class only. n_topics_few of those averaged are too small for an
          interval of their own; the mean then has no interval either.
        - accuracy_low, accuracy_high: exact 95 % interval of the accuracy (except macro rows).
        - rows, replicates, seed: the arguments.

    Raises:
        MetricError: A metric raised or returned no number, and `failures` is None; with a list, the
            value is NaN.
        MetricDeclarationError: Two metrics have a column of the same name.
    """
    additional = user_metrics(metrics)
    selected = [*builtin_metrics().values(), *additional]
    failed: list[MetricFailure] = []
    records: list[Record] = []
    for evaluation in evaluations(data, rows) if evaluated is None else evaluated:
        records += _evaluate(evaluation, replicates, seed, data.probabilities, selected, failed)
    if failures is None and failed:
        raise MetricError(str(failed[0]))
    if failures is not None:
        failures += failed
    frame = pd.DataFrame.from_records(records, columns=list(metric_columns(additional)))
    counts = [metric.name for metric in selected if metric.kind == "count"]
    for column in (*counts, "n_topics", "n_topics_total", "n_topics_few"):
        frame[column] = frame[column].astype("Int64")
    return frame


def _evaluate(
    evaluation: Evaluation,
    replicates: int,
    seed: int,
    probabilities: frozenset[str],
    metrics: Sequence[Metric],
    failed: list[MetricFailure],
) -> list[Record]:
    common = evaluation.scored_by_all(evaluation.scores)
    drawn = {
        group: _replicates(evaluation, group, members, replicates, seed)
        for group, members in evaluation.groups.items()
    }
    records: list[Record] = []
    for k, estimator in enumerate(evaluation.estimators):
        base = {
            **{"model": evaluation.model, "task": evaluation.task, "estimator": estimator},
            **{"rows": evaluation.rows, "replicates": replicates, "seed": seed},
        }
        by_group: dict[str, Record] = {}
        for group, members in evaluation.groups.items():
            rows = ScoredGroup(
                evaluation.errors[members],
                evaluation.scores[members, k],
                evaluation.raw[members, k],
                evaluation.unparsed[members],
                common[members],
                estimator in probabilities,
            )
            where = (evaluation.model, evaluation.task, estimator, group)
            values = {metric.name: _value(metric, rows, where, failed) for metric in metrics}
            ends = {"topic": group} | _interval(values, drawn[group][:, k])
            by_group[group] = base | values | ends
        topics = [name for name in evaluation.topics if not np.isnan(by_group[name]["roc_auc"])]
        macro = base | _macro(
            [by_group[name] for name in topics],
            [drawn[name][:, k] for name in topics],
            metrics,
        )
        macro["n_topics_total"] = len(evaluation.topics)
        pooled = by_group.pop(ALL)
        records += [pooled, macro, *by_group.values()]
    return records


def _value(
    metric: Metric, rows: ScoredGroup, where: tuple[str, str, str, str], failed: list[MetricFailure]
) -> float:
    """Compute a metric; on failure append to `failed` and return NaN."""
    try:
        return rows.value(metric)
    except (Exception, SystemExit) as error:
        kind = "" if isinstance(error, NoNumber) else f"{type(error).__name__}: "
        failed.append(MetricFailure(metric.name, *where, " ".join(f"{kind}{error}".split())))
        return float("nan")


def _interval(values: Record, drawn: FloatArray) -> Record:
    """Compute the intervals of a group's ROC AUC and accuracy, with method or reason of absence."""
    wrong, n, area = values["n_errors"], values["n"], values["roc_auc"]
    (low, high), method = roc_auc_interval(area, wrong, n - wrong, drawn)
    accuracy = exact_share(n - wrong, n)
    return {
        **{"roc_auc_low": low, "roc_auc_high": high, "interval_method": method or None},
        "interval_note": too_few(wrong, n) or None,
        **{"accuracy_low": accuracy[0], "accuracy_high": accuracy[1]},
    }


def _macro(topics: list[Record], drawn: list[FloatArray], metrics: Sequence[Metric]) -> Record:
    """Average over topics, unweighted, with an interval if every topic has one.

    The interval is the percentile interval of averaged replicates, or, where a topic is too small
    for the bootstrap alone, combines the intervals of the topics.
    """
    record: Record = {"topic": MACRO, "n_topics": len(topics)}
    for metric in metrics:
        values = [topic[metric.name] for topic in topics]
        if metric.macro == "sum":
            record[metric.name] = sum(values)
        elif metric.macro == "mean":
            record[metric.name] = float(np.mean(values)) if values else float("nan")
    few = sum(not enough(topic["n_errors"], topic["n"]) for topic in topics)
    ends, method = _macro_interval(topics, drawn) if topics and not few else (NONE, None)
    record["roc_auc_low"], record["roc_auc_high"] = ends
    note = f"{few} of {len(topics)} topics have too few errors or right answers" if few else None
    return record | {"n_topics_few": few, "interval_method": method, "interval_note": note}


def _macro_interval(topics: list[Record], drawn: list[FloatArray]) -> tuple[Ends, str]:
    smallest = min(min(topic["n_errors"], topic["n"] - topic["n_errors"]) for topic in topics)
    ends = percentile_interval(np.mean(drawn, axis=0))
    if smallest >= BOOTSTRAP_ALONE and not np.isnan(ends[0]):
        return ends, BOOTSTRAP
    own = [(topic["roc_auc_low"], topic["roc_auc_high"]) for topic in topics]
    return mean_interval([topic["roc_auc"] for topic in topics], own), SQUARES


def _replicates(
    evaluation: Evaluation, group: str, members: IntArray, replicates: int, seed: int
) -> FloatArray:
    """Draw bootstrap replicates (replicates, k); estimators with the same rows share resamples."""
    name = "\0".join((evaluation.model, evaluation.task, group))
    stream = [seed, zlib.crc32(name.encode("utf-8", "surrogatepass"))]
    errors, scores = evaluation.errors[members], evaluation.scores[members]
    present = ~np.isnan(scores)
    patterns: dict[bytes, list[int]] = {}
    for k in range(scores.shape[1]):
        patterns.setdefault(present[:, k].tobytes(), []).append(k)
    result = np.full((replicates, scores.shape[1]), np.nan)
    for columns in patterns.values():
        chosen = present[:, columns[0]]
        block = scores[chosen][:, columns]
        result[:, columns] = roc_auc_replicates(errors[chosen], block, replicates, stream)
    return result
