"""What a report is made from: data frames, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..statistics.short_repr import short_repr
from .traits import EstimatorTraits

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "scores": (
        *("model", "task", "question_id", "topic", "estimator", "score"),
        *("answer", "correct", "status", "reason"),
    ),
    "strata": ("task", "question_id", "stratum", "value"),
    "questions": ("task", "question_id", "topic", "question", "options", "gold"),
    "ratings": ("task", "question_id", "rating"),
    "options": ("model", "task", "question_id", "probabilities", "gold"),
    "sets": (
        *("model", "task", "question_id", "method", "alpha", "seed"),
        *("size", "covered", "options", "right"),
    ),
    "judgements": (*("task", "question_id", "questionnaire", "judge", "value", "label", "rating"),),
    "orders": ("model", "task", "question_id", "shift", "answer", "gold"),
    "costs": ("model", "task", "item", "kind", "questions", "seconds", "tokens", "needs"),
    "flow": ("model", "task", "asked", "answered", "parsed", "dont_know"),
}
STATUSES = ("parsed", "unparsed", "dont_know")


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame({column: [] for column in COLUMNS[name]})


@short_repr
@dataclass(frozen=True)
class ReportInput:
    """Scores with what is known about their questions, as built from a results folder.

    Attributes:
        scores: one row per (model, task, question_id, estimator): topic, score (NaN = none),
            answer (option letter or null), correct, status ("parsed", "unparsed", "dont_know"),
            reason (why there is no score, or null).
        strata: one row per (task, question_id, stratum) with its value; shown as "stratum=value".
        questions: text, options and gold letter per (task, question_id).
        ratings: mean judge rating, 1 to 10, per (task, question_id); used by the paper's filter.
        options: per (model, task, question_id) the probabilities of the options, a list that sums
            to 1, and the right option's index `gold`, -1 where unknown.
        sets: one row per (model, task, question_id, method, alpha): a conformal prediction set of
            the question's options by "LAC" or "APS" at error rate alpha, calibrated on the half of
            the questions that the seed puts it not into: its size, whether the right option is in
            it (covered), of how many options, and whether the most probable one is right.
        judgements: one row per (task, question_id, questionnaire, judge): value in [0, 1], label
            (its words, or null), rating from 1 to 10; null where unread.
        orders: one row per (model, task, question_id, shift): answer under the cyclic order of the
            options with that shift (0 = as asked) and the right one, as original option indices.
        costs: one row per (model, task, item): an item is a signal or, with kind "estimator", an
            estimator with the signals that it needs; questions, seconds and tokens that it took.
        flow: numbers of questions asked, answered, parsed and "don't know" per (model, task).
        manifests: run records to show.
        traits: what each estimator says of itself, by name; of those not in it nothing is known,
            so that their scores are not taken for probabilities.
    """

    scores: pd.DataFrame
    strata: pd.DataFrame = field(default_factory=lambda: _empty("strata"))
    questions: pd.DataFrame = field(default_factory=lambda: _empty("questions"))
    ratings: pd.DataFrame = field(default_factory=lambda: _empty("ratings"))
    options: pd.DataFrame = field(default_factory=lambda: _empty("options"))
    sets: pd.DataFrame = field(default_factory=lambda: _empty("sets"))
    judgements: pd.DataFrame = field(default_factory=lambda: _empty("judgements"))
    orders: pd.DataFrame = field(default_factory=lambda: _empty("orders"))
    costs: pd.DataFrame = field(default_factory=lambda: _empty("costs"))
    flow: pd.DataFrame = field(default_factory=lambda: _empty("flow"))
    manifests: Sequence[Mapping[str, Any]] = ()
    traits: Mapping[str, EstimatorTraits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, expected in COLUMNS.items():
            frame: pd.DataFrame = getattr(self, name)
            missing = [column for column in expected if column not in frame.columns]
            if missing and not (name != "scores" and frame.empty):
                known = ", ".join(map(str, frame.columns))
                raise ValueError(f"Expected column `{missing[0]}` in `{name}`, got {known}.")
            if missing:
                object.__setattr__(self, name, _empty(name))
        _check_scores(self.scores)

    def with_trait(self, trait: str) -> list[str]:
        """Names of the estimators of which a trait, an attribute of `EstimatorTraits`, holds."""
        return [name for name, known in self.traits.items() if getattr(known, trait)]

    @property
    def probabilities(self) -> frozenset[str]:
        """Names of the estimators whose score claims to be P(the answer is wrong)."""
        return frozenset(self.with_trait("is_probability"))


def _check_scores(scores: pd.DataFrame) -> None:
    if scores.empty:
        raise ValueError("Expected at least one score, got an empty frame.")
    key = ["model", "task", "question_id", "estimator"]
    # Each model's rows by themselves: the keys of all at once would take more than the scores.
    for at in scores.groupby(["model", "task"], observed=True).indices.values():
        own = scores[key[2:]].iloc[at]
        twice = own.duplicated()
        if twice.any():
            row = scores[key].iloc[int(at[int(twice.to_numpy().argmax())])].to_dict()
            raise ValueError(
                f"Expected one score per model, task, question and estimator, got {row}."
            )
    unknown = set(scores["status"].dropna().unique()) - set(STATUSES)
    if unknown or scores["status"].isna().any():
        got = ", ".join(sorted(map(repr, unknown))) or "null"
        raise ValueError(f"Expected status to be one of {', '.join(STATUSES)}, got {got}.")
    unknowable = scores["correct"].isna() & (scores["status"] != "unparsed")
    if unknowable.any():
        raise ValueError(f"Expected `correct` on answered rows, got {int(unknowable.sum())} null.")
