"""All figures of one model on one task, found in the modules of `figures`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ..figures import __path__ as folders
from ..figures.task_figure import TaskFigure


@cache
def task_figures() -> tuple[TaskFigure, ...]:
    """Every declared figure, by rank; of one rank in the order of their keys.

    Raises ValueError where two have one key: their files would have the same names.
    """
    found: dict[str, TaskFigure] = {}
    package = TaskFigure.__module__.rpartition(".")[0]
    for module in pkgutil.iter_modules(folders):
        loaded = importlib.import_module(f"{package}.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, TaskFigure) and found.setdefault(value.key, value) is not value:
                raise ValueError(f"two figures are called {value.key!r}; rename one of them")
    return tuple(sorted(found.values(), key=lambda one: (one.rank, one.key)))
