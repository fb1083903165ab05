"""All built-in metrics, and the columns of metrics.csv, which follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from types import ModuleType
from typing import Any

from . import calibration_error, counts, information, missing_scores, ranking_metrics
from .metric import SHOWN, Metric, MetricDeclarationError, Needs, declaration

_MODULES: tuple[ModuleType, ...] = (
    *(counts, ranking_metrics, information, calibration_error, missing_scores),
)
_KEYS = ("model", "task", "estimator", "topic")
_MADE = (
    *("n_topics", "rows", "replicates", "seed", "n_topics_total", "n_topics_few"),
    *("accuracy_low", "accuracy_high", "interval_method", "interval_note"),
)
"""How a row was made: no metrics, so nothing is computed, averaged or shown because of them."""


def _declared(module: ModuleType) -> Iterator[Metric]:
    """The metrics that a module declares, in their order there."""
    for value in vars(module).values():
        if callable(value) and getattr(value, "__module__", "") != module.__name__:
            continue  # a function of another module
        for one in value if isinstance(value, tuple) else (value,):
            found = declaration(one)
            if found is not None:
                yield found


@cache
def builtin_metrics() -> dict[str, Metric]:
    """Name → metric of every metric of this package, in the order of their columns."""
    found = [one for module in _MODULES for one in _declared(module)]
    return {one.name: one for one in sorted(found, key=lambda one: one.appended)}


def metric_columns(more: Sequence[Metric] = ()) -> tuple[str, ...]:
    """The columns of metrics.csv: those of the first release, then those that came later, then
    those of the metrics in `more`."""
    built_in = builtin_metrics().values()
    first = [name for one in built_in if not one.appended for name in one.columns]
    later = [name for one in (*built_in, *more) if one.appended for name in one.columns]
    return (*_KEYS, *first, *_MADE, *later)


def user_metrics(given: Sequence[Any]) -> list[Metric]:
    """The metrics that objects are or functions are declared to be.

    Raises MetricDeclarationError for one that is none, or whose column is another one's.
    """
    found: list[Metric] = []
    for value in given:
        one = declaration(value)
        if one is None:
            what = getattr(value, "__name__", repr(value))
            raise MetricDeclarationError(
                f"{what}: expected a function below @metric(better=…), from apprehend.reports"
            )
        taken = {column for other in found for column in other.columns}
        for column in one.columns:
            if column in taken or column in METRIC_COLUMNS:
                whose = "another given metric's" if column in taken else "metrics.csv's own"
                raise MetricDeclarationError(
                    f"metric {one.name!r}: column {column!r} is {whose}; give it another `name`"
                )
        found.append(one)
    return found


def shown_metrics(shown: Sequence[str], more: Sequence[Metric] = ()) -> list[Metric]:
    """The built-in metrics and those in `more` that the page shows in some places, in their
    order."""
    known = [one for one in (*builtin_metrics().values(), *more) if one.shown in shown]
    return sorted(known, key=lambda one: SHOWN.index(one.shown))


def metric_terms(more: Sequence[Metric] = ()) -> list[tuple[str, str]]:
    """Terms for a glossary: heading, and meaning with orientation, of each metric of the page."""
    listed = shown_metrics([place for place in SHOWN if place != "no"], more)
    terms = {}
    for one in listed:
        claims = "Only for scores that are probabilities of an error."
        only = claims if one.needs is Needs.PROBABILITIES else ""
        told = (one.meaning, one.orientation, only)
        terms[one.heading or one.name.replace("_", " ")] = " ".join(filter(None, told))
    return list(terms.items())


METRIC_COLUMNS = metric_columns()
