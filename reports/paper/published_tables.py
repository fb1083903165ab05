"""Published values and estimators of the papers: the packaged `published/*.csv`.

`estimators.csv` is the only place of the reports that names estimators. It lists those of the
papers: what each reads, whether it is an entropy of the answer, an aggregate over the chain of
thought or a judgement, and which one is the same entropy at the other token position.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).with_name("published")
_RULES = {"roc_auc": {"n": "Int64"}}


@cache
def published(name: str) -> pd.DataFrame:
    """Read a packaged table: roc_auc, ece, table_1_topics, reasoning_labels or estimators."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=_RULES.get(name))


def paper_estimators(**filters: str) -> list[str]:
    """List the estimators of the papers in order, filtered by `reads` or `quantity`."""
    table = published("estimators")
    for column, value in filters.items():
        table = table[table[column] == value]
    return [str(name) for name in table["estimator"]]


@cache
def other_positions() -> dict[str, str]:
    """Map each entropy to the one read at the other token position."""
    table = published("estimators").dropna(subset=["other_position"])
    pairs = zip(table["estimator"], table["other_position"], strict=True)
    return {str(name): str(other) for name, other in pairs}
