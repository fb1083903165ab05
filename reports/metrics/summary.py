"""Summary of the metrics in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..frames.formatting import count, interval, number, percent, plain
from ..statistics.intervals import SMALLEST_CLASS
from .evaluation import ALL, MACRO
from .leaders import Leader, chosen_row, leader_of, own_rows

LISTED = 6


def summarize(
    metrics: pd.DataFrame,
    comparisons: pd.DataFrame | None = None,
    flow: pd.DataFrame | None = None,
    selection: pd.DataFrame | None = None,
    by_mean: pd.DataFrame | None = None,
) -> list[str]:
    """Summarize a frame from `compute_metrics` in one paragraph per (model, task).

    The estimator with the highest mean over topics leads, its pooled value is beside it; without
    such a mean the pooled value leads. Given a frame from `compare`, the paragraph names the
    estimators that are not distinguishable from the best pooled one; given one from `compute_flow`,
    it counts unparsed answers under any row convention; given those from `compute_selection` and
    `compute_selection_by_mean`, the leading value is corrected for the choice.
    """
    paragraphs = []
    for (first, second), part in metrics.groupby(["model", "task"], sort=False):
        model, task = str(first), str(second)
        means = own_rows(by_mean, model, task)
        leader = leader_of(part, means)
        chosen = chosen_row(by_mean if leader and leader.by_mean else selection, model, task)
        head = f"{plain(model)} on {plain(task)}:"
        sentences = _sentences(
            part,
            leader,
            _own(comparisons, model, task),
            unread(part, flow, model, task),
            (means, chosen),
        )
        paragraphs.append(" ".join([head, *sentences]))
    return paragraphs


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


def unread(
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


def _pooled_tests(best: str, comparisons: pd.DataFrame | None) -> list[str]:
    """Name the estimators that paired tests over all questions do not tell from the best."""
    if comparisons is None:
        return []
    pairs = against(comparisons, best)
    if pairs.empty:
        return []
    equal = pairs.loc[~pairs["distinguishable"], "other"].tolist()
    if len(equal):
        return [f"Not distinguishable from it (paired test, Holm-adjusted): {_listed(equal)}."]
    return ["Its lead over each of the others is distinguishable (paired, Holm-adjusted)."]


def _mean_tests(best: str, means: pd.DataFrame | None) -> list[str]:
    """Name the estimators that the resamples do not tell from the best by the mean over topics."""
    if means is None or str(means.loc[means["best"].astype(bool), "estimator"].iloc[0]) != best:
        return []
    equal = means["indistinguishable"].astype(bool) & ~means["best"].astype(bool)
    if equal.any():
        names = means.loc[equal, "estimator"].tolist()
        return [f"Not distinguishable from it (simultaneous 95 %): {_listed(names)}."]
    return ["Its lead over each of the others is distinguishable (simultaneous 95 %)."]


def _topic_tests(comparisons: pd.DataFrame | None) -> list[str]:
    if comparisons is None:
        return []
    topics = comparisons[comparisons["family"] == "topics"]
    if topics.empty:
        return []
    clear = int(topics["distinguishable"].sum())
    return [
        f"Of {len(topics)} pairs of topics, {clear} differ distinguishably in the ROC AUC of "
        f"{plain(topics['estimator_a'].iloc[0])}."
    ]


def _sentences(
    metrics: pd.DataFrame,
    leader: Leader | None,
    comparisons: pd.DataFrame | None,
    missing: tuple[int, int, int],
    choice: tuple[pd.DataFrame | None, pd.Series[Any] | None],
) -> list[str]:
    pooled = metrics[metrics["topic"] == ALL].set_index("estimator")
    most = int(pooled["n"].to_numpy(dtype=float).argmax())
    head = _headline(pooled.iloc[most], missing)
    if leader is None:
        return [head, unranked(pooled, most)]
    means, chosen = choice
    own = metrics[metrics["estimator"] == leader.estimator].set_index("topic")
    macro = own.loc[[MACRO]].iloc[0]
    corrected = choice_text(chosen, leader.estimator, len(pooled))
    first = f"Of {len(pooled)} estimator{'s' * (len(pooled) != 1)}, {plain(leader.estimator)}"
    if leader.by_mean:
        told = [
            f"{first} has the highest ROC AUC of errors on average over {carried(macro)}: "
            f"{leader.mean.text}{corrected}; {leader.pooled.text} over all questions"
            f"{_range(own)}.",
            *_mean_tests(leader.estimator, means),
            *filter(None, [leader.warning]),
        ]
    else:
        told = [
            f"{first} has the highest ROC AUC of errors over all questions: {leader.pooled.text}"
            f"{corrected}{_range(own)}; there is no mean over topics to choose by, since "
            f"{leader.reason}.",
            *_pooled_tests(leader.estimator, comparisons),
        ]
    within = leader.by_mean and means is not None
    values = means.set_index("estimator") if within and means is not None else pooled
    where = "on average over topics" if within else "over all questions"
    return [
        head,
        *told,
        *_topic_tests(comparisons),
        *_against_chance(values, where),
        *_incomplete(pooled),
        *_few(pooled),
    ]


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


def unranked(pooled: pd.DataFrame, most: int) -> str:
    """Explain why no estimator is ranked: no ROC AUC, or too few answers of a class."""
    if pooled["roc_auc"].isna().all():
        return "No ROC AUC: there is one class only, or no score."
    n, wrong = (int(pooled[column].iloc[most]) for column in ("n", "n_errors"))
    return (
        f"{count(wrong)} wrong and {count(n - wrong)} right: with fewer than {SMALLEST_CLASS} of "
        "either, ROC AUCs have no interval, and no estimator is ranked or compared, either with "
        "others or with chance."
    )


def carried(macro: pd.Series[Any]) -> str:
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
        f", by topic from {number(float(areas.min()))} ({plain(low)}) to "
        f"{number(float(areas.max()))} ({plain(high)})"
    )


def _against_chance(values: pd.DataFrame, where: str) -> list[str]:
    """Name the estimators whose interval contains 0.5 or lies below it, by their own values."""
    below = values.index[values["roc_auc_high"] < 0.5]
    unclear = values.index[(values["roc_auc_low"] <= 0.5) & (values["roc_auc_high"] >= 0.5)]
    sentences = []
    if len(unclear):
        sentences.append(f"Not distinguishable from chance {where}: {_listed(unclear)}.")
    if len(below):
        sentences.append(f"Below chance (inverted) {where}: {_listed(below)}.")
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
