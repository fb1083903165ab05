"""The estimator interface."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..signals.batch import Need, Signal, Signals, Variants
from ..signals.estimator_errors import EstimatorError
from ..signals.tables import BoolArray, FloatArray, ObjectArray

T = TypeVar("T")


class _Requirements:
    """``requirements()`` of a class, or of an instance whose parameters change what it needs."""

    def __get__(
        self, instance: Estimator | None, owner: type[Estimator]
    ) -> Callable[[], frozenset[Need]]:
        needs = owner.needs if instance is None else instance.needs
        return lambda: frozenset(Need.of(need) for need in needs)


class Estimator:
    """Base class: computes one uncertainty score per question from signals.

    A subclass sets ``name`` and ``needs`` and defines ``score``; the rest has defaults. Keyword
    arguments of ``__init__`` are parameters that users set as ``name(parameter=value)``; each is
    kept as an attribute of the same name. One that learns from labels adds
    ``fit(signals, correct)``, where ``correct`` is (n,) bool; it is called out of fold only.
    """

    name: ClassVar[str]
    """Name in reports."""
    needs: Collection[Signal | Need] = frozenset()
    """Signals that ``score`` and ``fit`` read; ``__init__`` may set it by the parameters."""
    family: ClassVar[str] = "custom"
    """Kind of evidence, e.g. "answer distribution"."""
    cost: str = "c"
    """c = one forward pass or reuse, m = one more pass or a long generation, x = many."""
    reference: ClassVar[str] = ""
    """Reference of the definition."""
    holds_out_topics: ClassVar[bool] = True
    """Whether folds may hold out whole topics; False for estimators that learn about topics."""
    reads_positions: ClassVar[bool] = False
    """Whether the order of the options matters, so that reordering may change the score."""
    reads_label_probabilities: ClassVar[bool] = False
    """Whether ``score`` reads how probable each of a judge's labels is, beside the chosen one."""

    # What reports need to know of it; stored with its scores.
    is_probability: bool = False
    """Whether the score claims to be P(the answer is wrong), in [0, 1]; reports then assess its
    calibration. An entropy, even a normalized one, claims nothing of the kind. ``__init__`` may
    set it by the parameters."""
    is_entropy: ClassVar[bool] = False
    """Whether the score is the entropy, in nats or normalized, of the distribution from which the
    answer is drawn: its mean over questions then says how undecided a model is."""
    is_control: ClassVar[bool] = False
    """Whether the score knows nothing of the answer: any estimator must beat it."""
    is_sampled: ClassVar[bool] = False
    """Whether the score is computed from sampled answers, so that their temperature matters."""
    is_divergence: ClassVar[bool] = False
    """Whether the score compares the model's answer with its answer to another input, or with
    another model's; ``apprehend analyse`` maps it against an entropy."""
    unready: str = ""
    """Why it scores nothing as it was built: a parameter without a usable default is not set."""
    against_difficulty: ClassVar[bool] = False
    """Whether ``apprehend analyse`` sets its mean against a question's difficulty for others."""
    in_demo: ClassVar[bool] = False
    """Whether ``apprehend demo`` computes it."""
    look: ClassVar[tuple[str, str]] = ("", "")
    """Color (blue, vermilion, green, purple, orange, sky, gray) and line (-, --, :, -.) in
    figures; where empty, reports derive both from the name."""

    def score(self, signals: Signals) -> FloatArray:
        """Return the (n,) scores; higher = more likely wrong; NaN = no score."""
        raise NotImplementedError

    def missing_reason(self, signals: Signals, row: int) -> str | None:
        """Return why question ``row`` has no score; None for the general reason."""
        return None

    requirements = _Requirements()
    """Return ``needs`` in normal form."""

    @property
    def label(self) -> str:
        """``name`` with the parameters that differ from their defaults."""
        changed = []
        for parameter in inspect.signature(type(self)).parameters.values():
            value = getattr(self, parameter.name, parameter.default)
            if value != parameter.default:
                changed.append(f"{parameter.name}={value!r}")
        return f"{self.name}({','.join(changed)})" if changed else self.name

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return next(iter((inspect.getdoc(cls) or "").splitlines()), "")

    @property
    def learns(self) -> bool:
        """Whether the estimator has a ``fit(signals, correct)``, called out of fold only."""
        return callable(getattr(self, "fit", None))


def require_fit(estimator: Estimator, fitted: T | None) -> T:
    """Return what ``fit`` has learned. Raises EstimatorError if it has not been called."""
    if fitted is None:
        raise EstimatorError(
            f"estimator {estimator.label!r}: Expected `fit` before `score`; the runner fits it "
            "out of fold"
        )
    return fitted


def fresh(estimator: Estimator) -> Estimator:
    """Create an unfitted estimator with the same parameters.

    Raises EstimatorError if a parameter is not kept as an attribute of its name.
    """
    arguments = {}
    for name in inspect.signature(type(estimator)).parameters:
        if not hasattr(estimator, name):
            raise EstimatorError(
                f"estimator {estimator.label!r}: Expected parameter `{name}` to be kept as an "
                "attribute of that name"
            )
        arguments[name] = getattr(estimator, name)
    return type(estimator)(**arguments)


def evaluate(estimator: Estimator, signals: Signals) -> FloatArray:
    """Compute and validate ``estimator.score(signals)``.

    Args:
        estimator: the estimator, fitted if it learns.
        signals: a batch of n questions; gold answers and outcomes are hidden from the estimator.

    Returns:
        (n,) float64 scores; higher = more likely wrong, NaN = no score.

    Raises:
        EstimatorError: ``score`` raised an error, or returned anything else; the message names the
            estimator.
    """
    try:
        with np.errstate(all="ignore"):
            raw: Any = estimator.score(signals.blind())
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
    """Return why scores are missing.

    Args:
        estimator: the estimator.
        signals: the batch of n questions.
        scores: (n,) its scores.

    Returns:
        (n,) the reason for each NaN; None where there is a score.
    """
    result: ObjectArray = np.full(len(signals), None, dtype=object)
    rows = np.flatnonzero(np.isnan(scores))
    if not len(rows):
        return result
    result[rows] = _general_reasons(estimator, signals)[rows]
    if type(estimator).missing_reason is not Estimator.missing_reason:
        for row in rows.tolist():
            result[row] = estimator.missing_reason(signals, row) or result[row]
    return result


def _general_reasons(estimator: Estimator, signals: Signals) -> ObjectArray:
    """Return the first need that is not stored, per question."""
    result: ObjectArray = np.full(len(signals), "not defined on what is stored", dtype=object)
    for need in sorted(estimator.requirements(), key=str, reverse=True):
        stored = np.zeros(len(signals), dtype=bool)
        for signal in need.signals:
            stored |= _observed(signals, signal, need.variant)
        result[~stored] = f"no {need} stored"
    return result


def _observed(signals: Signals, signal: Signal, variant: str) -> BoolArray:
    table: Any = signals.tables.get(signal)
    if variant and isinstance(table, Variants):
        table = table.panels.get(variant)
    if table is None:
        return np.zeros(len(signals), dtype=bool)
    return np.asarray(table.present, dtype=bool)
