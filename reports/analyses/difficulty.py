"""Is the benchmark's difficulty what it seems? Empirical difficulty, Rasch, order sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import spearmanr

from ..frames.inputs import ReportInput
from ..metrics.evaluation import Evaluation, keys
from ..statistics.intervals import SMALLEST_CLASS
from ..statistics.ranking import FloatArray
from ..statistics.short_repr import short_repr
from ..statistics.testing import accuracy_test

BINS = 10
U_CURVE_COLUMNS = (
    *("model", "task", "estimator", "others", "difficulty", "n", "mean_score", "standard_error"),
    *("accuracy",),
)
ORDER_COLUMNS = (
    *("model", "task", "n", "orders", "accuracy_as_published", "accuracy_reordered", "difference"),
    *("low", "high", "p", "right_only_as_published", "flag"),
)
RASCH_DIFFICULTY_COLUMNS = (
    *("task", "question_id", "topic", "models", "share_wrong", "difficulty"),
)
RASCH_COLUMNS = ("task", "questionnaire", "judge", "n", "models", "spearman", "p")


@short_repr
@dataclass(frozen=True)
class ErrorMatrix:
    """Errors of m models on q questions of one benchmark.

    Attributes:
        models: m names.
        question_ids: (q,) as text.
        topics: (q,) names.
        errors: (m, q) 1 wrong, 0 right, NaN where a model was not asked.
    """

    models: list[str]
    question_ids: NDArray[np.str_]
    topics: NDArray[np.object_]
    errors: FloatArray


def error_matrix(evaluated: Sequence[Evaluation]) -> ErrorMatrix:
    """Models (named with their task where it is not the only one) by questions, ids sorted."""
    ids = np.unique(np.concatenate([one.question_ids for one in evaluated]))
    tasks = {one.task for one in evaluated}
    topics = np.full(ids.size, "", dtype=object)
    errors = np.full((len(evaluated), ids.size), np.nan)
    for row, one in enumerate(evaluated):
        at = np.searchsorted(ids, one.question_ids)
        errors[row, at] = one.errors
        for name, members in one.topics.items():
            topics[at[members]] = name
    names = [one.model if len(tasks) == 1 else f"{one.model}, {one.task}" for one in evaluated]
    return ErrorMatrix(names, ids, topics, errors)


def compute_u_curve(evaluated: Sequence[Evaluation], estimators: Sequence[str]) -> pd.DataFrame:
    """Mean score of each model by the share of the other stored models that are right.

    `difficulty` is that share of wrong others, in tenths; `others` their number (the most that
    answered a question). A U shape, high scores on questions that all others find easy as well,
    is a sign of doubt that difficulty does not explain. No standard error with fewer than
    `SMALLEST_CLASS` questions or where all have one score. Empty with fewer than three models.
    """
    records: list[dict[str, Any]] = []
    if len(evaluated) >= 3:
        matrix = error_matrix(evaluated)
        for row, one in enumerate(evaluated):
            others = np.delete(matrix.errors, row, axis=0)[
                :, np.searchsorted(matrix.question_ids, one.question_ids)
            ]
            asked = (~np.isnan(others)).sum(axis=0)
            wrong = np.nansum(others, axis=0) / np.maximum(asked, 1)
            binned = np.minimum(np.floor(wrong * BINS + 0.5) / BINS, 1.0)
            for name in estimators:
                if name in one.estimators:
                    scores = one.raw[:, one.estimators.index(name)]
                    usable = ~np.isnan(scores) & (asked >= 2)
                    records += _curve(one, name, scores, binned, usable, int(asked.max(initial=0)))
    return pd.DataFrame.from_records(records, columns=list(U_CURVE_COLUMNS))


def _curve(
    one: Evaluation,
    name: str,
    scores: FloatArray,
    binned: FloatArray,
    usable: NDArray[np.bool_],
    others: int,
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for level in np.unique(binned[usable]):
        chosen = usable & (binned == level)
        n = int(chosen.sum())
        spread = float(scores[chosen].std(ddof=1)) if n >= SMALLEST_CLASS else float("nan")
        found.append(
            {
                **{"model": one.model, "task": one.task, "estimator": name, "others": others},
                **{"difficulty": float(level), "n": n, "mean_score": float(scores[chosen].mean())},
                "standard_error": spread / np.sqrt(n) if spread > 0 else float("nan"),
                "accuracy": float((~one.errors[chosen]).mean()),
            }
        )
    return found


def compute_order_flags(data: ReportInput) -> pd.DataFrame:
    """Is a model better with the options in their published order than in others?

    Per model and task the accuracy as published against that of one other order per question
    (the first stored), paired (McNemar); `right_only_as_published` is the share of the questions
    right in the published order that are wrong in most of the others. flag: the published order
    is better and p < 0.05, a sign that the order was seen in training (arXiv 2409.01790) or that
    option positions matter; the option letters tell which.
    """
    records: list[dict[str, Any]] = []
    orders = data.orders[data.orders["gold"].astype(float) >= 0]
    for (model, task), part in orders.groupby(["model", "task"], sort=False):
        right = part["answer"].to_numpy() == part["gold"].to_numpy()
        frame = pd.DataFrame({"key": keys(part["question_id"]), "shift": part["shift"]})
        frame["right"] = right
        table = frame.pivot_table(index="key", columns="shift", values="right", aggfunc="first")
        others = [shift for shift in table.columns.tolist() if int(shift) != 0]
        if 0 not in table.columns or not others:
            continue
        rest = table[others].astype(float)
        known = table[0].notna() & rest.notna().any(axis=1)
        first = table.loc[known, 0].to_numpy(dtype=np.bool_)
        moved = rest[known].bfill(axis=1).iloc[:, 0].to_numpy(dtype=np.float64) > 0.5
        mean = rest[known].mean(axis=1).to_numpy(dtype=np.float64)
        found = accuracy_test(~first, ~moved)
        records.append(
            {
                **{"model": model, "task": task, "n": int(known.sum()), "orders": len(others) + 1},
                **{"accuracy_as_published": found.a, "accuracy_reordered": found.b},
                **{"difference": found.estimate, "low": found.low, "high": found.high},
                "p": found.p,
                "right_only_as_published": float((mean[first] < 0.5).mean()) if first.any() else 0,
                "flag": bool(found.p < 0.05 and found.estimate > 0),
            }
        )
    return pd.DataFrame.from_records(records, columns=list(ORDER_COLUMNS))


def rasch(errors: FloatArray, iterations: int = 60) -> tuple[FloatArray, FloatArray]:
    """Abilities (m,) and difficulties (q,) of the Rasch model, P(wrong) = σ(difficulty - ability).

    Maximum of the posterior under standard normal priors for both, by alternating Newton steps;
    the priors keep questions that all models get right or wrong finite. `errors` is (m, q) with
    NaN for what was not asked.
    """
    known = ~np.isnan(errors)
    wrong = np.nan_to_num(errors)
    ability, difficulty = np.zeros(errors.shape[0]), np.zeros(errors.shape[1])
    for _ in range(iterations):
        for axis in (0, 1):
            chance = expit(difficulty[None, :] - ability[:, None])
            rest = np.where(known, wrong - chance, 0).sum(axis=axis)
            weight = np.where(known, chance * (1 - chance), 0).sum(axis=axis) + 1
            if axis == 0:
                difficulty = difficulty + (rest - difficulty) / weight
            else:
                ability = ability + (-rest - ability) / weight
    return ability, difficulty


def compute_rasch_difficulty(evaluated: Sequence[Evaluation]) -> pd.DataFrame:
    """Rasch difficulty of every question, in nats of odds: what the models' errors alone say of it.

    `models` is how many answered the question, `share_wrong` how many of these erred. Needs three
    models on a task; 0 is the difficulty that a model of average ability gets right half the time.
    """
    frames = []
    for task in dict.fromkeys(one.task for one in evaluated):
        own = [one for one in evaluated if one.task == task]
        if len(own) < 3:
            continue
        matrix = error_matrix(own)
        asked = (~np.isnan(matrix.errors)).sum(axis=0)
        frame = pd.DataFrame({"task": task, "question_id": matrix.question_ids})
        frame["topic"], frame["models"] = matrix.topics, asked
        frame["share_wrong"] = np.nansum(matrix.errors, axis=0) / np.maximum(asked, 1)
        frames.append(frame.assign(difficulty=rasch(matrix.errors)[1]))
    if not frames:
        return pd.DataFrame(columns=list(RASCH_DIFFICULTY_COLUMNS))
    return pd.concat(frames, ignore_index=True)


def compute_rasch(data: ReportInput, difficulties: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of Rasch difficulty with each judge's value, per task and questionnaire.

    `difficulties` is from `compute_rasch_difficulty`. Near 0: what the judge calls complex is not
    what models get wrong. No p with fewer than `SMALLEST_CLASS` questions.
    """
    records: list[dict[str, Any]] = []
    for task, own in difficulties.groupby("task", sort=False):
        judged = data.judgements[data.judgements["task"].astype(str) == task]
        difficulty = own.set_index("question_id")["difficulty"]
        for (name, judge), part in judged.groupby(["questionnaire", "judge"], sort=False):
            value = part["value"].to_numpy(dtype=np.float64)
            known = difficulty.reindex(keys(part["question_id"]).to_numpy()).to_numpy()
            both = ~np.isnan(value) & ~np.isnan(known)
            if both.sum() > 2 and np.ptp(value[both]) > 0:
                found = spearmanr(value[both], known[both])
                records.append(
                    {
                        **{"task": task, "questionnaire": name, "judge": judge},
                        **{"n": int(both.sum()), "models": int(own["models"].max())},
                        "spearman": float(found.statistic),
                        "p": float(found.pvalue) if both.sum() >= SMALLEST_CLASS else np.nan,
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(RASCH_COLUMNS))
