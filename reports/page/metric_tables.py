"""Tables of metrics and tests of one model on one task."""

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
from ..metrics.leaders import leading_rank, mean_value
from ..metrics.metric import Metric
from ..metrics.metric_registry import shown_metrics
from ..metrics.topic_tables import TopicTable, macro_label
from ..statistics.intervals import SMALLEST_CLASS, too_few
from .columns import DIFFERENCE, INTERVAL, TESTED, VALUES, N, pair, texts

POOLED = ("quality", "rows", "missing", "more")
"""Values of `Metric.shown` whose metrics are columns of the pooled table."""


def ranking_table(
    metrics: pd.DataFrame, by_mean: pd.DataFrame, more: Sequence[Metric] = ()
) -> PageTable:
    """Tabulate the mean over topics, the pooled ROC AUC and the other metrics, best first.

    `by_mean` are rows of `compute_selection_by_mean`; `more` are additional metrics.
    """
    macro = metrics[metrics["topic"] == MACRO]
    carried = macro_label(macro["n_topics"].astype(float), macro["n_topics_total"].astype(float))
    first, *others = shown_metrics(POOLED, more)
    ranked = leading_rank(metrics)
    heads = [
        *(Column("estimator", True), Column(f"{first.title}, {carried}"), Column("95 % interval")),
        *(Column(f"{first.title}, all questions"), Column("95 % interval")),
        *(Column(metric.title) for metric in others),
    ]
    rows = []
    for record in ranked.head(ROWS).to_dict("records"):
        mean = mean_value(metrics, str(record["estimator"]), by_mean)
        ends = interval(record["roc_auc_low"], record["roc_auc_high"])
        few = not ends and not pd.isna(record["roc_auc"])
        note = record["interval_note"] if few else ""
        cells = [
            area_cell(record["roc_auc"], few),
            Cell(ends or note, record["roc_auc_low"] if ends else ""),
            *(number_cell(record[metric.name], KINDS[metric.kind]) for metric in others),
        ]
        gray = [replace(cell, heat=math.nan, few=cell.few or few) for cell in cells]
        around = interval(mean.low, mean.high)
        own = Cell(around, mean.low if around else "", few=not around)
        head = (text_cell(record["estimator"]), area_cell(mean.area, not around))
        rows.append([*head, own, *gray])
    meanings = [f"{metric.title}: {metric.meaning}" for metric in more if metric.shown in POOLED]
    note = " ".join(filter(None, [rows_note(len(ranked), "metrics.csv", sized=False), *meanings]))
    return PageTable("Metrics of the estimators", heads, rows, note=note)


def topic_table(table: TopicTable) -> PageTable:
    """Tabulate the ROC AUC by topic and estimator with intervals."""
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
    """Tabulate the best estimator against all others; `pairs` are from `summary.against`."""
    columns = (
        *(*texts("other"), N),
        Shown("its ROC AUC", "value"),
        *(DIFFERENCE, INTERVAL, *TESTED),
    )
    return table_from_frame(
        pairs,
        f"{plain(best)} against all others, over all questions",
        columns,
        file="comparisons.csv",
    )


def pairs_table(pairs: pd.DataFrame, kind: str, title: str, note: str = "") -> PageTable:
    """Tabulate the tests of one family; `kind` is estimator, topic, model or task."""
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
    """Tabulate the calibration of probabilities, best first; None if there are none.

    Those with too few errors or correct answers are last and gray. `more` are additional metrics.
    """
    own = metrics[(metrics["topic"] == ALL) & (metrics["n_calibration"] > 0)]
    if own.empty:
        return None
    shown = sorted(shown_metrics(("calibration",), more), key=lambda metric: metric.kind != "count")
    columns = (
        *texts("estimator"),
        *(Shown(metric.title, metric.name, metric.kind) for metric in shown),
    )
    note = " ".join(f"{metric.title}: {metric.meaning}" for metric in more if metric in shown)
    few = own["roc_auc_low"].isna()
    own = own.loc[own["ece"].mask(few).sort_values(kind="stable").index]
    gray = own["roc_auc_low"].isna().tolist()
    return table_from_frame(own, "Calibration", columns, file="metrics.csv", note=note, few=gray)


def threshold_table(thresholds: pd.DataFrame, best: str) -> PageTable:
    """Tabulate the thresholds of the best estimator."""
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
    """Tabulate trends of all estimators over the ordered strata."""
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
        shown, "Trends over ordered strata", columns, folded=True, file="trends.csv"
    )


def complementarity_table(pairs: pd.DataFrame) -> PageTable:
    """Tabulate pairs of estimators, largest gain first; too few answers last and gray."""
    columns = (
        *(*pair("estimator"), N),
        Shown("rank correlation", "spearman", "signed"),
        Shown("first's ROC AUC", "roc_auc_a"),
        Shown("second's", "roc_auc_b"),
        Shown("of mean rank", "roc_auc_both"),
        Shown("gain", "gain", "signed"),
        Shown("errors missed by first, detected by second", "found_by_b", "percent"),
        Shown("vice versa", "found_by_a", "percent"),
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
