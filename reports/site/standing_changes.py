"""What changed on a leaderboard since it was last built."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..frames.formatting import number
from ..metrics.evaluation import MACRO
from .standings import Standings

LISTED = 20
_STEP = 5e-4
"""Smaller changes of a ROC AUC are not listed."""


def state_of(standings: Standings) -> dict[str, Any]:
    """Return what the next build compares with: per model, task and estimator the mean AUC."""
    means = standings.shown[standings.shown["topic"] == MACRO]
    columns = (means[name] for name in ("model", "task", "estimator", "roc_auc"))
    values = {
        json.dumps([str(model), str(task), str(estimator)]): None if pd.isna(area) else float(area)
        for model, task, estimator, area in zip(*columns, strict=True)
    }
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
    old: Mapping[str, float | None] = before["roc_auc"]
    new: Mapping[str, float | None] = now["roc_auc"]
    lines = []
    for said, some, other in (("new", new, old), ("removed", old, new)):
        results = {tuple(json.loads(key)[:2]) for key in other}
        whole = dict.fromkeys(
            (model, task)
            for model, task, _ in map(json.loads, some)
            if (model, task) not in results
        )
        found = [f"{said}: {model} on {task}" for model, task in whole]
        found += [
            f"{said}: {estimator} of {model} on {task}"
            for model, task, estimator in map(json.loads, (k for k in some if k not in other))
            if (model, task) not in whole
        ]
        lines += _bounded(found)
    changed = []
    for key in (key for key in new if key in old):
        one, two = old[key], new[key]
        if (one is None) != (two is None) or (
            one is not None and two is not None and abs(one - two) >= _STEP
        ):
            model, task, estimator = json.loads(key)
            changed.append(
                f"{estimator} of {model} on {task}: mean ROC AUC {number(one)} → {number(two)}"
            )
    return lines + _bounded(changed) or ["no change"]


def _bounded(lines: list[str]) -> list[str]:
    if len(lines) <= LISTED:
        return lines
    return [*lines[:LISTED], f"… and {len(lines) - LISTED:,} more"]
