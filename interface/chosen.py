"""Estimators as a caller names them: specifications, classes, or instances."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import numpy as np

from .benchmark.console.errors import UsageError
from .estimators import (
    Estimator,
    Signals,
    builtin_estimators,
    cross_fit,
    evaluate,
    load_estimator,
    split_specs,
)
from .estimators.signals.tables import FloatArray

Chosen = str | Estimator | type[Estimator]


def instances(chosen: str | Sequence[Chosen]) -> list[Estimator]:
    """Create the chosen estimators.

    Args:
        chosen: Specifications such as ``"renyi_entropy(alpha=2)"``, one text of several separated
            by commas, classes, or instances.

    Returns:
        One instance each, in order.

    Raises:
        EstimatorLookupError: A name is unknown.
        UsageError: Something else than an estimator is given, or two have the same label.
    """
    listed = split_specs(chosen) if isinstance(chosen, str) else list(chosen)
    made = [_instance(item) for item in listed]
    labels = [item.label for item in made]
    for label in labels:
        if labels.count(label) > 1:
            raise UsageError(f"estimators: {label!r} is given {labels.count(label)} times")
    return made


def _instance(item: Chosen) -> Estimator:
    if isinstance(item, str):
        return load_estimator(item)
    if inspect.isclass(item) and issubclass(item, Estimator):
        return item()
    if isinstance(item, Estimator):
        return item
    raise UsageError(
        f"estimators: expected a name, an Estimator, or a function below @ap.estimator, got "
        f"{item!r}"
    )


def scores_of_one(estimator: Estimator, signals: Signals) -> FloatArray:
    """Return the (n,) scores of n answers, out of fold if the estimator learns."""
    if not estimator.learns:
        return evaluate(estimator, signals)
    return cross_fit(estimator, signals, signals.answer.correct).scores


def computable(signals: Signals) -> list[Estimator]:
    """Return the built-in estimators that have a score for any of these n answers.

    Those that learn are left out where no right options are known.
    """
    possible = []
    for cls in builtin_estimators().values():
        estimator = cls()
        met = all(need.signals & signals.tables.keys() for need in estimator.requirements())
        if not met or (estimator.learns and signals.gold is None):
            continue
        if not np.isnan(scores_of_one(estimator, signals)).all():
            possible.append(estimator)
    return possible
