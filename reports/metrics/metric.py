"""Declaration of a metric beside its function.

    @metric(better="higher", bounds=(0, 1))
    def errors_found(errors, scores):
        \"\"\"Share of the errors in the most uncertain tenth of the answers.\"\"\"
        flagged = np.argsort(scores, kind="stable")[-len(scores) // 10 :]
        return errors[flagged].sum() / errors.sum() if errors.any() else float("nan")

The column in metrics.csv, the place in the page, the entries in the glossary and in the list of
metrics, the mean over topics and the conformance checks all derive from the declaration.
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
"""Places in the page, in order; all but the last two are columns of the pooled table."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Needs(str, Enum):
    """Arguments of a metric's function, for one estimator on one group of questions."""

    SCORES = "scores"
    """errors (n,) bool and scores (n,) float without NaN; +inf for unparsed answers."""
    PROBABILITIES = "probabilities"
    """As above, on rows with an answer; only for scores that are P(error), in [0, 1]."""
    GROUP = "group"
    """A `ScoredGroup`: all rows, including those without a score."""


class MetricDeclarationError(ValueError):
    """Invalid declaration of a metric; the message states which one and why."""


@dataclass(frozen=True)
class Metric:
    """Declared metric: name, definition, computation and presentation.

    Attributes:
        name: column in metrics.csv.
        compute: function of the arguments named by `needs`; returns a number, NaN if undefined.
        meaning: definition in one or two sentences, without the orientation.
        better: whether "higher" or "lower" values are better, or "neither".
        bounds: smallest and largest possible value.
        needs: arguments of `compute`.
        macro: aggregation over topics in macro rows: "mean", "sum", or "none".
        source: reference of the definition.
        heading: heading in the page; derived from the name if empty.
        kind: format of the values; a "count" is an integer.
        shown: place in the page, see `SHOWN`.
        from_ties: equivalent function of `TieBlocks`, which are sorted once per group.
        absent: value where the arguments named by `needs` are not available.
        appended: whether the column follows all columns of the first release.
        ends: columns of the interval, if `compute_metrics` provides one.
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
        """Describe why the declaration is invalid; empty if it is valid."""
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            return "expected a name of letters, digits and underscores"
        if not self.meaning:
            return "expected a definition: a docstring of its function, or `meaning`"
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
            return 'the mean of counts is not a count; expected `macro` to be "sum" or "none"'
        return ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns in metrics.csv."""
        return (self.name, *self.ends)

    @property
    def title(self) -> str:
        """Heading, with an arrow if lower is better."""
        return (self.heading or self.name.replace("_", " ")) + " ↓" * (self.better == "lower")

    @property
    def orientation(self) -> str:
        """`Higher is better.`, or an empty text."""
        return "" if self.better == "neither" else f"{self.better.capitalize()} is better."

    @property
    def range_text(self) -> str:
        """Bounds as text: `[0, 1]`."""
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
    """Declare the decorated function as a metric; the function itself is returned unchanged.

    Args:
        better: Whether "higher" or "lower" values are better, or "neither".
        name: Column in metrics.csv; the name of the function if empty.
        meaning: Definition; the first line of the function's docstring if empty.
        needs: Arguments of the function: (errors, scores) for "scores" and "probabilities", or a
            `ScoredGroup` for "group".
        shown: Place in the page; if None, it follows from `needs`.
        more: Other fields of `Metric`, e.g. ``bounds``, ``source``, ``macro``.

    Returns:
        A decorator.

    Raises:
        MetricDeclarationError: The declaration is invalid.
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
    """Declare a metric of the first release, whose column precedes all others; see `metric`."""
    return metric(appended=False, **given)


def declaration(value: object) -> Metric | None:
    """Look up the declared metric of an object.

    Args:
        value: A `Metric`, a function decorated with `@metric`, or anything else.

    Returns:
        The metric; None if there is none.
    """
    declared = value if isinstance(value, Metric) else getattr(value, "__dict__", {}).get("metric")
    return declared if isinstance(declared, Metric) else None
