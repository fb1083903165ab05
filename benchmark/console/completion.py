"""Values that the shell completes: names of estimators and of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def complete_list(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return a completion of the last name of a comma-separated list."""

    def completions(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        given = set(before.split(","))
        return [
            f"{before}{comma}{name}"
            for name in sorted(set(names()) - given)
            if name.startswith(last)
        ]

    return completions


def estimator_names() -> list[str]:
    """Return the names of all estimators that come with the package or with others."""
    from ...estimators.registry import builtin_estimators, installed_estimators

    return [*builtin_estimators(), *installed_estimators()]


def task_names() -> list[str]:
    """Return the names of our task groups and of their tasks."""
    from ...tasks.task_names import known_tasks

    return list(known_tasks())


COMPLETED = {"estimators": complete_list(estimator_names), "tasks": complete_list(task_names)}
"""Option of a run → completion of its value."""
