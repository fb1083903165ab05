"""Table of the choice among estimators."""

from __future__ import annotations

import pandas as pd

from ..frames.blocks import PageTable, Shown, table_from_frame
from ..frames.formatting import count, interval, number, plain


def choice_table(choice: pd.DataFrame) -> PageTable:
    """Tabulate how firmly the best estimator is the best; `choice` is from `compute_selection`."""
    columns = (
        Shown("estimator", "estimator", "text"),
        Shown("n", "n", "count"),
        Shown("ROC AUC", "roc_auc"),
        Shown("best in", "probability_best", "percent"),
        Shown("cannot be told from the best", "indistinguishable", "yes"),
    )
    ordered = choice.sort_values("roc_auc", ascending=False, kind="stable", ignore_index=True)
    best = choice[choice["best"].astype(bool)].iloc[0]
    ends = interval(float(best["low"]), float(best["high"]))
    note = (
        f"On the {count(float(best['n']))} questions that all of these scored. Corrected for the "
        f"choice among {len(choice)}, the ROC AUC of {plain(best['estimator'])} is "
        f"{number(float(best['roc_auc_corrected']))} {ends}: the choice of the best is repeated in "
        "every resample, since the highest of many values is too high by chance. “Best in”: share "
        "of the resamples."
    )
    return table_from_frame(
        ordered,
        "The choice among estimators",
        columns,
        folded=True,
        file="selection.csv",
        note=note,
    )
