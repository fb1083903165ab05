"""metrics.csv: every metric of every estimator on every group of questions."""

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
from .evaluation import ALL, MACRO, Evaluation, Rows, evaluations
from .metric import Metric
from .metric_registry import builtin_metrics, metric_columns, user_metrics
from .scored_group import NoNumber, ScoredGroup

Record = dict[str, Any]


class MetricError(Exception):
    """A metric could not be computed; the message says which, where and why."""


@dataclass(frozen=True)
class MetricFailure:
    """One value that a metric did not give: where, and why."""

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


def compute_metrics(
    data: ReportInput,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    evaluated: Sequence[Evaluation] | None = None,
    metrics: Sequence[Any] = (),
    failures: list[MetricFailure] | None = None,
) -> pd.DataFrame:
    """Metrics per (model, task, estimator, topic), one row each, in full precision.

    `topic` is "all" (pooled), "macro" (unweighted mean over the topics with a defined ROC AUC), a
    topic, or "stratum=value". Orientation: errors are positives, higher scores are more
    uncertain. Columns, beside those of the metrics (`builtin_metrics` says what each means):

    - roc_auc_low, roc_auc_high: 95 % interval, see `roc_auc_interval`, NaN with fewer than
      `SMALLEST_CLASS` errors or right answers; interval_method names it, interval_note says why
      there is none;
    - n_topics: topics averaged (macro rows only), of n_topics_total; the others hold one class
      only. n_topics_few of those averaged are too small for an interval of their own: they count
      in the mean, which then has no interval either;
    - accuracy_low, accuracy_high: the exact 95 % interval of the accuracy (not of macro rows);
    - rows, replicates, seed: how the table was made.

    The resamples depend on seed, model, task and group only, not on the order of rows or on what
    else is in the table. Estimators that score the same rows share them. `evaluated` is what
    `evaluations(data, rows)` gives, where it is known already.

    `metrics` are further metrics, functions below `@metric`; each adds a column at the end. Where
    one raises or gives no number, its value there is NaN and `failures` gets a line, or, without
    a list, MetricError is raised. Raises MetricDeclarationError where a column would be in it
    twice.
    """
    more = user_metrics(metrics)
    asked = [*builtin_metrics().values(), *more]
    failed: list[MetricFailure] = []
    records: list[Record] = []
    for evaluation in evaluations(data, rows) if evaluated is None else evaluated:
        records += _evaluate(evaluation, replicates, seed, data.probabilities, asked, failed)
    if failures is None and failed:
        raise MetricError(str(failed[0]))
    if failures is not None:
        failures += failed
    frame = pd.DataFrame.from_records(records, columns=list(metric_columns(more)))
    counts = [one.name for one in asked if one.kind == "count"]
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
            values = {one.name: _value(one, rows, where, failed) for one in metrics}
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
    """The metric of these rows; NaN, with a line in `failed`, where it cannot be computed."""
    try:
        return rows.value(metric)
    except (Exception, SystemExit) as error:
        kind = "" if isinstance(error, NoNumber) else f"{type(error).__name__}: "
        failed.append(MetricFailure(metric.name, *where, " ".join(f"{kind}{error}".split())))
        return float("nan")


def _interval(values: Record, drawn: FloatArray) -> Record:
    """Ends of the intervals of a group's ROC AUC and accuracy, with the method or why none is."""
    wrong, n, area = values["n_errors"], values["n"], values["roc_auc"]
    (low, high), method = roc_auc_interval(area, wrong, n - wrong, drawn)
    accuracy = exact_share(n - wrong, n)
    return {
        **{"roc_auc_low": low, "roc_auc_high": high, "interval_method": method or None},
        "interval_note": too_few(wrong, n) or None,
        **{"accuracy_low": accuracy[0], "accuracy_high": accuracy[1]},
    }


def _macro(topics: list[Record], drawn: list[FloatArray], metrics: Sequence[Metric]) -> Record:
    """Unweighted mean over topics, with its interval where every topic has its own.

    The interval comes from the topics' own replicates, or, where a topic is too small for these
    alone, from the topics' intervals.
    """
    record: Record = {"topic": MACRO, "n_topics": len(topics)}
    for one in metrics:
        values = [topic[one.name] for topic in topics]
        if one.macro == "sum":
            record[one.name] = sum(values)
        elif one.macro == "mean":
            record[one.name] = float(np.mean(values)) if values else float("nan")
    few = sum(not enough(topic["n_errors"], topic["n"]) for topic in topics)
    ends, method = _macro_interval(topics, drawn) if topics and not few else (NONE, None)
    record["roc_auc_low"], record["roc_auc_high"] = ends
    note = f"{few} of {len(topics)} topics have too few errors or right answers" if few else None
    return record | {"n_topics_few": few, "interval_method": method, "interval_note": note}


def _macro_interval(topics: list[Record], drawn: list[FloatArray]) -> tuple[Ends, str]:
    smallest = min(min(one["n_errors"], one["n"] - one["n_errors"]) for one in topics)
    ends = percentile_interval(np.mean(drawn, axis=0))
    if smallest >= BOOTSTRAP_ALONE and not np.isnan(ends[0]):
        return ends, BOOTSTRAP
    own = [(one["roc_auc_low"], one["roc_auc_high"]) for one in topics]
    return mean_interval([one["roc_auc"] for one in topics], own), SQUARES


def _replicates(
    evaluation: Evaluation, group: str, members: IntArray, replicates: int, seed: int
) -> FloatArray:
    """Bootstrap replicates (replicates, k); estimators with the same rows share resamples."""
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
