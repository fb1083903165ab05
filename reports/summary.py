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
_INTERVAL = ("roc_auc", "roc_auc_low", "roc_auc_high")


def summarise(metrics: pd.DataFrame) -> list[str]:
    """One paragraph per (model, task) of a frame from `compute_metrics`."""
    return [
        _paragraph(str(model), str(task), part)
        for (model, task), part in metrics.groupby(["model", "task"], sort=False)
    ]


def best_estimator(metrics: pd.DataFrame) -> str | None:
    """Name with the highest pooled ROC AUC in the metrics of one model on one task."""
    pooled = metrics[metrics["topic"] == ALL].set_index("estimator")["roc_auc"].dropna()
    return None if pooled.empty else str(pooled.idxmax())


def _paragraph(model: str, task: str, metrics: pd.DataFrame) -> str:
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
    return ", ".join(plain(name) for name in names)


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
