"""Declaration of analyses of one model on one task, discovered in this folder and those below.

    @task_analysis(file="thresholds")
    def compute_thresholds(evaluation: Evaluation) -> pd.DataFrame: ...

The frames of all models and tasks are concatenated and written to a CSV file of that name; they
have columns `model` and `task`. Figures and tables read them by
``analyses.of("thresholds", evaluation)``.
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
    """Declare the decorated function as an analysis that is written to `file`.csv."""

    def declare(function: Compute) -> Compute:
        vars(function)["analysis_file"] = file
        return function

    return declare


@cache
def task_analyses() -> dict[str, Compute]:
    """Discover all declared analyses: file → function, sorted by file.

    Raises ValueError if two analyses declare the same file.
    """
    analyses: dict[str, Compute] = {}
    for module in pkgutil.walk_packages(folders, f"{__package__}."):
        loaded = importlib.import_module(module.name)
        for value in vars(loaded).values():
            file = getattr(value, "__dict__", {}).get("analysis_file")
            if file is not None and analyses.setdefault(file, value) is not value:
                raise ValueError(f"two analyses declare {file}.csv; rename one of them")
    return dict(sorted(analyses.items()))
