"""Discovery of the figures of one model on one task in the modules of `figures`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ..figures import __path__ as folders
from ..figures.task_figure import TaskFigure


@cache
def task_figures() -> tuple[TaskFigure, ...]:
    """Discover all declared figures, sorted by rank and key.

    Raises ValueError if two figures have the same key, and so the same file names.
    """
    figures: dict[str, TaskFigure] = {}
    package = TaskFigure.__module__.rpartition(".")[0]
    for module in pkgutil.iter_modules(folders):
        loaded = importlib.import_module(f"{package}.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, TaskFigure) and figures.setdefault(value.key, value) is not value:
                raise ValueError(f"two figures have the key {value.key!r}; rename one of them")
    return tuple(sorted(figures.values(), key=lambda figure: (figure.rank, figure.key)))
