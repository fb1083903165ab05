"""What changed on a leaderboard since it was last built."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from ..frames.formatting import number
from ..metrics.evaluation import MACRO
from .standings import Standings

Key = tuple[str, str, str]
LISTED = 20
_STEP = 5e-4
"""Smaller changes of a ROC AUC are not listed."""


def state_of(standings: Standings) -> dict[str, Any]:
    """Return what the next build compares with: per model, task and estimator the mean AUC."""
    means = standings.shown[standings.shown["topic"] == MACRO]
    columns = (means[name] for name in ("model", "task", "estimator", "roc_auc"))
    values: dict[str, float | None] = {}
    for model, task, estimator, area in zip(*columns, strict=True):
        value = float(area)
        key = json.dumps([str(model), str(task), str(estimator)])
        values[key] = None if math.isnan(value) else value
    return {"roc_auc": values}


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """List what differs from an earlier build, in sentences.

    Args:
        before: `state_of` the earlier build; None if there was none.
        now: `state_of` this build.

    Returns:
        New and removed results and estimators, then changed values, at most `LISTED` of each.
    """
    if before is None:
        return []
    old, new = _values(before), _values(now)
    lines = []
    for said, some, other in (("new", new, old), ("removed", old, new)):
        results = {key[:2] for key in other}
        whole = dict.fromkeys(key[:2] for key in some if key[:2] not in results)
        found = [f"{said}: {model} on {task}" for model, task in whole]
        found += [
            f"{said}: {estimator} of {model} on {task}"
            for model, task, estimator in some
            if (model, task, estimator) not in other and (model, task) not in whole
        ]
        lines += _bounded(found)
    changed = [
        f"{key[2]} of {key[0]} on {key[1]}: mean ROC AUC {number(old[key])} → {number(new[key])}"
        for key in new
        if key in old and _differ(old[key], new[key])
    ]
    return lines + _bounded(changed) or ["no change"]


def _values(state: Mapping[str, Any]) -> dict[Key, float]:
    """Return the values of a state by model, task and estimator; NaN where undefined."""
    found: dict[Key, float] = {}
    for text, value in state["roc_auc"].items():
        names: list[str] = json.loads(text)
        found[names[0], names[1], names[2]] = math.nan if value is None else float(value)
    return found


def _differ(one: float, two: float) -> bool:
    return math.isnan(one) != math.isnan(two) or abs(one - two) >= _STEP


def _bounded(lines: list[str]) -> list[str]:
    if len(lines) <= LISTED:
        return lines
    return [*lines[:LISTED], f"… and {len(lines) - LISTED:,} more"]
