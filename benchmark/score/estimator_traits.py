"""What estimators say of themselves, on its way to reports: stored beside their scores.

So a report of scores by a plugin, made where the plugin is not installed, knows as much as one that
is made beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from ...estimators.core.estimator import Estimator
from ...estimators.registry import builtin_estimators
from ...reports import EstimatorTraits
from ..console.errors import ApprehendError
from ..store.checks.ownership import AGAIN


def traits_of(estimator: Estimator | type[Estimator]) -> EstimatorTraits:
    """What an estimator, or one with default parameters, says of itself."""
    known = {one.name: getattr(estimator, one.name) for one in fields(EstimatorTraits)}
    return EstimatorTraits(**known | {"summary": estimator.summary()})


def namesake(name: str) -> type[Estimator] | None:
    """The built-in estimator that a score is called after, its parameters aside."""
    return builtin_estimators().get(name.split("(", 1)[0])


def read_traits(
    file: Path, stored: Mapping[str, Any], names: Sequence[str]
) -> dict[str, EstimatorTraits]:
    """Traits of the estimators called ``names`` from what is stored beside their scores in
    ``file``; of built-in ones in older stores, which have nothing stored, from the code.

    Raises ApprehendError where what is stored has another shape.
    """
    known: dict[str, EstimatorTraits] = {}
    for name in names:
        built_in = namesake(name)
        if name in stored:
            known[name] = _read(file, name, stored[name])
        elif built_in is not None:
            known[name] = traits_of(built_in)
    return known


def _read(file: Path, name: str, stored: Any) -> EstimatorTraits:
    usual = asdict(EstimatorTraits())
    given = dict(stored) if isinstance(stored, Mapping) else {"traits": stored}
    if isinstance(given.get("look"), list):
        given["look"] = tuple(given["look"])
    for key, value in given.items():
        fits = key in usual and type(value) is type(usual[key])
        if key == "look":
            fits = fits and len(value) == 2 and all(isinstance(part, str) for part in value)
        if not fits and (key in usual or key == "traits"):
            raise ApprehendError(
                f"{file}: estimator {name!r} says {key} = {value!r} of itself, which cannot be; "
                f"{AGAIN}"
            )
    return EstimatorTraits(**{key: value for key, value in given.items() if key in usual})
