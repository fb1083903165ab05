"""The report as rich renderables for the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..frames.formatting import count, interval, marked, number, percent, plain
from ..frames.limits import DRAWN, largest
from ..metrics.evaluation import MACRO
from ..metrics.leaders import leading_rank, mean_value, own_rows
from ..metrics.topic_tables import TopicTable, macro_label, topic_tables
from ..statistics.intervals import FEW_MARK, FEW_MEANING

COLUMNS = 5
TABLES = 20
"""Largest number of models and tasks whose tables are shown."""
_FEW_STYLE = "bright_black"
_STAGES = ("asked", "answered", "parsed", "dont_know", "cut_while_thinking", "kept", "common")
_HEADS = {"dont_know": "don't know", "cut_while_thinking": "cut while thinking"}


def terminal(
    metrics: pd.DataFrame,
    flow: pd.DataFrame,
    sentences: list[str],
    found: Mapping[tuple[str, str], str] = MappingProxyType({}),
    by_mean: pd.DataFrame | None = None,
) -> list[RenderableType]:
    """Render summary, n-flow, and per model and task the ranking and the AUC by topic."""
    shown: list[RenderableType] = [Text(sentence + "\n") for sentence in sentences]
    shown.append(_flow_table(flow, found))
    tables = topic_tables(metrics)
    for table in tables[:TABLES]:
        own = metrics[(metrics["model"] == table.model) & (metrics["task"] == table.task)]
        means = own_rows(by_mean, table.model, table.task)
        shown.append(_ranking_table(own, means, table))
        shown += [
            _topic_table(table, table.estimators[start : start + COLUMNS])
            for start in range(0, len(table.estimators), COLUMNS)
        ]
    if len(tables) > TABLES:
        shown.append(Text(f"{len(tables) - TABLES:,} more models and tasks are in index.html."))
    return shown


def _table(title: str) -> Table:
    return Table(title=Text(title, style="bold"), title_justify="left", expand=False)


def _flow_table(flow: pd.DataFrame, found: Mapping[tuple[str, str], str]) -> Table:
    """Render the n-flow; a column for each meaning of "parsed" that its tasks have."""
    table = _table("Questions (n-flow)")
    pairs = list(zip(flow["model"].astype(str), flow["task"].astype(str), strict=True))
    meanings = pd.Series([found.get(pair, "parsed") for pair in pairs], flow.index, dtype=object)
    flow = flow.assign(stage=flow["stage"].where(flow["stage"] != "parsed", meanings))
    named = list(dict.fromkeys(meanings))
    known = [*_STAGES[:2], *named, *_STAGES[3:]]
    stages = [stage for stage in known if (flow["stage"] == stage).any()]
    for name in ("model", "task"):
        table.add_column(name, overflow="fold")
    for stage in [*stages[:-1], "scored", "common"]:
        table.add_column(_HEADS.get(stage, stage), justify="right")
    for (model, task), part in flow.groupby(["model", "task"], sort=False):
        n = part.set_index("stage")["n"]
        scored = part.loc[part["stage"] == "scored", "n"]
        low, high = count(float(scored.min())), count(float(scored.max()))
        cells = [count(float(n[s])) if s in n.index else "" for s in stages[:-1]]
        cells += [low if low == high else f"{low}–{high}", count(float(n["common"]))]
        table.add_row(*map(Text, (plain(model), plain(task), *cells)))
    return table


def _ranking_table(metrics: pd.DataFrame, by_mean: pd.DataFrame | None, table: TopicTable) -> Table:
    """Render the mean over topics beside the pooled value, best first."""
    shown = _table(f"{plain(table.model)} on {plain(table.task)}: ranking of errors")
    shown.add_column("estimator", overflow="fold")
    macro = metrics[metrics["topic"] == MACRO]
    carried = macro_label(macro["n_topics"].astype(float), macro["n_topics_total"].astype(float))
    for name in (carried, "95 % interval", "all questions", "95 % interval", "PRR", "coverage"):
        shown.add_column(name, justify="right")
    for row in leading_rank(metrics).to_dict("records"):
        mean = mean_value(metrics, str(row["estimator"]), by_mean)
        cells = (
            Text(plain(row["estimator"])),
            _area(mean.area, mean.low),
            Text(interval(mean.low, mean.high)),
            _area(row["roc_auc"], row["roc_auc_low"]),
            Text(interval(row["roc_auc_low"], row["roc_auc_high"])),
            Text(number(row["prr"]), style=_FEW_STYLE if math.isnan(row["roc_auc_low"]) else ""),
            Text(percent(row["coverage"])),
        )
        shown.add_row(*cells)
    _explain(shown, metrics)
    return shown


def _area(area: float, low: float) -> Text:
    """Format a ROC AUC, marked and gray if from too few answers for an interval."""
    few = math.isnan(low) and not math.isnan(area)
    return Text(marked(area, few), style=_FEW_STYLE if few else "")


def _explain(shown: Table, metrics: pd.DataFrame) -> None:
    """Explain the mark of values from too few answers below the table, if any has it."""
    if (metrics["roc_auc"].notna() & metrics["roc_auc_low"].isna()).any():
        shown.caption = Text(f"{FEW_MARK} {FEW_MEANING}")
        shown.caption_justify = "left"


def _topic_table(table: TopicTable, estimators: list[str]) -> Table:
    shown = _table(f"{plain(table.model)} on {plain(table.task)}: ROC AUC by topic")
    shown.add_column("topic", overflow="fold")
    for name in ("n", "errors", *estimators):
        shown.add_column(Text(_wrapped(name, 12)), justify="right", overflow="fold")
    columns = [table.estimators.index(name) for name in estimators]
    counts = [table.rows(topic) for topic in table.topics]
    rows = largest(range(len(counts)), lambda row: int(counts[row][0]), DRAWN)
    if len(rows) < len(counts):
        shown.caption = Text(f"The {DRAWN} rows with the most questions of {len(counts):,}.")
    for row in rows:
        topic, (n, errors) = table.topics[row], counts[row]
        low = table.values["roc_auc_low"][row]
        cells = [_area(table.area(topic, table.estimators[k]), float(low[k])) for k in columns]
        heads = (_wrapped(table.label(topic), 24), count(n), count(errors))
        shown.add_row(*map(Text, heads), *cells)
    return shown


def _wrapped(name: str, width: int) -> str:
    """Wrap a name to lines of at most `width` characters, preferably after `_` or `=`."""
    lines = [""]
    for part in re.findall(r"[^_=]*[_=]|[^_=]+", plain(name)):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)
