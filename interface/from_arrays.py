"""Scores and metrics of arrays, without a results folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from .arrays import (
    Scores,
    answer_signals,
    input_of_arrays,
    named_scores,
    option_indices,
    option_matrix,
)
from .benchmark.console.errors import did_you_mean
from .chosen import Chosen, computable, instances, scores_of_one
from .estimators.signals.tables import FloatArray
from .metric_intervals import bootstrap_interval
from .reports import Metric, Needs, builtin_metrics, compute_metrics
from .reports.statistics.intervals import mean_interval
from .tasks import LETTERS

LISTED = ("estimator", "group", "metric", "value", "low", "high", "n", "errors")
OWN_INTERVAL = ("roc_auc", "accuracy")
"""Metrics whose intervals `compute_metrics` gives."""


def score(
    *,
    option_logprobs: npt.ArrayLike | None = None,
    option_probs: npt.ArrayLike | None = None,
    gold: npt.ArrayLike | None = None,
    answer: npt.ArrayLike | None = None,
    topic: Sequence[object] | None = None,
    question_id: Sequence[object] | None = None,
    estimators: str | Sequence[Chosen] | None = None,
) -> pd.DataFrame:
    """Compute uncertainty scores of n answers from the distributions over their options.

    Args:
        option_logprobs: (n, K) log-probabilities (nats) or logits of the options; rows may differ
            in length, or end in NaN.
        option_probs: (n, K) probabilities instead; they are normalized.
        gold: (n,) letters or indices (from 0) of the right options; needed by estimators that
            learn, which are then fitted out of fold, and for the column ``correct``.
        answer: (n,) letters or indices of the answers; the most probable options if None.
        topic: (n,) topics.
        question_id: (n,) ids; 0, 1, … if None.
        estimators: Specifications, classes, instances, or functions below `estimator`; None for
            every built-in one that can be computed from what is given.

    Returns:
        One row per question: question_id, topic, answer, correct (null without gold), and a column
        per estimator; higher = more uncertain, NaN = no score.

    Raises:
        ValueError: Not exactly one of logprobs and probs is given, or shapes or values are wrong.
        EstimatorError: An estimator is unknown, needs other signals, or failed.
    """
    if (option_logprobs is None) == (option_probs is None):
        raise ValueError("Expected one of option_logprobs and option_probs.")
    logprobs = _logprobs(option_logprobs, option_probs)
    counts = (~np.isnan(logprobs)).sum(axis=1)
    right = None if gold is None else option_indices(gold, counts, "gold")
    given = None if answer is None else option_indices(answer, counts, "answer")
    signals = answer_signals(logprobs, right, given, topic, question_id)
    chosen = computable(signals) if estimators is None else instances(estimators)
    known = signals.answer.correct >= 0
    letters = np.array([*LETTERS, None], dtype=object)
    frame = pd.DataFrame(
        {
            "question_id": signals.question_id,
            "topic": signals.topic,
            "answer": letters[signals.answer.answer],
            "correct": pd.array(signals.answer.correct == 1, dtype="boolean"),
        }
    )
    frame.loc[~known, "correct"] = pd.NA
    for estimator in chosen:
        frame[estimator.label] = scores_of_one(estimator, signals)
    return frame


def _logprobs(logprobs: npt.ArrayLike | None, probs: npt.ArrayLike | None) -> FloatArray:
    if probs is None:
        assert logprobs is not None
        return option_matrix(logprobs, "option_logprobs")
    given = option_matrix(probs, "option_probs")
    total = np.nansum(given, axis=1, keepdims=True)
    wrong = ((given < 0) | (given > 1)).any(axis=1) | (total[:, 0] <= 0)
    if wrong.any():
        raise ValueError(
            f"Expected option_probs in [0, 1], not all 0, got others in row {wrong.argmax()}."
        )
    with np.errstate(divide="ignore"):
        result: FloatArray = np.log(given / total)
    return result


def evaluate(
    errors: npt.ArrayLike,
    scores: Scores,
    *,
    by: npt.ArrayLike | None = None,
    metrics: Sequence[str | Metric] = ("roc_auc",),
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure how well scores predict errors.

    Args:
        errors: (n,) true where the answer is wrong.
        scores: (n,) one score, or several by name (mapping or data frame); higher = more
            uncertain, NaN = none.
        by: (n,) topics; adds a group for each, and their unweighted mean, "macro".
        metrics: Names of metrics (``apprehend list metrics``), or functions decorated with
            `apprehend.reports.metric`. Those of probabilities take the scores as P(error).
        replicates: Number of bootstrap resamples.
        seed: Seed of the resamples.

    Returns:
        One row per score, group and metric: value, ends of its 95 % interval (NaN where there are
        too few errors or correct answers), number of rows and of errors.

    Raises:
        ValueError: Shapes differ, a metric is unknown, or a score is no probability where a metric
            needs one.
    """
    declared = [_metric(name) for name in metrics]
    additional = [item for item in declared if item.name not in builtin_metrics()]
    claims = any(item.needs is Needs.PROBABILITIES for item in declared)
    columns = named_scores(scores)
    for name, values in columns.items() if claims else ():
        outside = (values < 0) | (values > 1)
        if outside.any():
            raise ValueError(
                f"Expected {name} to be probabilities of an error, got {values[outside][0]:g} in "
                f"row {outside.argmax()}."
            )
    data = input_of_arrays(errors, columns, by, claims)
    frame = compute_metrics(data, "all", replicates, seed, metrics=additional)
    wrong = np.asarray(errors).astype(np.bool_)
    topics = None if by is None else np.asarray(by, dtype=object)
    rows = []
    for label, part in frame.groupby("estimator", sort=False):
        name = str(label)
        for item in declared:
            ends: dict[str, tuple[float, float]] = {}
            for record in part.to_dict("records"):
                group = str(record["topic"])
                if group == "macro":
                    continue
                if item.name in OWN_INTERVAL:
                    ends[group] = (record[f"{item.name}_low"], record[f"{item.name}_high"])
                else:
                    inside = slice(None) if group == "all" else topics == group
                    ends[group] = bootstrap_interval(
                        item, wrong[inside], columns[name][inside], replicates, seed
                    )
            rows += _rows(name, part, item, ends, by is not None)
    return pd.DataFrame(rows, columns=list(LISTED))


def _metric(name: str | Metric) -> Metric:
    from .reports import declaration

    if isinstance(name, str):
        known = builtin_metrics()
        if name not in known:
            raise ValueError(f"Expected a metric, got {name!r}{did_you_mean(name, known)}")
        return known[name]
    declared = declaration(name)
    if declared is None:
        raise ValueError(f"Expected a metric or a function below @metric, got {name!r}.")
    return declared


def _rows(
    name: str,
    part: pd.DataFrame,
    metric: Metric,
    ends: dict[str, tuple[float, float]],
    with_macro: bool,
) -> list[dict[str, object]]:
    rows = []
    for record in part.to_dict("records"):
        group, value = str(record["topic"]), record[metric.name]
        if group == "macro" and not with_macro:
            continue
        if group == "macro" and metric.name == "roc_auc":
            low, high = record["roc_auc_low"], record["roc_auc_high"]
        elif group == "macro":
            others = part[~part["topic"].isin(["all", "macro"])].dropna(subset=[metric.name])
            defined = metric.macro == "mean" and len(others) > 0
            values = [float(v) for v in others[metric.name]]
            own = [ends[str(topic)] for topic in others["topic"]]
            low, high = mean_interval(values, own) if defined else (np.nan, np.nan)
        else:
            low, high = ends[group]
        cells = (name, group, metric.name, value, low, high, record["n"], record["n_errors"])
        rows.append(dict(zip(LISTED, cells, strict=True)))
    return rows
