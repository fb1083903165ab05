"""Rows that metrics are computed on: one model on one task, columnar, by a row convention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frames.inputs import UNREAD, ReportInput
from ..statistics.ranking import BoolArray, FloatArray, IntArray
from ..statistics.short_repr import short_repr

Rows = Literal["all", "paper"]
"""A convention of the rows: all of them, or those of the reference paper."""
ROWS: tuple[Rows, ...] = ("all", "paper")
"""The conventions of the rows."""
PAPER_RATING = 9.0
ALL = "all"
MACRO = "macro"

_ORDER = {
    value: rank
    for ordered in (
        ("no", "yes"),
        ("low", "medium", "high"),
        ("high school and easier", "undergraduate", "graduate", "postgraduate"),
    )
    for rank, value in enumerate(ordered)
}


@short_repr
@dataclass(frozen=True)
class Evaluation:
    """Answers of one model on one task: n questions sorted by id, scores of k estimators.

    Attributes:
        model: the model's name.
        task: the task's name.
        estimators: names of the k estimators.
        question_ids: (n,) ids as text.
        errors: (n,) true where the answer is wrong.
        scores: (n, k), higher = more uncertain; NaN = missing, +inf = unparsed answer.
        raw: (n, k) the original scores of the estimators; NaN = missing.
        answers: (n,) option letters or None.
        unparsed: (n,) true where no answer could be parsed from the response.
        cut: (n,) true for those of them that end within the reasoning of a thinking model.
        dont_know: (n,) true where the model chose the "don't know" option.
        topics: topic → row indices.
        strata: "stratum=value" → row indices.
        rows: the row convention, "all" or "paper".
        rules: (n,) names of the rules that read the answers of chains of thought, None without.
        closed: (n,) true where a budget closed the thought.
    """

    model: str
    task: str
    estimators: list[str]
    question_ids: NDArray[np.str_]
    errors: BoolArray
    scores: FloatArray
    raw: FloatArray
    answers: NDArray[np.object_]
    unparsed: BoolArray
    cut: BoolArray
    dont_know: BoolArray
    topics: dict[str, IntArray]
    strata: dict[str, IntArray]
    rows: Rows
    rules: NDArray[np.object_]
    closed: BoolArray

    @property
    def groups(self) -> dict[str, IntArray]:
        """Row indices of every group but the macro average: all, topics, strata."""
        return {ALL: np.arange(self.errors.size), **self.topics, **self.strata}

    def scored_by_all(self, scores: FloatArray) -> BoolArray:
        """Flag rows (n,) of `scores` (n, k) that every estimator with any score here has scored."""
        used = ~np.isnan(self.raw).all(axis=0)
        present: BoolArray = ~np.isnan(scores[:, used])
        common: BoolArray = np.logical_and.reduce(present, axis=1) & bool(used.any())
        return common


def keys(values: pd.Series[Any]) -> pd.Series[str]:
    """Convert question ids to text, so that 7 and "7" are the same question."""
    return values.astype(str)


def evaluations(data: ReportInput, rows: Rows = "all") -> list[Evaluation]:
    """Arrange the scores of each model on each task in arrays.

    Args:
        data: Scores and facts of a results folder.
        rows: "all": an unparsed response without an answer is an error with the worst score by
            every estimator. "paper": only parsed answers are kept and, on tasks with judge ratings,
            only questions rated at least 9.

    Returns:
        One `Evaluation` per (model, task), in order of first appearance.

    Raises:
        ValueError: `rows` is unknown, or a question has contradictory answers.
    """
    if rows not in ROWS:
        raise ValueError(f"Expected rows to be one of {', '.join(ROWS)}, got {rows!r}.")
    grouped = data.scores.groupby(["model", "task"], sort=False, observed=True)
    return [
        _evaluation(data, str(model), str(task), frame, rows) for (model, task), frame in grouped
    ]


def _evaluation(
    data: ReportInput, model: str, task: str, frame: pd.DataFrame, rows: Rows
) -> Evaluation:
    ids = keys(frame["question_id"])
    row, questions = pd.factorize(ids, sort=True)
    column, estimators = pd.factorize(frame["estimator"].astype(str))
    raw = np.full((len(questions), len(estimators)), np.nan)
    raw[row, column] = frame["score"].to_numpy(dtype=np.float64, na_value=np.nan)
    facts = _facts(frame.assign(question_id=ids), model, task)
    unparsed = (facts["status"].isin(UNREAD) & facts["answer"].isna()).to_numpy(dtype=np.bool_)
    correct = facts["correct"].eq(True).fillna(False).to_numpy(dtype=np.bool_)
    errors = ~correct | unparsed
    scores = np.where(unparsed[:, None], np.inf, raw)
    keep = _kept(data, task, facts, rows)
    facts = facts[keep]
    answers = facts["answer"].astype(object).where(facts["answer"].notna(), None)
    return Evaluation(
        model=model,
        task=task,
        estimators=[str(name) for name in estimators],
        question_ids=facts.index.to_numpy(dtype=np.str_),
        errors=errors[keep],
        scores=scores[keep],
        raw=raw[keep],
        answers=answers.to_numpy(dtype=object),
        unparsed=unparsed[keep],
        cut=facts["status"].eq("cut_while_thinking").to_numpy(dtype=np.bool_),
        dont_know=facts["status"].eq("dont_know").to_numpy(dtype=np.bool_),
        topics=_topics(facts),
        strata=_strata(data, task, facts),
        rows=rows,
        **_readings(data, model, task, facts),
    )


def _readings(data: ReportInput, model: str, task: str, facts: pd.DataFrame) -> dict[str, Any]:
    known = data.readings
    own = known[known["model"].astype(str).eq(model) & known["task"].astype(str).eq(task)]
    by_id = own.set_index(keys(own["question_id"])).reindex(facts.index)
    rules = by_id["rule"].astype(object)
    return {
        "rules": rules.where(rules.notna(), None).to_numpy(dtype=object),
        "closed": by_id["closed"].eq(True).fillna(False).to_numpy(dtype=np.bool_),
    }


def _facts(frame: pd.DataFrame, model: str, task: str) -> pd.DataFrame:
    """Extract topic, answer, correctness and status per question, sorted by question id."""
    columns = ["topic", "answer", "correct", "status"]
    distinct = frame[["question_id", *columns]].drop_duplicates()
    clash = distinct["question_id"].duplicated()
    if clash.any():
        question = distinct.loc[clash, "question_id"].iloc[0]
        raise ValueError(
            f"Expected one topic, answer and correctness per question, got several for question "
            f"{question} of {model} on {task}."
        )
    return distinct.set_index("question_id").sort_index()


def _kept(data: ReportInput, task: str, facts: pd.DataFrame, rows: Rows) -> BoolArray:
    keep: BoolArray = np.ones(len(facts), dtype=np.bool_)
    if rows == "all":
        return keep
    keep &= facts["status"].eq("parsed").to_numpy(dtype=np.bool_)
    ratings = data.ratings[data.ratings["task"].astype(str) == task].dropna(subset=["rating"])
    if len(ratings):
        mean = ratings["rating"].astype(float).groupby(keys(ratings["question_id"])).mean()
        keep &= (mean.reindex(facts.index) >= PAPER_RATING).to_numpy(dtype=np.bool_)
    return keep


def _topics(facts: pd.DataFrame) -> dict[str, IntArray]:
    topic = facts["topic"].reset_index(drop=True).dropna().astype(str)
    named = topic.where(~topic.isin((ALL, MACRO)), "topic=" + topic)
    groups = named.groupby(named).groups
    return {str(name): np.asarray(index, dtype=np.int64) for name, index in groups.items()}


def _strata(data: ReportInput, task: str, facts: pd.DataFrame) -> dict[str, IntArray]:
    strata = data.strata[data.strata["task"].astype(str) == task].dropna(
        subset=["stratum", "value"]
    )
    position = pd.Series(np.arange(len(facts)), index=facts.index)
    at = position.reindex(keys(strata["question_id"]).to_numpy())
    known = at.notna().to_numpy()
    labeled = pd.DataFrame(
        {
            "stratum": strata["stratum"].astype(str).to_numpy()[known],
            "value": strata["value"].astype(str).to_numpy()[known],
            "row": at.to_numpy()[known].astype(np.int64),
        }
    )
    result: dict[str, IntArray] = {}
    for stratum, members in labeled.groupby("stratum", sort=False):
        by_value = {str(value): part["row"] for value, part in members.groupby("value")}
        for value in sorted(by_value, key=lambda value: (_ORDER.get(value, 0), value)):
            result[f"{stratum}={value}"] = np.unique(by_value[value].to_numpy(dtype=np.int64))
    return result
