"""The published values, and which estimators the papers have: the packaged `published/*.csv`.

`estimators.csv` is the papers' own naming, the only place of the reports where estimators have
names: what each reads, whether it is an entropy of the answer, an aggregate over a chain of thought
or a judgement, and which one is the same entropy at the other token.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).with_name("published")
_RULES = {"roc_auc": {"n": "Int64"}}


@cache
def published(name: str) -> pd.DataFrame:
    """One of the packaged tables: roc_auc, ece, table_1_topics, reasoning_labels, estimators."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=_RULES.get(name))


def paper_estimators(**wanted: str) -> list[str]:
    """The papers' estimators, in their order; `reads` or `quantity` narrows them."""
    table = published("estimators")
    for column, value in wanted.items():
        table = table[table[column] == value]
    return [str(name) for name in table["estimator"]]


@cache
def other_positions() -> dict[str, str]:
    """Entropy → the one that is read one token later, or earlier."""
    table = published("estimators").dropna(subset=["other_position"])
    pairs = zip(table["estimator"], table["other_position"], strict=True)
    return {str(name): str(other) for name, other in pairs}
