"""What a leaderboard shows: metrics per model, task and estimator, and what is known of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..analyses.scores.scaling import parameters_of
from ..frames.traits import UNKNOWN, EstimatorTraits
from ..metrics.evaluation import ALL, MACRO
from ..statistics.short_repr import short_repr

FACTS = ("parameters", "weights", "license")
"""What a user's file may say of a model: number of parameters, open or closed, license."""


@short_repr
@dataclass(frozen=True)
class Standings:
    """Everything that the site is built from.

    Attributes:
        metrics: frame of `compute_metrics` of all results together.
        selection: frame of `compute_selection` of all results together.
        costs: frame of costs as in `ReportInput.costs`.
        traits: what the estimators declare of themselves.
        manifests: with "model_folder" and "task_folder".
        sources: (model, task) → name of the results folder or bundle that it comes from.
        facts: model → what a user's file says of it, see `FACTS`.
    """

    metrics: pd.DataFrame
    selection: pd.DataFrame
    costs: pd.DataFrame
    traits: Mapping[str, EstimatorTraits]
    manifests: Sequence[Mapping[str, Any]]
    sources: Mapping[tuple[str, str], str]
    facts: Mapping[str, Mapping[str, Any]]

    @cached_property
    def shown(self) -> pd.DataFrame:
        """The metrics without strata: pooled, mean over topics, and every topic."""
        topic = self.metrics["topic"]
        stratum = topic.str.contains("=") & ~topic.str.startswith("topic=")
        return self.metrics[~stratum]

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, in stored order."""
        return list(dict.fromkeys(self.metrics["task"].astype(str)))

    @property
    def models(self) -> list[str]:
        """Names of the models, in stored order."""
        return list(dict.fromkeys(self.metrics["model"].astype(str)))

    @property
    def estimators(self) -> list[str]:
        """Names of the estimators, in stored order."""
        return list(dict.fromkeys(self.metrics["estimator"].astype(str)))

    def trait(self, estimator: str) -> EstimatorTraits:
        """Return what an estimator declares of itself."""
        return self.traits.get(estimator, UNKNOWN)

    def parameters(self, model: str) -> float:
        """Return the number of parameters: from a user's file, manifest or name; NaN if unknown."""
        given = self.facts.get(model, {}).get("parameters")
        return parameters_of(model, self.manifests) if given is None else float(given)

    def weights(self, model: str) -> str:
        """Return "open" or "closed" weights, as a user's file says; empty if it does not."""
        return str(self.facts.get(model, {}).get("weights") or "")

    def cost(self, model: str, task: str, estimator: str) -> float:
        """Return an estimator's seconds per question, all signals that it needs; NaN if untimed."""
        return self._costs.get((model, task, estimator), float("nan"))

    @property
    def timed(self) -> bool:
        """Whether any estimator's cost is known."""
        return bool(self._costs)

    @cached_property
    def _costs(self) -> dict[tuple[str, str, str], float]:
        found = {}
        if len(self.costs):
            own = self.costs[self.costs["kind"] == "estimator"]
            names = ("model", "task", "item", "seconds", "questions")
            for model, task, item, seconds, questions in zip(*(own[n] for n in names), strict=True):
                found[str(model), str(task), str(item)] = float(seconds) / float(questions)
        return found

    def pooled(self, model: str, task: str) -> pd.DataFrame:
        """Return the rows of all questions together, one per estimator."""
        own = self.shown[(self.shown["model"] == model) & (self.shown["task"] == task)]
        return own[own["topic"] == ALL]

    def ranked(self, model: str, task: str) -> pd.DataFrame:
        """Return the rows of the mean over topics, best first; those from too few answers last.

        The mean over topics leads, since a pooled value also rewards telling topics apart.
        """
        own = self.shown[(self.shown["model"] == model) & (self.shown["task"] == task)]
        means = own[own["topic"] == MACRO]
        key = means["roc_auc"].where(means["roc_auc_low"].notna())
        return means.loc[key.sort_values(ascending=False, kind="stable").index]

    def best(self, model: str, task: str) -> float:
        """Return the highest mean over topics of an estimator that is no control; NaN if none."""
        rows = self.ranked(model, task)
        able = [not self.trait(str(name)).is_control for name in rows["estimator"]]
        values = rows["roc_auc"].where(rows["roc_auc_low"].notna())[able]
        return float(values.max()) if len(values) else float("nan")

    def models_of(self, task: str) -> list[str]:
        """Return the models with results on a task, the best estimator's mean decides the order."""
        on_task = self.metrics[self.metrics["task"] == task]
        names = list(dict.fromkeys(on_task["model"].astype(str)))
        keys = {name: self.best(name, task) for name in names}
        return sorted(names, key=lambda name: (np.isnan(keys[name]), -np.nan_to_num(keys[name])))

    def estimators_of(self, task: str) -> list[str]:
        """Return the estimators with scores on a task, by their mean over models, controls last."""
        own = self.shown[(self.shown["task"] == task) & (self.shown["topic"] == MACRO)]
        means = own.groupby("estimator", sort=False, observed=True)["roc_auc"].mean()
        names = [str(name) for name in means.index]
        return sorted(
            names,
            key=lambda name: (
                self.trait(name).is_control,
                np.isnan(means[name]),
                -np.nan_to_num(means[name]),
            ),
        )

    def topics_of(self, task: str) -> list[str]:
        """Return the groups of a task: the mean over topics, all questions, and the topics."""
        own = self.shown[self.shown["task"] == task]
        topics = [str(topic) for topic in dict.fromkeys(own["topic"])]
        return [MACRO, ALL, *(topic for topic in topics if topic not in (MACRO, ALL))]
