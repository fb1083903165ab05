"""Functions as estimators."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .benchmark.console.errors import UsageError, did_you_mean
from .estimators import Estimator, Need, Signal, Signals, Variants
from .estimators.signals.tables import BoolArray

Function = Callable[[Signals], Any]
Needed = str | Signal | Need


def estimator(
    needs: Needed | Sequence[Needed], *, name: str = "", is_probability: bool = False, **more: Any
) -> Callable[[Function], type[Estimator]]:
    """Turn the decorated function into an estimator::

        @ap.estimator(needs="answer")
        def gini(signals):
            \"\"\"1 - Σ p², in [0, 1).\"\"\"
            return 1 - np.nansum(signals.answer.option_probs**2, axis=1)

    Args:
        needs: Signals that the function reads, as names, e.g. ``"answer"``, ``"trace"``,
            ``"judgement[complexity]"``.
        name: Name in reports; the name of the function if empty.
        is_probability: Whether the score is P(the answer is wrong), in [0, 1].
        more: Other attributes of `Estimator`, e.g. ``family``, ``reference``.

    Returns:
        A decorator that returns a subclass of `Estimator`. The function gets `Signals` of n
        questions and returns (n,) scores: higher = more uncertain, NaN = none; a question without
        one of the signals has none in any case. In a file, the
        class is found by ``file.py:function`` like any other estimator.

    Raises:
        UsageError: A signal is unknown.
    """
    listed = [needs] if isinstance(needs, str | Need) else list(needs)
    needed = frozenset(_need(item) for item in listed)

    def declare(function: Function) -> type[Estimator]:
        def score(self: Estimator, signals: Signals) -> Any:
            scores = np.array(function(signals), dtype=np.float64)
            if scores.shape == (len(signals),):
                scores[~_observed(self, signals)] = np.nan
            return scores

        attributes = {
            **{"name": name or function.__name__, "needs": needed, "score": score},
            **{"is_probability": is_probability, "__doc__": inspect.getdoc(function)},
            **{"__module__": function.__module__, "__qualname__": function.__qualname__, **more},
        }
        return type(function.__name__, (Estimator,), attributes)

    return declare


def _observed(estimator: Estimator, signals: Signals) -> BoolArray:
    """Return (n,) whether each of the needed signals was observed."""
    observed = np.ones(len(signals), dtype=np.bool_)
    for need in estimator.requirements():
        tables = [signals.tables[s] for s in need.signals if s in signals.tables]
        panels = [
            table.panels[need.variant] if need.variant and isinstance(table, Variants) else table
            for table in tables
        ]
        observed &= np.any([panel.present for panel in panels], axis=0)
    return observed


def _need(given: Needed) -> Signal | Need:
    if isinstance(given, Signal | Need):
        return given
    text, _, variant = given.partition("[")
    known = [signal.value for signal in Signal]
    if text not in known:
        raise UsageError(f"needs: unknown signal {text!r}{did_you_mean(text, known)}")
    return Signal(text).variant(variant.removesuffix("]")) if variant else Signal(text)
