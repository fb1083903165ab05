"""The interactive part of the leaderboard: models in rows, estimators in columns, and filters."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from markupsafe import Markup

from ..frames.formatting import count, interval, marked, number, plain
from ..metrics.evaluation import ALL, MACRO
from ..page.page import environment_of
from .standings import Standings

Value = tuple[float, float, float, int]
"""ROC AUC, ends of its interval, number of questions."""
Values = dict[str, list[list[list[float | int | None] | None]]]
"""Topic → models × estimators, as the script reads them."""
TEMPLATES = Path(__file__).with_name("templates")
GROUP_NAMES = {MACRO: "mean over topics", ALL: "all questions together"}


def board(standings: Standings, links: Mapping[tuple[str, str], str]) -> tuple[Markup, Markup]:
    """Return the tables of all tasks with the controls above them, and the values behind them.

    The tables show the mean over topics, also without JavaScript; a script shows other topics and
    applies the filters.

    Args:
        standings: What to show.
        links: ("model" or "estimator", name) → address of its page.
    """
    tables = [_board(standings, task, links) for task in standings.tasks]
    families = dict.fromkeys(standings.trait(name).family for name in standings.estimators)
    weights = dict.fromkeys(filter(None, map(standings.weights, standings.models)))
    sizes = [standings.parameters(model) for model in standings.models]
    shown = (
        environment_of(TEMPLATES)
        .get_template("board.html.j2")
        .render(
            boards=[shown for shown, _ in tables],
            families=[family for family in families if family],
            weights=list(weights),
            sized=any(not math.isnan(size) for size in sizes),
            timed=standings.timed,
        )
    )
    values = {str(place): shown for place, (_, shown) in enumerate(tables)}
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    data = f'<script type="application/json" id="values">{text}</script>'
    return Markup(shown), Markup(data)


def _board(
    standings: Standings, task: str, links: Mapping[tuple[str, str], str]
) -> tuple[dict[str, object], Values]:
    models, estimators = standings.models_of(task), standings.estimators_of(task)
    topics = standings.topics_of(task)
    own = standings.shown[standings.shown["task"] == task]
    names = ("model", "estimator", "topic", "roc_auc", "roc_auc_low", "roc_auc_high", "n")
    known = {
        (str(model), str(estimator), str(topic)): (float(area), float(low), float(high), int(n))
        for model, estimator, topic, area, low, high, n in zip(
            *(own[name] for name in names), strict=True
        )
    }
    rows = []
    for model in models:
        pooled = standings.pooled(model, task)
        size = standings.parameters(model)
        rows.append(
            {
                "name": plain(model),
                "link": links["model", model],
                "accuracy": number(float(pooled["accuracy"].iloc[0])),
                "n": count(float(pooled["n"].max())),
                "size": "" if math.isnan(size) else f"{size:.3g}",
                "weights": standings.weights(model),
                "cells": [
                    _cell(known.get((model, name, MACRO)), standings.cost(model, task, name))
                    for name in estimators
                ],
            }
        )
    columns = [
        {
            "name": plain(name),
            "link": links["estimator", name],
            "family": standings.trait(name).family,
        }
        for name in estimators
    ]
    values = {
        topic: [[_value(known.get((m, e, topic))) for e in estimators] for m in models]
        for topic in topics
    }
    shown: dict[str, object] = {
        "id": str(standings.tasks.index(task)),
        "task": plain(task),
        "topics": [(topic, plain(GROUP_NAMES.get(topic, topic))) for topic in topics],
        "columns": columns,
        "rows": rows,
    }
    return shown, values


def _cell(value: Value | None, cost: float) -> dict[str, object]:
    area, low, high, _ = value or (math.nan, math.nan, math.nan, 0)
    few = math.isnan(low)
    return {
        "text": marked(area, few),
        "interval": interval(low, high),
        "area": area,
        "few": few,
        "cost": "" if math.isnan(cost) else f"{cost:.4g}",
    }


def _value(value: Value | None) -> list[float | int | None] | None:
    """Return a value as the script reads it: AUC, ends of its interval, number of questions."""
    if value is None or math.isnan(value[0]):
        return None
    return [*(None if math.isnan(x) else round(x, 4) for x in value[:3]), value[3]]
