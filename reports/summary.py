"""What the metrics say, in plain sentences, and the questions that an estimator got most wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .evaluation import ALL, MACRO, Evaluation, keys
from .formatting import count, interval, number, percent, plain
from .inputs import ReportInput

SMALLEST_TOPIC = 10
SHORTLIST = 10
LISTED = 6
_INTERVAL = ("roc_auc", "roc_auc_low", "roc_auc_high")


def summarise(metrics: pd.DataFrame, comparisons: pd.DataFrame | None = None) -> list[str]:
    """One paragraph per (model, task) of a frame from `compute_metrics`.

    With a frame from `compare`, the paragraph names what is not distinguishable from the best.
    """
    return [
        _paragraph(str(model), str(task), part, _own(comparisons, str(model), str(task)))
        for (model, task), part in metrics.groupby(["model", "task"], sort=False)
    ]


def _own(comparisons: pd.DataFrame | None, model: str, task: str) -> pd.DataFrame | None:
    if comparisons is None:
        return None
    within = comparisons["model_a"].eq(model) & comparisons["task_a"].eq(task)
    return comparisons[within & comparisons["family"].isin(("estimators", "topics"))]


def best_estimator(metrics: pd.DataFrame) -> str | None:
    """Name with the highest pooled ROC AUC in the metrics of one model on one task."""
    pooled = metrics[metrics["topic"] == ALL].set_index("estimator")["roc_auc"].dropna()
    return None if pooled.empty else str(pooled.idxmax())


def against(comparisons: pd.DataFrame, best: str) -> pd.DataFrame:
    """Comparisons of estimator `best` with each other one, as best - other, nearest first.

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
    model: str, task: str, metrics: pd.DataFrame, comparisons: pd.DataFrame | None
) -> str:
    pooled = metrics[metrics["topic"] == ALL].set_index("estimator")
    most = int(pooled["n"].to_numpy(dtype=float).argmax())
    n, accuracy = (float(pooled[column].iloc[most]) for column in ("n", "accuracy"))
    head = (
        f"{plain(model)} on {plain(task)}: {percent(accuracy)} of {count(n)} questions answered "
        "right."
    )
    name = best_estimator(metrics)
    if name is None:
        return f"{head} No ROC AUC: there is one class only, or no score."
    best = {column: float(pooled[column][name]) for column in _INTERVAL}
    own = metrics[metrics["estimator"] == name].set_index("topic")
    ends = interval(best["roc_auc_low"], best["roc_auc_high"])
    macro = number(float(own["roc_auc"][MACRO]))
    sentences = [
        head,
        f"Of {len(pooled)} estimator{'s' * (len(pooled) != 1)}, {plain(name)} has the highest "
        f"ROC AUC of errors: {number(best['roc_auc'])} {ends} over all questions, "
        f"{macro} on average over topics{_range(own)}.",
        *_distinguishable(name, comparisons),
        *_against_chance(pooled),
        *_incomplete(pooled),
    ]
    return " ".join(sentences)


def _range(own: pd.DataFrame) -> str:
    topics = own[~own.index.isin((ALL, MACRO)) & ~own.index.str.contains("=")]
    areas = topics.loc[topics["n"] >= SMALLEST_TOPIC, "roc_auc"].dropna()
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
        sentences.append(f"Below chance, so pointing the wrong way: {_listed(below)}.")
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
    """The names, at most `LISTED` of them, with the number of the others."""
    shown = [plain(name) for name in names]
    more = len(shown) - LISTED
    if more > 1:
        return ", ".join(shown[:LISTED]) + f" and {more} more"
    return ", ".join(shown)


@dataclass(frozen=True)
class ConfidentError:
    """A wrong answer with a low uncertainty score; texts are empty where unknown."""

    question_id: str
    topic: str
    score: float
    answer: str
    answer_text: str
    gold: str
    gold_text: str
    question: str


def confident_errors(
    data: ReportInput, evaluation: Evaluation, estimator: str, limit: int = SHORTLIST
) -> list[ConfidentError]:
    """The wrong but parsed answers that `estimator` was most certain of, most certain first."""
    scores = evaluation.raw[:, evaluation.estimators.index(estimator)]
    candidates = np.flatnonzero(evaluation.errors & ~evaluation.unparsed & ~np.isnan(scores))
    chosen = candidates[np.argsort(scores[candidates], kind="stable")][:limit]
    questions = data.questions[data.questions["task"].astype(str) == evaluation.task]
    by_id = questions.set_axis(keys(questions["question_id"]), axis=0)
    by_id = by_id[~by_id.index.duplicated()]
    topics = {int(row): name for name, rows in evaluation.topics.items() for row in rows}
    result = []
    for row in chosen:
        name = str(evaluation.question_ids[row])
        known = by_id.loc[name].to_dict() if name in by_id.index else {}
        answer, gold = _text(evaluation.answers[row]), _text(known.get("gold"))
        result.append(
            ConfidentError(
                question_id=name,
                topic=topics.get(int(row), ""),
                score=float(scores[row]),
                answer=answer,
                answer_text=_option(known.get("options"), answer),
                gold=gold,
                gold_text=_option(known.get("options"), gold),
                question=_text(known.get("question")),
            )
        )
    return result


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _option(options: Any, letter: str) -> str:
    """Text of the option named by a letter from A on; empty where there is none."""
    if isinstance(options, str) or not hasattr(options, "__len__") or len(letter) != 1:
        return ""
    index = ord(letter.upper()) - ord("A")
    return str(options[index]) if 0 <= index < len(options) else ""
