"""What a metric is: one declaration beside its function.

    @metric(better="higher", bounds=(0, 1))
    def errors_found(errors, scores):
        \"\"\"Share of the errors in the most uncertain tenth of the answers.\"\"\"
        flagged = np.argsort(scores, kind="stable")[-len(scores) // 10 :]
        return errors[flagged].sum() / errors.sum() if errors.any() else float("nan")

Its column in metrics.csv, its place in the page, its line in the glossary and in the list of all
metrics, its mean over topics and its checks follow from the declaration.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeVar

from ..statistics.ranking import TieBlocks

F = TypeVar("F", bound=Callable[..., Any])
Better = Literal["higher", "lower", "neither"]
Macro = Literal["mean", "sum", "none"]
Kind = Literal["number", "percent", "count", "signed"]
Shown = Literal["quality", "rows", "missing", "calibration", "more", "no"]
SHOWN: tuple[Shown, ...] = ("quality", "rows", "missing", "more", "calibration", "no")
"""Places in the page, in their order: all but the last two are columns of the pooled table."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Needs(str, Enum):
    """What a metric's function is given of one estimator on one group of questions."""

    SCORES = "scores"
    """errors (n,) bool and scores (n,) without NaN, +inf for answers that could not be read."""
    PROBABILITIES = "probabilities"
    """The same of the rows with an answer, where the scores claim to be P(error): in [0, 1]."""
    GROUP = "group"
    """A `ScoredGroup`: all rows, also those without a score."""


class MetricDeclarationError(ValueError):
    """A declaration that cannot be; the message says which and why."""


@dataclass(frozen=True)
class Metric:
    """One metric: what it is called, what it means and how it is computed.

    Attributes:
        name: its column in metrics.csv.
        compute: from what it needs to a number, NaN where undefined.
        meaning: what it is, in a sentence or two, without its orientation.
        better: whether "higher" or "lower" values are better, or "neither".
        bounds: the smallest and the largest value that it can have.
        needs: what `compute` is given.
        macro: its value for the mean over topics: their "mean", their "sum", or "none".
        source: where the definition comes from.
        heading: what the page calls it.
        kind: how its values are shown; a "count" is a whole number.
        shown: where the page shows it; see `SHOWN`.
        from_ties: the same value from `TieBlocks`, sorted once for all metrics of a group.
        absent: its value where `needs` cannot be given.
        appended: whether its column comes after all those of the first release.
        ends: the columns of its interval's ends, where `compute_metrics` knows one.
    """

    name: str
    compute: Callable[..., Any]
    meaning: str
    better: Better
    bounds: tuple[float, float] = (-math.inf, math.inf)
    needs: Needs = Needs.SCORES
    macro: Macro = "mean"
    source: str = ""
    heading: str = ""
    kind: Kind = "number"
    shown: Shown = "more"
    from_ties: Callable[[TieBlocks], float] | None = None
    absent: float = math.nan
    appended: bool = True
    ends: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise MetricDeclarationError(f"metric {self.name!r}: {problem}")

    def _problem(self) -> str:
        """Why the declaration cannot be; empty where it can."""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            return "expected a name of letters, digits and underscores"
        if not self.meaning:
            return "expected what it means: a docstring of its function, or `meaning`"
        for field, known in (
            ("better", ("higher", "lower", "neither")),
            ("macro", ("mean", "sum", "none")),
            ("kind", ("number", "percent", "count", "signed")),
            ("shown", SHOWN),
        ):
            value = getattr(self, field)
            if value not in known:
                return f"expected `{field}` to be one of {', '.join(known)}, got {value!r}"
        try:
            low, high = map(float, self.bounds)
        except (TypeError, ValueError):
            return f"expected `bounds` to be two numbers, got {self.bounds!r}"
        if not low < high:
            return f"expected `bounds` to be an interval, got {self.bounds!r}"
        if self.kind == "count" and self.macro == "mean":
            return 'a mean of counts is no count; expected `macro` to be "sum" or "none"'
        return ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns in metrics.csv."""
        return (self.name, *self.ends)

    @property
    def title(self) -> str:
        """The heading, with an arrow where lower is better."""
        return (self.heading or self.name.replace("_", " ")) + " ↓" * (self.better == "lower")

    @property
    def orientation(self) -> str:
        """`Higher is better.`, or nothing."""
        return "" if self.better == "neither" else f"{self.better.capitalize()} is better."

    @property
    def range_text(self) -> str:
        """`[0, 1]`."""
        low, high = (f"{end:g}".replace("inf", "∞") for end in self.bounds)
        return f"[{low}, {high}]"


def metric(
    *,
    better: Better,
    name: str = "",
    meaning: str = "",
    needs: Needs | str = Needs.SCORES,
    shown: Shown | None = None,
    **more: Any,
) -> Callable[[F], F]:
    """Declare the function below as a metric; it can be called as before.

    Args:
        better: Whether "higher" or "lower" values are better, or "neither".
        name: Column in metrics.csv; the function's name if empty.
        meaning: What it is; the first line of the function's docstring if empty.
        needs: What the function takes: "scores" and "probabilities" (errors, scores), or "group".
        shown: Where the page shows it: with its own kind if None.
        more: The other fields of `Metric`, e.g. ``bounds``, ``source``, ``macro``.

    Raises:
        MetricDeclarationError: What is declared cannot be.
    """

    def declare(function: F) -> F:
        own = name or function.__name__
        if needs not in [known.value for known in Needs]:
            expected = ", ".join(known.value for known in Needs)
            raise MetricDeclarationError(
                f"metric {own!r}: expected `needs` to be one of {expected}, got {needs!r}"
            )
        given = Needs(needs)
        usual: Shown = "calibration" if given is Needs.PROBABILITIES else "more"
        first = next(iter((inspect.getdoc(function) or "").splitlines()), "")
        place = usual if shown is None else shown
        try:
            declared = Metric(
                own, function, meaning or first, better, needs=given, shown=place, **more
            )
        except TypeError as error:
            raise MetricDeclarationError(f"metric {own!r}: {error}") from error
        vars(function)["metric"] = declared
        return function

    return declare


def original(**given: Any) -> Callable[[F], F]:
    """As `metric`, for those of the first release: their columns come before the others."""
    return metric(appended=False, **given)


def declaration(value: object) -> Metric | None:
    """The metric that an object is or that a function is declared to be; None for others."""
    found = value if isinstance(value, Metric) else getattr(value, "__dict__", {}).get("metric")
    return found if isinstance(found, Metric) else None
