"""Declaration of an analysis of all stored models, which is discovered below `analyses/`.

    @benchmark_analysis(
        file="gold_rank",
        title="Rank of the right option",
        meaning="Where the right option stands in the model's own order.",
        limits="Says nothing about models without stored option probabilities.",
        requires="option probabilities",
        source="…",
        columns=(Shown("MRR", "mrr"), …),
    )
    def compute_gold_rank(study: Study) -> pd.DataFrame: ...

The frame is written to a CSV file of that name and shown in the page of `apprehend analyse` below
its two sentences; an empty one is named in the summary with what it requires.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd

from ...frames.blocks import Shown
from ...statistics.short_repr import short_repr
from .. import __name__ as above
from .. import __path__ as folders
from .study import Study

Compute = Callable[[Study], pd.DataFrame]
Findings = Callable[[pd.DataFrame], list[str]]


@short_repr
@dataclass(frozen=True)
class BenchmarkAnalysis:
    """A declared analysis.

    Attributes:
        file: name of the CSV file.
        title: heading in the page.
        meaning: sentence on what it says.
        limits: sentence on when it says nothing.
        requires: what is stored where it is not empty, e.g. "option probabilities".
        source: reference of the definition.
        columns: columns of the table in the page.
        compute: the function.
        findings: sentences for the summary, from the frame.
        shown: the rows of the table, from the frame; all of them if None.
    """

    file: str
    title: str
    meaning: str
    limits: str
    requires: str
    source: str
    columns: Sequence[Shown]
    compute: Compute
    findings: Findings | None = None
    shown: Callable[[pd.DataFrame], pd.DataFrame] | None = None


def benchmark_analysis(
    *,
    file: str,
    title: str,
    meaning: str,
    limits: str,
    requires: str,
    source: str,
    columns: Sequence[Shown],
    findings: Findings | None = None,
    shown: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> Callable[[Compute], Compute]:
    """Declare the decorated function as an analysis; see `BenchmarkAnalysis`."""

    def declare(function: Compute) -> Compute:
        vars(function)["benchmark_analysis"] = BenchmarkAnalysis(
            file, title, meaning, limits, requires, source, columns, function, findings, shown
        )
        return function

    return declare


@cache
def benchmark_analyses() -> dict[str, BenchmarkAnalysis]:
    """Discover all declared analyses: file → analysis, in the order of rooms and modules.

    Raises ValueError if two analyses declare the same file.
    """
    found: dict[str, BenchmarkAnalysis] = {}
    for module in pkgutil.walk_packages(folders, f"{above}."):
        if module.ispkg or module.name.count(".") == above.count(".") + 1:
            continue
        for value in vars(importlib.import_module(module.name)).values():
            declared = getattr(value, "__dict__", {}).get("benchmark_analysis")
            if not isinstance(declared, BenchmarkAnalysis):
                continue
            if found.setdefault(declared.file, declared) is not declared:
                raise ValueError(f"two analyses declare {declared.file}.csv; rename one")
    return found
