"""Input of a report: data frames, validated once."""

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
    "prompted": ("model", "task", "question_id", "variant", "answer", "gold"),
    "samples": ("model", "task", "question_id", "variant", "answers", "gold", "temperature"),
    "costs": ("model", "task", "item", "kind", "questions", "seconds", "tokens", "needs"),
    "chains": (
        *("model", "task", "question_id", "answer", "forced", "gold", "finished", "looped"),
    ),
    "flow": ("model", "task", "asked", "answered", "parsed", "dont_know"),
    "readings": ("model", "task", "question_id", "rule", "closed"),
}
STATUSES = ("parsed", "unparsed", "dont_know", "cut_while_thinking")
UNREAD = ("unparsed", "cut_while_thinking")
"""Statuses of texts without an answer: none was found, or the text ends within its reasoning."""


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame({column: [] for column in COLUMNS[name]})


@short_repr
@dataclass(frozen=True)
class ReportInput:
    """Scores of a results folder with the facts on their questions.

    Attributes:
        scores: one row per (model, task, question_id, estimator): topic, score (NaN = none),
            answer (option letter or null), correct, status (see `STATUSES`),
            reason (why the score is missing, or null).
        strata: one row per (task, question_id, stratum) with its value; shown as "stratum=value".
        questions: text, options and gold letter per (task, question_id).
        ratings: mean judge rating in [1, 10] per (task, question_id); used by the paper's filter.
        options: per (model, task, question_id) the probabilities of the options, a list that sums
            to 1, and the index `gold` of the correct option, -1 where unknown.
        sets: one row per (model, task, question_id, method, alpha): a conformal prediction set of
            the options by "LAC" or "APS" at error rate alpha, calibrated on the other half of the
            questions, as split by the seed. Columns: size; covered (whether the set contains the
            correct option); options (their number); right (whether the most probable option is
            correct).
        judgements: one row per (task, question_id, questionnaire, judge): value in [0, 1], label
            (text, or null), rating in [1, 10]; null where the reply could not be parsed.
        orders: one row per (model, task, question_id, shift): answer with the options cyclically
            shifted (0 = original order) and the correct one, as original option indices.
        prompted: one row per (model, task, question_id, variant): the answer to another prompt, or
            as asked, and the correct one, as option indices; -1 where none was found or is known.
        samples: one row per (model, task, question_id, variant): the list of sampled answers and
            the correct one, as in `prompted`, and the temperature of the draws.
        costs: one row per (model, task, item): questions, seconds and tokens spent on a signal or,
            with kind "estimator", on the signals that an estimator needs.
        chains: one row per chain of thought with a forced answer: index of the option read in the
            text (-1 for none), of the one forced at its end, and of the right one (-1 unknown);
            finished and looped are 1, 0 or -1 (unknown).
        flow: numbers of questions asked, answered, parsed and "don't know" per (model, task); of
            thinking models also `cut_while_thinking`, null for others; a column ``found``, if there
            is one, says what "parsed" means for the task's answers.
        readings: per (model, task, question_id) of a chain of thought the name of the rule that
            read its answer (null: none), and whether its thought was `closed` by a budget.
        manifests: manifests of the runs, shown in the page.
        traits: traits by estimator; an estimator without an entry has the default traits, so that
            its scores are not treated as probabilities.

    Raises:
        ValueError: a column is missing, `scores` is empty, has duplicates or an unknown status.
    """

    scores: pd.DataFrame
    strata: pd.DataFrame = field(default_factory=lambda: _empty("strata"))
    questions: pd.DataFrame = field(default_factory=lambda: _empty("questions"))
    ratings: pd.DataFrame = field(default_factory=lambda: _empty("ratings"))
    options: pd.DataFrame = field(default_factory=lambda: _empty("options"))
    sets: pd.DataFrame = field(default_factory=lambda: _empty("sets"))
    judgements: pd.DataFrame = field(default_factory=lambda: _empty("judgements"))
    orders: pd.DataFrame = field(default_factory=lambda: _empty("orders"))
    prompted: pd.DataFrame = field(default_factory=lambda: _empty("prompted"))
    samples: pd.DataFrame = field(default_factory=lambda: _empty("samples"))
    costs: pd.DataFrame = field(default_factory=lambda: _empty("costs"))
    chains: pd.DataFrame = field(default_factory=lambda: _empty("chains"))
    flow: pd.DataFrame = field(default_factory=lambda: _empty("flow"))
    readings: pd.DataFrame = field(default_factory=lambda: _empty("readings"))
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
        """List the estimators with a trait, i.e. a boolean attribute of `EstimatorTraits`."""
        return [name for name, known in self.traits.items() if getattr(known, trait)]

    @property
    def found(self) -> dict[tuple[str, str], str]:
        """Map (model, task) to what "parsed" means for its answers, where the input says it."""
        if "found" not in self.flow:
            return {}
        columns = (self.flow[name].astype(str) for name in ("model", "task", "found"))
        return {(model, task): found for model, task, found in zip(*columns, strict=True)}

    @property
    def probabilities(self) -> frozenset[str]:
        """Names of the estimators whose score is a probability of an error."""
        return frozenset(self.with_trait("is_probability"))


def _check_scores(scores: pd.DataFrame) -> None:
    if scores.empty:
        raise ValueError("Expected at least one score, got an empty frame.")
    key = ["model", "task", "question_id", "estimator"]
    # One model at a time: the keys of all rows would need more memory than the scores.
    for rows in scores.groupby(["model", "task"], observed=True).indices.values():
        own = scores[key[2:]].iloc[rows]
        duplicate = own.duplicated()
        if duplicate.any():
            row = scores[key].iloc[int(rows[int(duplicate.to_numpy().argmax())])].to_dict()
            raise ValueError(
                f"Expected one score per model, task, question and estimator, got {row}."
            )
    unknown = set(scores["status"].dropna().unique()) - set(STATUSES)
    if unknown or scores["status"].isna().any():
        got = ", ".join(sorted(map(repr, unknown))) or "null"
        raise ValueError(f"Expected status to be one of {', '.join(STATUSES)}, got {got}.")
    unknowable = scores["correct"].isna() & ~scores["status"].isin(UNREAD)
    if unknowable.any():
        raise ValueError(f"Expected `correct` on answered rows, got {int(unknowable.sum())} null.")
