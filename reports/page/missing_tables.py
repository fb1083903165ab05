"""Tables on what is missing: n-flow, missing scores, unparsed answers."""

from __future__ import annotations

import pandas as pd

from ..frames.blocks import PageTable, Shown, table_from_frame

PARSED = "parsed"


def flow_table(flow: pd.DataFrame, found: str = PARSED) -> PageTable:
    """Tabulate the numbers of questions asked, answered, parsed (``found``), scored and common."""
    named = flow.assign(
        stage=flow["stage"].replace({"dont_know": "“don't know”", PARSED: found}),
        estimator=flow["estimator"].where(flow["stage"] == "scored", None),
    )
    columns = (
        Shown("stage", "stage", "text"),
        Shown("estimator", "estimator", "text"),
        Shown("questions", "n", "count"),
        Shown("share of asked", "share", "percent"),
    )
    return table_from_frame(named, "n-flow", columns, file="flow.csv")


def missing_tables(missing: pd.DataFrame, by_topic: pd.DataFrame) -> list[PageTable]:
    """Tabulate missing scores by reason and by topic; no tables if nothing is missing."""
    tables = []
    if len(missing):
        columns = (
            Shown("estimator", "estimator", "text"),
            Shown("reason", "reason", "text"),
            Shown("questions", "n", "count"),
        )
        tables.append(table_from_frame(missing, "Missing scores", columns, file="missing.csv"))
    lacking = by_topic.groupby("estimator", sort=False)["missing"].transform("max") > 0
    names = list(dict.fromkeys(by_topic.loc[lacking, "estimator"]))
    topics = by_topic.drop_duplicates("topic").set_index("topic")
    if names or topics[["unparsed", "dont_know"]].to_numpy().any():
        table = by_topic[lacking].pivot(index="topic", columns="estimator", values="missing")
        wide = topics[["n", "unparsed", "dont_know"]].join(table[names]).reset_index()
        shown = [Shown("topic", "topic", "text"), Shown("questions", "n", "count")]
        shown += [Shown("unparsed", "unparsed", "count"), Shown("don't know", "dont_know", "count")]
        shown += [Shown(f"no {name}", name, "count") for name in names]
        tables.append(
            table_from_frame(
                wide, "Missing and unparsed by topic", shown, file="missing_by_topic.csv"
            )
        )
    return tables
