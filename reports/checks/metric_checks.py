"""Conformance checks of metrics, built-in or third-party, for use in a metric's own tests.

from apprehend.reports import check_metric

def test_conforms():
    assert not [check for check in check_metric(my_metric) if check.status == "failed"]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metrics.metric import Metric, Needs
from ..metrics.metric_registry import user_metrics
from ..metrics.scored_group import ScoredGroup, as_number
from ..statistics.ranking import BoolArray, FloatArray

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
TOLERANCE = 1e-9
Rows = tuple[BoolArray, FloatArray]


@dataclass(frozen=True)
class MetricOutcome:
    """Outcome of one check: "passed", "failed" or "skipped", with the reason if not passed."""

    check: str
    status: str
    reason: str = ""


class _Failed(Exception):
    """The metric does not conform; the message states where."""


class _Skipped(Exception):
    """The check does not apply; the message states why."""


class _Bench:
    """Metric with synthetic rows: tied scores in [0, 1] that predict errors better than chance."""

    def __init__(self, metric: Metric, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        errors = rng.random(count) < 0.4
        scores = np.clip(np.round(0.35 + 0.25 * errors + 0.2 * rng.normal(size=count), 2), 0, 1)
        self.metric, self.rows, self.rng = metric, (errors, scores), rng

    def value(self, errors: BoolArray, scores: FloatArray) -> float:
        """Compute the metric by its own function."""
        metric, rows = self.metric, (errors.copy(), scores.copy())
        if metric.needs is Needs.GROUP:
            return as_number(metric, metric.compute(ScoredGroup.of(*rows, claims=True)))
        return as_number(metric, metric.compute(*rows))

    def cases(self) -> Iterator[tuple[str, Rows]]:
        """Yield edge cases with their names."""
        errors, scores = self.rows
        yield "ordinary rows", self.rows
        yield "all answers right", (np.zeros_like(errors), scores)
        yield "all answers wrong", (np.ones_like(errors), scores)
        yield "one right answer", (np.array([False]), np.array([0.3]))
        yield "one wrong answer", (np.array([True]), np.array([0.3]))
        yield "no rows", (errors[:0], scores[:0])
        yield "a constant score", (errors, np.full(scores.shape, 0.5))
        yield "binary scores", (errors, np.where(scores > 0.5, 1.0, 0.0))
        yield "a perfect ranking", (errors, np.where(errors, 1.0, 0.0))
        yield "a reversed ranking", (errors, np.where(errors, 0.0, 1.0))
        if self.metric.needs is not Needs.PROBABILITIES:
            yield "large and negative scores", (errors, 1e6 * (scores - 0.5))
            unparsed = np.where(np.arange(scores.size) % 7 == 0, np.inf, scores)
            yield "unparsed answers (+∞)", (errors, unparsed)


def check_metric(metric: Any, count: int = 300, seed: int = 0) -> list[MetricOutcome]:
    """Run all conformance checks of a metric on synthetic rows.

    Args:
        metric: A function decorated with `@metric`, or a built-in metric.
        count: Number of rows.
        seed: Seed of the rows.

    Returns:
        One outcome per check; an exception of the metric is a failed check.

    Raises:
        MetricDeclarationError: `metric` is not declared as a metric.
    """
    declared = metric if isinstance(metric, Metric) else user_metrics([metric])[0]
    bench = _Bench(declared, count, seed)
    return [_run(name, check, bench) for name, check in CHECKS.items()]


def _run(name: str, check: Callable[[_Bench], None], bench: _Bench) -> MetricOutcome:
    try:
        with np.errstate(all="ignore"):
            check(bench)
    except _Skipped as skip:
        return MetricOutcome(name, SKIPPED, str(skip))
    except _Failed as failure:
        return MetricOutcome(name, FAILED, str(failure))
    except (Exception, SystemExit) as error:
        return MetricOutcome(name, FAILED, " ".join(f"{type(error).__name__}: {error}".split()))
    return MetricOutcome(name, PASSED)


def _number(bench: _Bench) -> None:
    """Check that ordinary rows give a finite number."""
    value = bench.value(*bench.rows)
    if not math.isfinite(value):
        raise _Failed(f"Expected a finite number on {len(bench.rows[0])} rows, but got {value}")


def _row_order(bench: _Bench) -> None:
    """Check invariance to the order of rows."""
    errors, scores = bench.rows
    value, order = bench.value(errors, scores), bench.rng.permutation(errors.size)
    for what, at in (("shuffled", order), ("reversed", np.arange(errors.size)[::-1])):
        again = bench.value(errors[at], scores[at])
        if not np.isclose(again, value, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise _Failed(f"{value!r} became {again!r} with the rows {what}")


def _deterministic(bench: _Bench) -> None:
    """Check that equal rows give equal values."""
    values = [bench.value(*bench.rows) for _ in range(3)]
    if not np.array_equal(values, values[:1] * 3, equal_nan=True):
        raise _Failed(f"The same rows gave {values[0]!r}, {values[1]!r} and {values[2]!r}")


def _unchanged(bench: _Bench) -> None:
    """Check that the arguments are not modified."""
    metric, given = bench.metric, (bench.rows[0].copy(), bench.rows[1].copy())
    grouped = metric.needs is Needs.GROUP
    metric.compute(ScoredGroup.of(*given, claims=True)) if grouped else metric.compute(*given)
    for what, before, after in zip(("errors", "scores"), bench.rows, given, strict=True):
        if not np.array_equal(before, after):
            raise _Failed(f"The metric modified its argument {what}")


def _edge_cases(bench: _Bench) -> None:
    """Check that edge cases give a number or NaN without raising."""
    for what, rows in bench.cases():
        try:
            bench.value(*rows)
        except (Exception, SystemExit) as error:
            raise _Failed(f"{what}: {type(error).__name__}: {error}") from error


def _range(bench: _Bench) -> None:
    """Check that all values lie within the declared bounds."""
    low, high = bench.metric.bounds
    for what, rows in bench.cases():
        value = bench.value(*rows)
        if value < low - TOLERANCE or value > high + TOLERANCE:
            raise _Failed(f"{what}: {value!r} is not in {bench.metric.range_text}")


def _orientation(bench: _Bench) -> None:
    """Check that a perfect ranking is at least as good as the reversed one."""
    if bench.metric.better == "neither":
        raise _Skipped("neither direction is declared better")
    errors = bench.rows[0]
    perfect = bench.value(errors, np.where(errors, 1.0, 0.0))
    wrong = bench.value(errors, np.where(errors, 0.0, 1.0))
    worse = perfect < wrong if bench.metric.better == "higher" else perfect > wrong
    if worse or math.isnan(perfect):
        raise _Failed(
            f"{bench.metric.better} is declared better, but a perfect ranking has {perfect!r}, "
            f"the reversed one {wrong!r}"
        )


def _ties(bench: _Bench) -> None:
    """Check that the function of tie blocks gives equal values."""
    from_ties = bench.metric.from_ties
    if from_ties is None:
        raise _Skipped("the metric declares no function of tie blocks")
    for what, rows in bench.cases():
        value, fast = bench.value(*rows), from_ties(ScoredGroup.of(*rows).ties)
        if not np.isclose(fast, value, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            raise _Failed(f"{what}: {value!r}, but from tie blocks {fast!r}")


CHECKS: dict[str, Callable[[_Bench], None]] = {
    "a number": _number,
    "row order": _row_order,
    "determinism": _deterministic,
    "inputs unchanged": _unchanged,
    "edge cases": _edge_cases,
    "range": _range,
    "orientation": _orientation,
    "tie blocks": _ties,
}
"""Name → check; a check raises if the metric does not conform."""
