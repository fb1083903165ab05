"""The estimator interface."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any, ClassVar

import numpy as np

from .errors import EstimatorError
from .signals import Need, Signal, Signals
from .tables import FloatArray, ObjectArray


class Estimator:
    """Turns signals into one uncertainty score per question.

    A subclass sets ``name`` and ``needs`` and defines ``score``; the rest has defaults. Keyword
    arguments of ``__init__`` are parameters that users set as ``name(parameter=value)``.
    """

    name: ClassVar[str]
    """What reports call it."""
    needs: ClassVar[Collection[Signal | Need]] = frozenset()
    """Signals that ``score`` reads."""
    family: ClassVar[str] = "custom"
    """Kind of evidence, e.g. "answer distribution"."""
    cost: ClassVar[str] = "c"
    """c = one forward pass or reuse, m = one more pass or a long generation, x = many."""
    reference: ClassVar[str] = ""
    """Where the definition comes from."""

    def score(self, signals: Signals) -> FloatArray:
        """(n,) scores; higher = more likely wrong; NaN = no score."""
        raise NotImplementedError

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        """Why question ``row`` has no score; None for the runner's general reason."""
        return None

    @classmethod
    def requirements(cls) -> frozenset[Need]:
        """``needs`` in normal form."""
        return frozenset(Need.of(need) for need in cls.needs)

    @property
    def label(self) -> str:
        """``name``, with the parameters that differ from their defaults."""
        changed = []
        for parameter in inspect.signature(type(self)).parameters.values():
            value = getattr(self, parameter.name, parameter.default)
            if value != parameter.default:
                changed.append(f"{parameter.name}={value!r}")
        return f"{self.name}({','.join(changed)})" if changed else self.name

    @property
    def learns(self) -> bool:
        """Whether the estimator has a ``fit(signals, correct)``, called out of fold only."""
        return callable(getattr(self, "fit", None))


def evaluate(estimator: Estimator, signals: Signals) -> FloatArray:
    """``estimator.score(signals)``, checked: float64 of shape (n,).

    Raises EstimatorError, naming the estimator, where the result is anything else or ``score``
    itself raises.
    """
    try:
        with np.errstate(all="ignore"):
            raw: Any = estimator.score(signals)
    except EstimatorError:
        raise
    except Exception as error:
        raise EstimatorError(
            f"estimator {estimator.label!r} failed: {type(error).__name__}: {error}"
        ) from error
    try:
        scores = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise EstimatorError(
            f"estimator {estimator.label!r}: expected numbers, got {type(raw).__name__}"
        ) from error
    if scores.shape != (len(signals),):
        raise EstimatorError(
            f"estimator {estimator.label!r}: expected scores of shape ({len(signals)},), "
            f"got {scores.shape}"
        )
    return scores


def reasons(estimator: Estimator, signals: Signals, scores: FloatArray) -> ObjectArray:
    """(n,) why each NaN score is missing; None where there is a score."""
    result: ObjectArray = np.full(len(signals), None, dtype=object)
    for row in np.flatnonzero(np.isnan(scores)):
        result[row] = estimator.missing_reason(signals, int(row)) or _general_reason(
            estimator, signals, int(row)
        )
    return result


def _general_reason(estimator: Estimator, signals: Signals, row: int) -> str:
    for need in sorted(estimator.requirements(), key=str):
        for signal in sorted(need.signals):
            table = signals.tables.get(signal)
            if table is None:
                continue
            if need.variant:
                panel = table.panels.get(need.variant)
                seen = panel is not None and any(t.present[row] for t in panel.tables.values())
            else:
                seen = bool(table.present[row])
            if not seen:
                return f"no {need} stored"
    return "not defined on what is stored"
