"""Tables on what is missing: n-flow, missing scores, unparsed answers."""

from __future__ import annotations

import pandas as pd

from ..frames.blocks import PageTable, Shown, table_from_frame
from ..metrics.evaluation import ALL

PARSED = "parsed"


def flow_table(flow: pd.DataFrame, found: str = PARSED) -> PageTable:
    """Tabulate the numbers of questions asked, answered, parsed (``found``), scored and common."""
    named = flow.assign(
        stage=flow["stage"].replace(
            {
                "dont_know": "“don't know”",
                "cut_while_thinking": "cut while thinking",
                PARSED: found,
            }
        ),
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
        counted = ["unparsed", "dont_know"]
        shown = [Shown("topic", "topic", "text"), Shown("questions", "n", "count")]
        shown += [Shown("unparsed", "unparsed", "count"), Shown("don't know", "dont_know", "count")]
        if topics["cut_while_thinking"].any():
            counted.append("cut_while_thinking")
            shown.append(Shown("of these cut while thinking", "cut_while_thinking", "count"))
            shown[-1], shown[-2] = shown[-2], shown[-1]
        wide = topics[["n", *counted]].join(table[names]).reset_index()
        shown += [Shown(f"no {name}", name, "count") for name in names]
        tables.append(
            table_from_frame(
                wide, "Missing and unparsed by topic", shown, file="missing_by_topic.csv"
            )
        )
    return tables


def reading_tables(readings: pd.DataFrame) -> list[PageTable]:
    """Tabulate the rules that read the answers: over all questions, and by topic (collapsed)."""
    columns = (
        Shown("topic", "topic", "text"),
        Shown("rule", "rule", "text"),
        Shown("answers", "n", "count"),
        Shown("share", "share", "percent"),
        Shown("right", "accuracy", "percent"),
        *((Shown("thought closed", "closed", "count"),) if readings["closed"].any() else ()),
    )
    pooled, file = readings["topic"] == ALL, "readings.csv"
    title = "How answers were read"
    return [
        table_from_frame(readings[pooled], title, columns[1:], file=file),
        table_from_frame(readings[~pooled], f"{title}, by topic", columns, folded=True, file=file),
    ]
