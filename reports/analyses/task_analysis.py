"""Analyses of one model on one task: declared beside their function, found by their module.

    @task_analysis(file="thresholds")
    def compute_thresholds(evaluation: Evaluation) -> pd.DataFrame: ...

The frame becomes a CSV file of that name, over all models and tasks, and figures and tables read
it as ``analyses.of("thresholds", evaluation)``; it has columns `model` and `task`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import pandas as pd

from ..metrics.evaluation import Evaluation
from . import __path__ as folders

Compute = Callable[[Evaluation], pd.DataFrame]


def task_analysis(*, file: str) -> Callable[[Compute], Compute]:
    """Declare the function below as an analysis, kept in `file`.csv; it can be called as before."""

    def declare(function: Compute) -> Compute:
        vars(function)["analysis_file"] = file
        return function

    return declare


@cache
def task_analyses() -> dict[str, Compute]:
    """File → function of every declared analysis, in the order of the files' names.

    Raises ValueError where two have one file.
    """
    found: dict[str, Compute] = {}
    for module in pkgutil.iter_modules(folders):
        loaded = importlib.import_module(f"{__package__}.{module.name}")
        for value in vars(loaded).values():
            file = getattr(value, "__dict__", {}).get("analysis_file")
            if file is not None and found.setdefault(file, value) is not value:
                raise ValueError(f"two analyses are kept in {file}.csv; rename one of them")
    return dict(sorted(found.items()))
