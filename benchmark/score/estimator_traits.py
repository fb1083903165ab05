"""The traits that estimators declare for reports, stored beside their scores.

A report of a plugin's scores is therefore the same whether or not the plugin is installed.
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
    """Return the traits that an estimator declares."""
    known = {trait.name: getattr(estimator, trait.name) for trait in fields(EstimatorTraits)}
    return EstimatorTraits(**known | {"summary": estimator.summary()})


def namesake(name: str) -> type[Estimator] | None:
    """Return the built-in estimator that a score is named after; None if there is none."""
    return builtin_estimators().get(name.split("(", 1)[0])


def read_traits(
    file: Path, stored: Mapping[str, Any], names: Sequence[str]
) -> dict[str, EstimatorTraits]:
    """Return the traits of the estimators ``names``, from those stored beside the scores.

    Older stores have none; built-in estimators then get those of the code.

    Args:
        file: The scores' file, for messages.
        stored: Estimator → stored traits.
        names: The estimators' names.

    Raises ApprehendError if stored traits are malformed.
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
                f"{file}: estimator {name!r} has an invalid trait {key} = {value!r}; {AGAIN}"
            )
    return EstimatorTraits(**{key: value for key, value in given.items() if key in usual})
