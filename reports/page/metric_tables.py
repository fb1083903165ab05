"""Tables of metrics and tests of one model on one task, for the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from ..frames.blocks import (
    KINDS,
    Cell,
    Column,
    PageTable,
    Shown,
    area_cell,
    number_cell,
    table_from_frame,
    text_cell,
)
from ..frames.formatting import count, interval, marked, plain
from ..frames.limits import ROWS, row_numbers, rows_note
from ..metrics.evaluation import ALL, MACRO
from ..metrics.metric import Metric
from ..metrics.metric_registry import shown_metrics
from ..metrics.summary import pooled_rank
from ..metrics.topic_tables import TopicTable, macro_label
from ..statistics.intervals import SMALLEST_CLASS, too_few
from .columns import DIFFERENCE, INTERVAL, TESTED, VALUES, N, pair, texts

POOLED = ("quality", "rows", "missing", "more")
"""Places of the metrics that are columns of the pooled table, see `Metric.shown`."""


def pooled_table(metrics: pd.DataFrame, more: Sequence[Metric] = ()) -> PageTable:
    """Pooled metrics with the macro AUC, highest AUC first; `more` are those of users."""
    macro = metrics[metrics["topic"] == MACRO].set_index("estimator")
    of = pooled_rank(metrics)
    ranked = of.assign(
        macro=of["estimator"].map(macro["roc_auc"]),
        macro_low=of["estimator"].map(macro["roc_auc_low"]),
    )
    carried = macro_label(macro["n_topics"].astype(float), macro["n_topics_total"].astype(float))
    first, *others = shown_metrics(POOLED, more)
    heads = [
        *(Column("estimator", True), Column(first.title), Column("95 % interval"), Column(carried)),
        *(Column(one.title) for one in others),
    ]
    rows = []
    for record in ranked.head(ROWS).to_dict("records"):
        ends = interval(record["roc_auc_low"], record["roc_auc_high"])
        few = not ends and not pd.isna(record["roc_auc"])
        note = record["interval_note"] if few else ""
        cells = [
            Cell(ends or note, record["roc_auc_low"] if ends else ""),
            area_cell(record["macro"], pd.isna(record["macro_low"])),
            *(number_cell(record[one.name], KINDS[one.kind]) for one in others),
        ]
        gray = [replace(cell, heat=math.nan, few=cell.few or few) for cell in cells]
        rows.append([text_cell(record["estimator"]), area_cell(record["roc_auc"], few), *gray])
    meanings = [f"{one.title}: {one.meaning}" for one in more if one.shown in POOLED]
    note = " ".join(filter(None, [rows_note(len(ranked), "metrics.csv", sized=False), *meanings]))
    return PageTable("Pooled metrics", heads, rows, note=note)


def topic_table(table: TopicTable) -> PageTable:
    """ROC AUC by topic and estimator with intervals."""
    heads = [Column("topic", True), Column("n"), Column("errors")]
    heads += [Column(name) for name in table.estimators]
    counts = [table.rows(topic) for topic in table.topics]
    shown = row_numbers([n for n, _ in counts], len(counts))
    rows, bold = [], []
    for index, row in enumerate(shown):
        topic, (n, errors) = table.topics[row], counts[row]
        cells = [text_cell(table.label(topic)), number_cell(n, count), number_cell(errors, count)]
        for name in table.estimators:
            _, ends, note = table.cell(topic, name)
            cell = area_cell(table.area(topic, name), table.few(topic, name))
            cells.append(replace(cell, small=tuple(filter(None, (ends, note)))))
        rows.append(cells)
        if topic in (ALL, MACRO):
            bold.append(index)
    note = rows_note(len(counts), "metrics.csv", sized=True)
    return PageTable("ROC AUC by topic", heads, rows, frozenset(bold), note=note)


def against_table(pairs: pd.DataFrame, best: str) -> PageTable:
    """The best estimator against each other one; `pairs` as from `summary.against`."""
    columns = (
        *(*texts("other"), N),
        Shown("its ROC AUC", "value"),
        *(DIFFERENCE, INTERVAL, *TESTED),
    )
    return table_from_frame(
        pairs, f"{plain(best)} against the others", columns, file="comparisons.csv"
    )


def pairs_table(pairs: pd.DataFrame, kind: str, title: str, note: str = "") -> PageTable:
    """All tests of one family; `kind` names what differs: estimator, topic, model or task."""
    columns = (
        *pair(kind),
        Shown("of", "quantity" if kind in ("model", "task") else "estimator_a", "text"),
        *(N, *VALUES, DIFFERENCE, INTERVAL),
        Shown("effect size (d′)", "effect_size", "signed"),
        *TESTED,
    )
    chosen = [shown for shown in columns if not (kind == "estimator" and shown.heading == "of")]
    return table_from_frame(pairs, title, chosen, folded=True, file="comparisons.csv", note=note)


def calibration_table(metrics: pd.DataFrame, more: Sequence[Metric] = ()) -> PageTable | None:
    """Calibration of the scores that are probabilities, best first; None where there are none.

    Those with too few errors or right answers come last and gray. `more` are metrics of users.
    """
    own = metrics[(metrics["topic"] == ALL) & (metrics["n_calibration"] > 0)]
    if own.empty:
        return None
    shown = sorted(shown_metrics(("calibration",), more), key=lambda one: one.kind != "count")
    columns = (
        *texts("estimator"),
        *(Shown(one.title, one.name, one.kind) for one in shown),
    )
    note = " ".join(f"{one.title}: {one.meaning}" for one in more if one in shown)
    few = own["roc_auc_low"].isna()
    own = own.loc[own["ece"].mask(few).sort_values(kind="stable").index]
    gray = own["roc_auc_low"].isna().tolist()
    return table_from_frame(own, "Calibration", columns, file="metrics.csv", note=note, few=gray)


def threshold_table(thresholds: pd.DataFrame, best: str) -> PageTable:
    """Thresholds of the best estimator."""
    own = thresholds[thresholds["estimator"] == best]
    columns = (
        Shown("keep if score ≤", "threshold", "plain3"),
        Shown("coverage", "coverage", "percent"),
        Shown("kept", "n_kept", "count"),
        Shown("errors kept", "n_errors_kept", "count"),
        Shown("accuracy", "accuracy"),
        Shown("95 % interval", "accuracy_low", "interval", "accuracy_high"),
    )
    return table_from_frame(own, f"Thresholds of {plain(best)}", columns, file="thresholds.csv")


def trend_table(trends: pd.DataFrame) -> PageTable:
    """Trends of all estimators along the ordered strata."""
    names = ("roc_auc", "n_errors", "n")
    shown = trends.assign(
        areas=[
            " → ".join(
                marked(float(area), bool(too_few(int(wrong), int(n))))
                for area, wrong, n in zip(*(str(part).split(", ") for part in parts), strict=True)
            )
            for parts in zip(*(trends[name] for name in names), strict=True)
        ],
        n=[sum(map(int, str(sizes).split(", "))) for sizes in trends["n"]],
    )
    columns = (
        *texts("estimator", "stratum", "values"),
        Shown("ROC AUC", "areas", "text"),
        Shown("slope per step", "slope", "signed"),
        Shown("p (Holm)", "p_holm", "p"),
    )
    return table_from_frame(
        shown, "Trends along ordered strata", columns, folded=True, file="trends.csv"
    )


def complementarity_table(pairs: pd.DataFrame) -> PageTable:
    """Pairs of estimators, largest gain first, those with too few answers last and gray."""
    columns = (
        *(*pair("estimator"), N),
        Shown("rank correlation", "spearman", "signed"),
        Shown("first's ROC AUC", "roc_auc_a"),
        Shown("second's", "roc_auc_b"),
        Shown("of both ranks", "roc_auc_both"),
        Shown("gain", "gain", "signed"),
        Shown("first's overlooked errors that the second finds", "found_by_b", "percent"),
        Shown("the other way round", "found_by_a", "percent"),
    )
    right = pairs["n"] - pairs["n_errors"]
    few = pairs["n_errors"].lt(SMALLEST_CLASS) | right.lt(SMALLEST_CLASS)
    order = pairs["gain"].mask(few).sort_values(ascending=False, kind="stable").index
    return table_from_frame(
        pairs.loc[order],
        "Pairs of estimators",
        columns,
        folded=True,
        file="complementarity.csv",
        few=few[order].tolist(),
    )
