"""Table of the choice among estimators."""

from __future__ import annotations

import pandas as pd

from ..frames.blocks import PageTable, Shown, table_from_frame
from ..frames.formatting import count, interval, number, plain


def choice_table(choice: pd.DataFrame) -> PageTable:
    """Tabulate how firmly the best estimator is the best.

    `choice` is from `compute_selection_by_mean`, or from `compute_selection`, by the pooled value.
    """
    by_mean = "n_topics" in choice
    columns = (
        Shown("estimator", "estimator", "text"),
        Shown("n", "n", "count"),
        Shown("mean over topics" if by_mean else "ROC AUC, all questions", "roc_auc"),
        *((Shown("95 % interval", "roc_auc_low", "interval", "roc_auc_high"),) if by_mean else ()),
        Shown("best in", "probability_best", "percent"),
        Shown("cannot be told from the best", "indistinguishable", "yes"),
    )
    ordered = choice.sort_values("roc_auc", ascending=False, kind="stable", ignore_index=True)
    best = choice[choice["best"].astype(bool)].iloc[0]
    ends = interval(float(best["low"]), float(best["high"]))
    where = f", in the {count(float(best['n_topics']))} topics with both classes" if by_mean else ""
    note = (
        f"On the {count(float(best['n']))} questions that all of these scored"
        f"{where}. Corrected for the choice among {len(choice)}, the ROC AUC of "
        f"{plain(best['estimator'])} is {number(float(best['roc_auc_corrected']))} {ends}: "
        "the choice of the best is repeated in every resample, since the highest of many values is "
        "too high by chance. “Best in”: share of the resamples."
    )
    return table_from_frame(
        ordered,
        "The choice among estimators",
        columns,
        folded=True,
        file="selection_by_mean.csv" if by_mean else "selection.csv",
        note=note,
    )
