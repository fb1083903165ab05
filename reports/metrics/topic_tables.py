"""Comparison table of estimators by topic, as Markdown, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..frames.export import Text, TextTable, latex_text, markdown_text
from ..frames.formatting import count, interval, marked
from ..statistics.intervals import FEW_MARK, FEW_MEANING
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from .evaluation import MACRO

LATEX_COLUMNS = 2


@short_repr
@dataclass(frozen=True)
class TopicTable:
    """One model on one task: rows are topics, columns are estimators.

    Attributes:
        model: the model's name.
        task: the task's name.
        topics: "all", "macro", topics, strata, in this order.
        estimators: column names.
        values: per metric column ("roc_auc", "n", …) an array, topics × estimators.
    """

    model: str
    task: str
    topics: list[str]
    estimators: list[str]
    values: dict[str, FloatArray]

    def rows(self, topic: str) -> tuple[float, float]:
        """n and errors of the topic: those of most estimators, the larger n where tied."""
        row = self.topics.index(topic)
        pairs = zip(self.values["n"][row], self.values["n_errors"][row], strict=True)
        listed = [(float(n), float(errors)) for n, errors in pairs]
        return max(listed, key=lambda pair: (listed.count(pair), pair))

    def label(self, topic: str) -> str:
        """The topic's name, for the mean over topics with how many carry it."""
        if topic != MACRO:
            return topic
        row = self.topics.index(topic)
        return macro_label(self.values["n_topics"][row], self.values["n_topics_total"][row])

    def few(self, topic: str, estimator: str) -> bool:
        """Whether the ROC AUC is defined but comes from too few answers for an interval."""
        at = (self.topics.index(topic), self.estimators.index(estimator))
        area, low = (self.values[name][at] for name in ("roc_auc", "roc_auc_low"))
        return bool(np.isnan(low) and not np.isnan(area))

    def area(self, topic: str, estimator: str) -> float:
        """The ROC AUC, NaN where undefined."""
        at = (self.topics.index(topic), self.estimators.index(estimator))
        return float(self.values["roc_auc"][at])

    def cell(self, topic: str, estimator: str) -> tuple[str, str, str]:
        """AUC, interval, and n with errors where they differ from the row's, as text."""
        at = (self.topics.index(topic), self.estimators.index(estimator))
        get = {name: float(values[at]) for name, values in self.values.items()}
        own = (get["n"], get["n_errors"])
        note = f"n {count(own[0])}, {count(own[1])} wrong" if own != self.rows(topic) else ""
        ends = interval(get["roc_auc_low"], get["roc_auc_high"])
        return marked(get["roc_auc"], self.few(topic, estimator)), ends, note


def macro_label(carrying: ArrayLike, total: ArrayLike) -> str:
    """`macro (9 of 14 topics)`, or `macro (7–9 of 14 topics)` where estimators differ."""
    counts, most = np.asarray(carrying, np.float64), float(np.nanmax(np.asarray(total, np.float64)))
    low, high = count(float(np.nanmin(counts))), count(float(np.nanmax(counts)))
    shown = low if low == high else f"{low}–{high}"
    return f"{MACRO} ({shown} of {count(most)} topic{'s' * (most != 1)})"


_VALUES = ("roc_auc", "roc_auc_low", "roc_auc_high", "n", "n_errors")
_COUNTS = ("n_topics", "n_topics_total")


def topic_tables(metrics: pd.DataFrame) -> list[TopicTable]:
    """One table per (model, task) of a frame from `compute_metrics`."""
    tables = []
    for (model, task), part in metrics.groupby(["model", "task"], sort=False):
        topics = list(dict.fromkeys(part["topic"]))
        estimators = list(dict.fromkeys(part["estimator"]))
        indexed = part.set_index(["topic", "estimator"])
        values = {
            name: indexed[name]
            .astype(float)
            .unstack()
            .reindex(index=topics, columns=estimators)
            .to_numpy()
            for name in (*_VALUES, *_COUNTS)
        }
        tables.append(TopicTable(str(model), str(task), topics, estimators, values))
    return tables


TITLE = "ROC AUC of errors by topic"


def to_markdown(tables: list[TopicTable]) -> str:
    """Markdown, one section per (model, task)."""
    note = (
        "Errors are the positive class, a higher score is more uncertain: 0.5 is chance, below 0.5"
        " the score points the wrong way. In brackets the 95 % interval. macro: unweighted mean"
        f" over topics. –: one class only. {FEW_MARK}: {FEW_MEANING}."
    )
    shown = [
        _text_table(table, table.estimators, _cell, f"{table.model} · {table.task}")
        for table in tables
    ]
    return markdown_text(TITLE, shown, note)


def _text_table(
    table: TopicTable,
    estimators: Sequence[str],
    cell: Callable[[TopicTable, str, str], tuple[str, str, str]],
    title: str,
    note: str = "",
) -> TextTable:
    """Some columns of a table as texts, with rules between averages, topics and strata."""
    rows: list[list[Text]] = []
    for topic in table.topics:
        sizes = [count(number) for number in table.rows(topic)]
        rows.append([table.label(topic), *sizes, *(cell(table, topic, e) for e in estimators)])
    kinds = [_kind(topic) for topic in table.topics]
    rules = {number for number in range(1, len(kinds)) if kinds[number] != kinds[number - 1]}
    return TextTable(
        ["topic", "n", "errors", *estimators], rows, title, note, rules=frozenset(rules)
    )


def _cell(table: TopicTable, topic: str, estimator: str) -> tuple[str, str, str]:
    value, ends, note = table.cell(topic, estimator)
    return value, ends, f"({note})" if note else ""


def _short_cell(table: TopicTable, topic: str, estimator: str) -> tuple[str, str, str]:
    value, ends, note = table.cell(topic, estimator)
    return value, ends, f"({note[2:].replace(', ', '/').removesuffix(' wrong')})" if note else ""


def to_csv_frame(tables: list[TopicTable]) -> pd.DataFrame:
    """Wide frame in full precision: per estimator its AUC, interval ends, n and errors."""
    parts = []
    for table in tables:
        columns: dict[str, Any] = {"model": table.model, "task": table.task, "topic": table.topics}
        for estimator in table.estimators:
            for name in _VALUES:
                label = estimator if name == "roc_auc" else f"{estimator}:{name}"
                values = table.values[name][:, table.estimators.index(estimator)]
                whole = name.startswith("n") and not np.isnan(values).any()
                columns[label] = values.astype(np.int64) if whole else values
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def to_latex(tables: list[TopicTable]) -> str:
    r"""LaTeX tables that need `\usepackage{booktabs}` only, two estimators to a table."""
    note = (
        "95 % interval in brackets, n/errors in parentheses where a column's differ. "
        f"{FEW_MARK}: {FEW_MEANING}."
    )
    shown = []
    for table in tables:
        for start in range(0, len(table.estimators), LATEX_COLUMNS):
            chosen = table.estimators[start : start + LATEX_COLUMNS]
            more = " (continued)" if start else ""
            title = f"{TITLE}, {table.model} on {table.task}{more}"
            shown.append(_text_table(table, chosen, _short_cell, title, note))
    return latex_text(shown)


def _kind(topic: str) -> str:
    """Average, topic, or the stratum's name: rules separate the kinds."""
    if topic in ("all", "macro"):
        return "average"
    return topic.split("=", 1)[0] if "=" in topic else "topic"
