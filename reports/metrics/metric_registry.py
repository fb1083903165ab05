"""Registry of the built-in metrics, and the columns of metrics.csv derived from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from . import (
    abstention,
    calibration_error,
    counts,
    information,
    missing_scores,
    ranking_metrics,
)
from .metric import SHOWN, Metric, MetricDeclarationError, Needs, declaration

_MODULES: tuple[ModuleType, ...] = (
    *(counts, ranking_metrics, abstention, information, calibration_error, missing_scores),
)
_KEYS = ("model", "task", "estimator", "topic")
_MADE = (
    *("n_topics", "rows", "replicates", "seed", "n_topics_total", "n_topics_few"),
    *("accuracy_low", "accuracy_high", "interval_method", "interval_note"),
)
"""Columns on the computation of a row, which are not metrics."""


def _declared(module: ModuleType) -> Iterator[Metric]:
    """Yield the metrics that a module declares, in order of definition."""
    for value in vars(module).values():
        if callable(value) and getattr(value, "__module__", "") != module.__name__:
            continue  # a function of another module
        for item in value if isinstance(value, tuple) else (value,):
            metric = declaration(item)
            if metric is not None:
                yield metric


@cache
def builtin_metrics() -> dict[str, Metric]:
    """List the metrics of this package: name → metric, in the order of their columns."""
    metrics = [metric for module in _MODULES for metric in _declared(module)]
    return {metric.name: metric for metric in sorted(metrics, key=lambda metric: metric.appended)}


def metric_columns(more: Sequence[Metric] = ()) -> tuple[str, ...]:
    """List the columns of metrics.csv: first release, later releases, additional metrics."""
    built_in = builtin_metrics().values()
    first = [name for metric in built_in if not metric.appended for name in metric.columns]
    later = [name for metric in (*built_in, *more) if metric.appended for name in metric.columns]
    return (*_KEYS, *first, *_MADE, *later)


def user_metrics(given: Sequence[Any]) -> list[Metric]:
    """Collect the declarations of additional metrics.

    Args:
        given: Functions decorated with `@metric`, or `Metric` objects.

    Returns:
        Their declarations, in order.

    Raises:
        MetricDeclarationError: One is not declared as a metric, or its column is already in use.
    """
    metrics: list[Metric] = []
    for value in given:
        metric = declaration(value)
        if metric is None:
            what = getattr(value, "__name__", repr(value))
            raise MetricDeclarationError(
                f"{what}: expected a function below @metric(better=…), from apprehend.reports"
            )
        taken = {column for other in metrics for column in other.columns}
        for column in metric.columns:
            if column in taken or column in METRIC_COLUMNS:
                owner = "another metric" if column in taken else "metrics.csv itself"
                raise MetricDeclarationError(
                    f"metric {metric.name!r}: {owner} has column {column!r}; choose another `name`"
                )
        metrics.append(metric)
    return metrics


def shown_metrics(shown: Sequence[str], more: Sequence[Metric] = ()) -> list[Metric]:
    """Select the metrics, built-in and additional, that the page shows in the given places."""
    known = [metric for metric in (*builtin_metrics().values(), *more) if metric.shown in shown]
    return sorted(known, key=lambda metric: SHOWN.index(metric.shown))


def metric_terms(more: Sequence[Metric] = ()) -> list[tuple[str, str]]:
    """Collect glossary entries: heading and definition with orientation of each shown metric."""
    listed = shown_metrics([place for place in SHOWN if place != "no"], more)
    terms = {}
    for metric in listed:
        claims = "Only for scores that are probabilities of an error."
        only = claims if metric.needs is Needs.PROBABILITIES else ""
        sentences = (metric.meaning, metric.orientation, only)
        terms[metric.heading or metric.name.replace("_", " ")] = " ".join(filter(None, sentences))
    return list(terms.items())


METRIC_COLUMNS = metric_columns()
"""Columns of metrics.csv without additional metrics."""
