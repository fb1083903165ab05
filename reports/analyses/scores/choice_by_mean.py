"""The best of many estimators by the mean over topics, corrected: selection_by_mean.csv."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ...metrics.evaluation import Evaluation
from ...statistics.bootstrap import roc_auc_replicates
from ...statistics.intervals import (
    BOOTSTRAP_ALONE,
    Ends,
    enough,
    mean_interval,
    newcombe_interval,
    percentile_interval,
)
from ...statistics.ranking import FloatArray, IntArray, TieBlocks
from ...statistics.selection import Selection, select_best
from ...statistics.short_repr import short_repr
from ..task_analysis import task_analysis
from .choice import REPLICATES, chosen_columns

BY_MEAN_COLUMNS = (
    *("model", "task", "estimator", "n", "n_errors", "n_topics", "roc_auc", "roc_auc_low"),
    *("roc_auc_high", "best", "roc_auc_corrected", "low", "high", "probability_best"),
    *("indistinguishable", "replicates"),
)


@short_repr
@dataclass(frozen=True)
class TopicMeans:
    """Means over t topics of the ROC AUC of k estimators, on the questions that all scored.

    Attributes:
        n, n_errors: number of questions and of errors in these topics.
        areas: (t, k) ROC AUC by topic.
        replicates: (r, k) means over topics on paired resamples, drawn within topics and classes.
        ends: k intervals of the means.
        sure: whether all topics are large enough for the bootstrap alone.
    """

    n: int
    n_errors: int
    areas: FloatArray
    replicates: FloatArray
    ends: list[Ends]
    sure: bool


def topic_means(evaluation: Evaluation, replicates: int = REPLICATES) -> TopicMeans | None:
    """Compute means over topics; None with fewer than two topics, estimators, or ten of a class.

    The interval of a mean is the percentile interval of its resamples. With a topic too small for
    the bootstrap alone (`BOOTSTRAP_ALONE`), either end is the wider one of this and of the
    square-and-add combination of the topics' own intervals. These are wider of two as well; in a
    topic of a few answers, where all resamples are alike, Newcombe's interval alone is wide.
    """
    columns, common = chosen_columns(evaluation)
    topics: dict[str, IntArray] = {}
    for topic, members in evaluation.topics.items():
        rows = members[common[members]]
        if 0 < int(evaluation.errors[rows].sum()) < rows.size:
            topics[topic] = rows
    n = sum(rows.size for rows in topics.values())
    wrong = sum(int(evaluation.errors[rows].sum()) for rows in topics.values())
    if len(columns) < 2 or len(topics) < 2 or not enough(wrong, n):
        return None
    areas, ends = np.empty((len(topics), len(columns))), list[list[Ends]]()
    total, smallest = np.zeros((replicates, len(columns))), n
    for place, (topic, rows) in enumerate(topics.items()):
        errors, block = evaluation.errors[rows], evaluation.scores[rows][:, columns]
        drawn = roc_auc_replicates(errors, block, replicates, _stream(evaluation, topic))
        total += drawn
        areas[place] = [TieBlocks.from_rows(errors, column).roc_auc() for column in block.T]
        sizes = int(errors.sum()), int((~errors).sum())
        smallest = min(smallest, *sizes)
        ends.append(
            [
                _topic_interval(float(areas[place, k]), sizes, drawn[:, k])
                for k in range(len(columns))
            ]
        )
    means = total / len(topics)
    sure = smallest >= BOOTSTRAP_ALONE
    found = [
        _mean_interval(areas[:, k], [own[k] for own in ends], means[:, k], sure)
        for k in range(len(columns))
    ]
    return TopicMeans(n, wrong, areas, means, found, sure)


def _stream(evaluation: Evaluation, topic: str) -> list[int]:
    name = "\0".join((evaluation.model, evaluation.task, "selection by mean", topic))
    return [0, zlib.crc32(name.encode("utf-8", "surrogatepass"))]


def _topic_interval(area: float, sizes: tuple[int, int], drawn: FloatArray) -> Ends:
    """Return the wider end of bootstrap and Newcombe's interval on either side, at any size."""
    low, high = newcombe_interval(area, *sizes)
    ends = percentile_interval(drawn)
    return (low, high) if np.isnan(ends[0]) else (min(low, ends[0]), max(high, ends[1]))


def _mean_interval(areas: FloatArray, own: list[Ends], drawn: FloatArray, sure: bool) -> Ends:
    ends = percentile_interval(drawn)
    if sure and not np.isnan(ends[0]):
        return ends
    low, high = mean_interval(areas.tolist(), own)
    return (low, high) if np.isnan(ends[0]) else (min(low, ends[0]), max(high, ends[1]))


def selected_by_mean(means: TopicMeans) -> Selection:
    """Correct the highest mean over topics for the choice, repeated in every resample.

    With a topic too small for the bootstrap alone, either end is at least as far from the corrected
    value as the end of the mean's own interval is from the mean.
    """
    values: FloatArray = means.areas.mean(axis=0)
    choice = select_best(values, means.replicates)
    if means.sure or np.isnan(choice.corrected):
        return choice
    low, high = means.ends[choice.best]
    shift = choice.corrected - choice.value
    ends = (low + shift, high + shift)
    if not np.isnan(choice.low):
        ends = (min(choice.low, ends[0]), max(choice.high, ends[1]))
    return replace(choice, low=max(ends[0], 0.0), high=min(ends[1], 1.0))


@task_analysis(file="selection_by_mean")
def compute_selection_by_mean(evaluation: Evaluation) -> pd.DataFrame:
    """Correct the highest mean over topics of one model on one task for the choice.

    As `compute_selection`, with the choice by the unweighted mean over topics instead of the pooled
    ROC AUC; n_topics counts those with right and wrong answers. `roc_auc_low` and `roc_auc_high`
    are each mean's own interval, `low` and `high` (the best one's row alone) that of the choice.
    """
    means = topic_means(evaluation)
    if means is None:
        return pd.DataFrame({name: [] for name in BY_MEAN_COLUMNS})
    columns, _ = chosen_columns(evaluation)
    choice = selected_by_mean(means)
    low, high = choice.low, choice.high
    records: list[dict[str, Any]] = []
    for place, k in enumerate(columns):
        best = place == choice.best
        area = float(means.areas[:, place].mean())
        ends = means.ends[place]
        records.append(
            {
                **{"model": evaluation.model, "task": evaluation.task},
                **{"estimator": evaluation.estimators[k], "n": means.n, "n_errors": means.n_errors},
                **{"n_topics": means.areas.shape[0], "roc_auc": area},
                **{"roc_auc_low": ends[0], "roc_auc_high": ends[1], "best": best},
                "roc_auc_corrected": choice.corrected if best else float("nan"),
                **{"low": low if best else float("nan"), "high": high if best else float("nan")},
                "probability_best": float(choice.probabilities[place]),
                "indistinguishable": bool(choice.indistinguishable[place]),
                "replicates": REPLICATES,
            }
        )
    return pd.DataFrame.from_records(records, columns=list(BY_MEAN_COLUMNS))
