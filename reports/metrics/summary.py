"""Summary of the metrics in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..frames.formatting import count, interval, marked, number, percent, plain
from ..statistics.intervals import FEW_MARK, FEW_MEANING, SMALLEST_CLASS
from .evaluation import ALL, MACRO

LISTED = 6
_INTERVAL = ("roc_auc", "roc_auc_low", "roc_auc_high")


def summarize(
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame | None = None,
    flow: pd.DataFrame | None = None,
    selection: pd.DataFrame | None = None,
) -> list[str]:
    """Summarize a frame from `compute_metrics` in one paragraph per (model, task).

    Given a frame from `compare`, the paragraph names the estimators that are not distinguishable
    from the best; given one from `compute_flow`, it counts unparsed answers under any row
    convention; given one from `compute_selection`, the best value is corrected for the choice.
    """
    return [
        _paragraph(
            str(model),
            str(task),
            part,
            _own(comparisons, str(model), str(task)),
            _unread(part, flow, str(model), str(task)),
            chosen_row(selection, str(model), str(task)),
        )
        for (model, task), part in metrics.groupby(["model", "task"], sort=False)
    ]


def chosen_row(selection: pd.DataFrame | None, model: str, task: str) -> pd.Series[Any] | None:
    """Select the row of the best estimator in a frame from `compute_selection`; None without."""
    if selection is None or selection.empty:
        return None
    own = selection["model"].astype(str).eq(model) & selection["task"].astype(str).eq(task)
    best = selection[own & selection["best"].astype(bool)]
    return None if best.empty else best.iloc[0]


def told_apart(selection: pd.DataFrame, model: str, task: str) -> int:
    """Count the estimators that cannot be told from the best one, without itself."""
    own = selection["model"].astype(str).eq(model) & selection["task"].astype(str).eq(task)
    part = selection[own]
    return int((part["indistinguishable"].astype(bool) & ~part["best"].astype(bool)).sum())


def choice_text(row: pd.Series[Any] | None, name: str, among: int) -> str:
    """State the value corrected for the choice: `; corrected for the choice …`; empty if unknown.

    The correction belongs to the questions that all estimators scored, so that it is left out
    where another estimator is the best on these.
    """
    if row is None or np.isnan(row["low"]) or str(row["estimator"]) != name:
        return ""
    ends = interval(float(row["low"]), float(row["high"]))
    value = number(float(row["roc_auc_corrected"]))
    return f"; corrected for the choice among {among}: {value} {ends}"


def _own(comparisons: pd.DataFrame | None, model: str, task: str) -> pd.DataFrame | None:
    if comparisons is None:
        return None
    within = comparisons["model_a"].eq(model) & comparisons["task_a"].eq(task)
    return comparisons[within & comparisons["family"].isin(("estimators", "topics"))]


def _unread(
    metrics: pd.DataFrame, flow: pd.DataFrame | None, model: str, task: str
) -> tuple[int, int, int]:
    """Count the answers in which no option was found, all answers, and thoughts that were cut."""
    if flow is not None:
        own = flow[flow["model"].eq(model) & flow["task"].eq(task)].set_index("stage")["n"]
        answered = int(own["answered"])
        unread = answered - int(own["parsed"]) - int(own["dont_know"])
        return unread, answered, int(own.get("cut_while_thinking", 0))
    pooled = metrics[metrics["topic"] == ALL]
    return int(pooled["n_unparsed"].max()), int(pooled["n"].max()), 0


def pooled_rank(metrics: pd.DataFrame) -> pd.DataFrame:
    """Sort the pooled rows of one model on one task by descending ROC AUC.

    Rows with too few errors or correct answers for an interval have no rank and follow in their
    stored order.
    """
    pooled = metrics[metrics["topic"] == ALL]
    key = pooled["roc_auc"].where(pooled["roc_auc_low"].notna())
    return pooled.loc[key.sort_values(ascending=False, kind="stable").index]


def few_note(metrics: pd.DataFrame) -> str:
    """Explain the mark of values from too few answers; empty if no value has it."""
    few = metrics["roc_auc"].notna() & metrics["roc_auc_low"].isna()
    if not few.any():
        return ""
    note = f"Gray and {FEW_MARK}: {FEW_MEANING}."
    macro = metrics.loc[few & metrics["topic"].eq(MACRO), "interval_note"]
    return f"{note} Of the mean: {macro.iloc[0]}." if len(macro) else note


def best_estimator(metrics: pd.DataFrame) -> str | None:
    """Return the estimator with the highest pooled ROC AUC of one model on one task.

    None where no estimator has enough errors and correct answers for a rank.
    """
    ranked = pooled_rank(metrics).dropna(subset=["roc_auc_low"])
    return None if ranked.empty else str(ranked["estimator"].iloc[0])


def against(comparisons: pd.DataFrame, best: str) -> pd.DataFrame:
    """Select the comparisons of estimator `best` with all others, as best - other, nearest first.

    Columns: other, n, value, difference, low, high, p_holm, distinguishable.
    """
    own = comparisons[comparisons["family"] == "estimators"]
    first, second = own["estimator_a"] == best, own["estimator_b"] == best
    sign = np.where(first, 1.0, -1.0)[first | second]
    own, first = own[first | second], first[first | second]
    low, high = own["low"].to_numpy(float), own["high"].to_numpy(float)
    frame = pd.DataFrame(
        {
            "other": own["estimator_b"].where(first, own["estimator_a"]),
            "n": own["n"],
            "value": own["value_b"].where(first, own["value_a"]).astype(float),
            "difference": sign * own["difference"].to_numpy(float),
            "low": np.where(first, low, -high),
            "high": np.where(first, high, -low),
            "p_holm": own["p_holm"].astype(float),
            "distinguishable": own["distinguishable"].astype(bool),
        }
    )
    return frame.sort_values("difference", kind="stable", ignore_index=True)


def _distinguishable(best: str, comparisons: pd.DataFrame | None) -> list[str]:
    if comparisons is None:
        return []
    sentences = []
    pairs = against(comparisons, best)
    if len(pairs):
        equal = pairs.loc[~pairs["distinguishable"], "other"].tolist()
        if len(equal):
            text = f"Not distinguishable from it (paired test, Holm-adjusted): {_listed(equal)}."
        else:
            text = "Its lead over each of the others is distinguishable (paired, Holm-adjusted)."
        sentences.append(text)
    topics = comparisons[comparisons["family"] == "topics"]
    if len(topics):
        clear = int(topics["distinguishable"].sum())
        sentences.append(
            f"Of {len(topics)} pairs of topics, {clear} differ distinguishably in its ROC AUC."
        )
    return sentences


def _paragraph(
    model: str,
    task: str,
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame | None,
    unread: tuple[int, int, int],
    chosen: pd.Series[Any] | None,
) -> str:
    pooled = metrics[metrics["topic"] == ALL].set_index("estimator")
    most = int(pooled["n"].to_numpy(dtype=float).argmax())
    head = f"{plain(model)} on {plain(task)}: {_headline(pooled.iloc[most], unread)}"
    name = best_estimator(metrics)
    if name is None:
        return f"{head} {_unranked(pooled, most)}"
    best = {column: float(pooled[column][name]) for column in _INTERVAL}
    own = metrics[metrics["estimator"] == name].set_index("topic")
    ends = interval(best["roc_auc_low"], best["roc_auc_high"])
    mean = own[own.index == MACRO].iloc[0]
    average = marked(float(mean["roc_auc"]), bool(np.isnan(mean["roc_auc_low"])))
    macro = f"{average} on average over {_carried(mean)}"
    sentences = [
        head,
        f"Of {len(pooled)} estimator{'s' * (len(pooled) != 1)}, {plain(name)} has the highest "
        f"ROC AUC of errors: {number(best['roc_auc'])} {ends} over all questions, "
        f"{macro}{_range(own)}{choice_text(chosen, name, len(pooled))}.",
        *_distinguishable(name, comparisons),
        *_against_chance(pooled),
        *_incomplete(pooled),
        *_few(pooled),
    ]
    return " ".join(sentences)


def _headline(pooled: pd.Series[Any], unread: tuple[int, int, int]) -> str:
    """State accuracy and number of unparsed answers, the latter first if no answer is correct."""
    n, accuracy, few = float(pooled["n"]), float(pooled["accuracy"]), pooled["roc_auc_low"]
    missing, answered, cut = unread
    parsed = (
        f"no option was found in {count(missing)} of {count(answered)} answers"
        + (f" ({count(cut)} cut while thinking)" if cut else "")
        if missing
        else f"an option was found in all {count(answered)} answers"
    )
    ends = ""
    if np.isnan(few) and n:
        low, high = (percent(float(pooled[f"accuracy_{end}"])) for end in ("low", "high"))
        ends = f" (95 % interval {low} to {high})"
    share = f"{percent(accuracy)} of {count(n)} questions answered right{ends}"
    if accuracy == 0:
        return f"{parsed}; {share}."
    return f"{share}; {parsed}." if missing else f"{share}."


def _unranked(pooled: pd.DataFrame, most: int) -> str:
    """Explain why no estimator is ranked: no ROC AUC, or too few answers of a class."""
    if pooled["roc_auc"].isna().all():
        return "No ROC AUC: there is one class only, or no score."
    n, wrong = (int(pooled[column].iloc[most]) for column in ("n", "n_errors"))
    return (
        f"{count(wrong)} wrong and {count(n - wrong)} right: with fewer than {SMALLEST_CLASS} of "
        "either, ROC AUCs have no interval, and no estimator is ranked or compared, either with "
        "others or with chance."
    )


def _carried(macro: pd.Series[Any]) -> str:
    """Describe the topics in the macro average: `topics`, or how many of how many."""
    carrying, total, few = (
        int(macro[name]) for name in ("n_topics", "n_topics_total", "n_topics_few")
    )
    notes = ["the others hold one class only"] if carrying < total else []
    if few:
        notes.append(f"{count(few)} of the {count(carrying)} too small for an interval")
    shown = "topics" if carrying == total else f"{count(carrying)} of {count(total)} topics"
    return f"{shown} ({'; '.join(notes)})" if notes else shown


def _few(pooled: pd.DataFrame) -> list[str]:
    few = pooled.index[pooled["roc_auc_low"].isna() & pooled["roc_auc"].notna()]
    if few.empty:
        return []
    return [
        f"No rank or verdict for {_listed(few)}: fewer than {SMALLEST_CLASS} errors or right "
        "answers have its score."
    ]


def _range(own: pd.DataFrame) -> str:
    topics = own[~own.index.isin((ALL, MACRO)) & ~own.index.str.contains("=")]
    areas = topics.loc[topics["roc_auc_low"].notna(), "roc_auc"]
    if len(areas) < 2:
        return ""
    low, high = areas.idxmin(), areas.idxmax()
    return (
        f", from {number(float(areas.min()))} ({plain(low)}) to "
        f"{number(float(areas.max()))} ({plain(high)})"
    )


def _against_chance(pooled: pd.DataFrame) -> list[str]:
    below = pooled.index[pooled["roc_auc_high"] < 0.5]
    unclear = pooled.index[(pooled["roc_auc_low"] <= 0.5) & (pooled["roc_auc_high"] >= 0.5)]
    sentences = []
    if len(unclear):
        sentences.append(f"Not distinguishable from chance: {_listed(unclear)}.")
    if len(below):
        sentences.append(f"Below chance (inverted): {_listed(below)}.")
    return sentences


def _incomplete(pooled: pd.DataFrame) -> list[str]:
    partial = pooled[pooled["coverage"] < 1]
    if partial.empty:
        return []
    lowest = str(partial["coverage"].astype(float).idxmin())
    share = percent(float(partial["coverage"].min()))
    names = _listed(partial.index)
    return [f"Scores are missing for {names} (lowest coverage: {plain(lowest)}, {share})."]


def _listed(names: Sequence[Any] | pd.Index[Any]) -> str:
    """List names, at most `LISTED` of them and the number of the others."""
    shown = [plain(name) for name in names]
    more = len(shown) - LISTED
    if more > 1:
        return ", ".join(shown[:LISTED]) + f" and {more} more"
    return ", ".join(shown)
