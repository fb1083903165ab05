"""What notebooks show of results: a leaderboard of estimators with intervals."""

from __future__ import annotations

from html import escape

import pandas as pd

from .reports.frames.formatting import interval, number, percent, plain

COLUMNS = (
    *("model", "task", "estimator", "roc_auc", "roc_auc_low", "roc_auc_high"),
    *("roc_auc_pooled", "accuracy", "n", "coverage"),
)
HEADS = (
    *("model", "task", "estimator", "ROC AUC, mean over topics", "95 % interval"),
    *("pooled", "accuracy", "n", "scored"),
)
SHOWN = 30
"""Rows of the leaderboard that a notebook shows."""


def ranking(metrics: pd.DataFrame) -> pd.DataFrame:
    """Rank the estimators of each model and task by the mean of the ROC AUC over the topics.

    Args:
        metrics: Frame of `compute_metrics` with the rows "all" and "macro".

    Returns:
        Columns `COLUMNS`: ``roc_auc`` is the mean over the topics with its interval,
        ``roc_auc_pooled`` that of all questions together; best first.
    """
    keys = ["model", "task", "estimator"]
    macro = metrics[metrics["topic"] == "macro"]
    pooled = metrics[metrics["topic"] == "all"]
    more = pooled[[*keys, "roc_auc", "accuracy", "n", "coverage"]]
    ends = ["roc_auc", "roc_auc_low", "roc_auc_high"]
    joined = more.rename(columns={"roc_auc": "roc_auc_pooled"}).merge(
        macro[[*keys, *ends]], on=keys, how="left"
    )
    ranked = joined.sort_values(["model", "task", "roc_auc"], ascending=[True, True, False])
    return ranked[list(COLUMNS)].reset_index(drop=True)


def leaderboard_html(leaderboard: pd.DataFrame, title: str) -> str:
    """Render the first rows of a leaderboard as an HTML table; names are escaped."""
    lines = [
        f"<table><caption>{escape(plain(title))}</caption><thead><tr>",
        *(f"<th>{head}</th>" for head in HEADS),
        "</tr></thead><tbody>",
    ]
    for row in leaderboard.head(SHOWN).to_dict("records"):
        cells = [plain(row[name]) for name in ("model", "task", "estimator")]
        cells += [number(row["roc_auc"]), interval(row["roc_auc_low"], row["roc_auc_high"])]
        cells += [number(row["roc_auc_pooled"]), percent(row["accuracy"])]
        cells += [f"{int(row['n']):,}", percent(row["coverage"])]
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    hidden = len(leaderboard) - SHOWN
    more = f"<p>{hidden} more rows in <code>.leaderboard</code></p>" if hidden > 0 else ""
    return "".join([*lines, "</tbody></table>", more])
