"""How often another prompt or another order of the options changes the answer."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...metrics.evaluation import keys
from ...statistics.intervals import exact_share
from ...statistics.testing import accuracy_test
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

FLIP_COLUMNS = (
    *("model", "task", "kind", "first", "second", "n", "changed", "low", "high"),
    *("right_to_wrong", "wrong_to_right", "wrong_to_wrong", "accuracy_first"),
    *("accuracy_second", "p"),
)
PLAIN = "as asked"


@benchmark_analysis(
    file="flips",
    title="Flip rates",
    meaning="Share of the questions whose answer changes from one prompt, or one order of the "
    "options, to another, with the directions apart: as many flips from right to wrong as back "
    "leave the accuracy as it is, yet every single answer is less worth.",
    limits="A flip from one wrong answer to another counts too; options near a tie flip at any "
    "change, so that the rate measures indecision as much as sensitivity.",
    requires="answers to other prompts or option orders",
    source="Flip-Flop Consistency, arXiv 2510.14242; McNemar 1947",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "kind", "first", "second")),
        Shown("n", "n", "count"),
        Shown("changed", "changed", "percent"),
        Shown("95 % interval", "low", "interval", "high"),
        Shown("right → wrong", "right_to_wrong", "percent"),
        Shown("wrong → right", "wrong_to_right", "percent"),
        Shown("accuracy", "accuracy_first", "percent"),
        Shown("then", "accuracy_second", "percent"),
        Shown("p (McNemar)", "p", "p"),
    ),
)
def compute_flips(study: Study) -> pd.DataFrame:
    """Compare every pair of prompts, and every option order with the published one.

    An answer in which no option was found counts as wrong and as a value of its own. Shares are of
    the questions asked both ways.
    """
    records: list[dict[str, Any]] = []
    orders = study.data.orders
    for (model, task), part in orders.groupby(["model", "task"], sort=False):
        table = _pivot(part, part["shift"].astype(int))
        gold = _gold(part)
        records += [
            _record(
                str(model), str(task), "option order", f"shift {shift}", table, gold, (0, shift)
            )
            for shift in table.columns.tolist()
            if int(shift) != 0 and 0 in table.columns
        ]
    for (model, task), part in study.data.prompted.groupby(["model", "task"], sort=False):
        table, gold = _pivot(part, part["variant"].astype(str)), _gold(part)
        records += [
            _record(str(model), str(task), "prompt", str(second), table, gold, (first, second))
            for first, second in combinations(table.columns.tolist(), 2)
        ]
    return pd.DataFrame.from_records(
        [record for record in records if record], columns=list(FLIP_COLUMNS)
    )


def _pivot(part: pd.DataFrame, variant: pd.Series[Any]) -> pd.DataFrame:
    """Return answers (questions × variants) as option indices, -1 for none, NaN not asked."""
    frame = pd.DataFrame({"key": keys(part["question_id"]), "variant": variant})
    frame["answer"] = part["answer"].astype(float)
    return frame.pivot_table(
        index="key", columns="variant", values="answer", aggfunc="first", sort=False
    )


def _gold(part: pd.DataFrame) -> pd.Series[float]:
    by_id = part.assign(key=keys(part["question_id"])).drop_duplicates("key").set_index("key")
    return by_id["gold"].astype(float)


def _record(
    model: str,
    task: str,
    kind: str,
    name: str,
    table: pd.DataFrame,
    gold: pd.Series[float],
    pair: tuple[Any, Any],
) -> dict[str, Any]:
    own = table[[*pair]].dropna()
    own = own[gold.reindex(own.index).ge(0)]
    if own.empty:
        return {}
    a, b = (own[one].to_numpy(dtype=np.float64) for one in pair)
    right = gold.reindex(own.index).to_numpy(dtype=np.float64)
    ok_a, ok_b, changed = a == right, b == right, a != b
    low, high = exact_share(int(changed.sum()), changed.size)
    first = PLAIN if kind == "option order" else str(pair[0])
    return {
        **{"model": model, "task": task, "kind": kind, "first": first, "second": name},
        **{"n": changed.size, "changed": float(changed.mean()), "low": low, "high": high},
        "right_to_wrong": float((ok_a & ~ok_b).mean()),
        "wrong_to_right": float((~ok_a & ok_b).mean()),
        "wrong_to_wrong": float((changed & ~ok_a & ~ok_b).mean()),
        **{"accuracy_first": float(ok_a.mean()), "accuracy_second": float(ok_b.mean())},
        "p": float(accuracy_test(~ok_a, ~ok_b).p),
    }
