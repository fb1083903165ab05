"""Difficulty of the benchmark: empirical, by the Rasch model, and sensitivity to option order."""

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
    """Errors of m models on q questions of one task.

    Attributes:
        models: names of the m models.
        question_ids: (q,) as text.
        topics: (q,) topic of each question.
        errors: (m, q) 1 = wrong, 0 = correct, NaN = not asked.
    """

    models: list[str]
    question_ids: NDArray[np.str_]
    topics: NDArray[np.object_]
    errors: FloatArray


def error_matrix(evaluated: Sequence[Evaluation]) -> ErrorMatrix:
    """Build the error matrix; models are labeled with their task if there are several tasks."""
    ids = np.unique(np.concatenate([evaluation.question_ids for evaluation in evaluated]))
    tasks = {evaluation.task for evaluation in evaluated}
    topics = np.full(ids.size, "", dtype=object)
    errors = np.full((len(evaluated), ids.size), np.nan)
    for row, evaluation in enumerate(evaluated):
        at = np.searchsorted(ids, evaluation.question_ids)
        errors[row, at] = evaluation.errors
        for name, members in evaluation.topics.items():
            topics[at[members]] = name
    names = [
        evaluation.model if len(tasks) == 1 else f"{evaluation.model}, {evaluation.task}"
        for evaluation in evaluated
    ]
    return ErrorMatrix(names, ids, topics, errors)


def compute_u_curve(evaluated: Sequence[Evaluation], estimators: Sequence[str]) -> pd.DataFrame:
    """Compute the mean score of each model by the share of the other models that are wrong.

    `difficulty` is this share in tenths; `others` the number of the other models (at most, per
    question). A U shape, with high scores on questions that are easy for all others, indicates
    uncertainty that difficulty does not explain. There is no standard error with fewer than
    `SMALLEST_CLASS` questions or for a constant score. Empty with fewer than three models.
    """
    records: list[dict[str, Any]] = []
    if len(evaluated) >= 3:
        matrix = error_matrix(evaluated)
        for row, evaluation in enumerate(evaluated):
            others = np.delete(matrix.errors, row, axis=0)[
                :, np.searchsorted(matrix.question_ids, evaluation.question_ids)
            ]
            answered = (~np.isnan(others)).sum(axis=0)
            wrong = np.nansum(others, axis=0) / np.maximum(answered, 1)
            binned = np.minimum(np.floor(wrong * BINS + 0.5) / BINS, 1.0)
            for name in estimators:
                if name in evaluation.estimators:
                    scores = evaluation.raw[:, evaluation.estimators.index(name)]
                    usable = ~np.isnan(scores) & (answered >= 2)
                    records += _curve(
                        evaluation, name, scores, binned, usable, int(answered.max(initial=0))
                    )
    return pd.DataFrame.from_records(records, columns=list(U_CURVE_COLUMNS))


def _curve(
    evaluation: Evaluation,
    name: str,
    scores: FloatArray,
    binned: FloatArray,
    usable: NDArray[np.bool_],
    others: int,
) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for level in np.unique(binned[usable]):
        chosen = usable & (binned == level)
        n = int(chosen.sum())
        spread = float(scores[chosen].std(ddof=1)) if n >= SMALLEST_CLASS else float("nan")
        records.append(
            {
                **{"model": evaluation.model, "task": evaluation.task},
                **{"estimator": name, "others": others},
                **{"difficulty": float(level), "n": n, "mean_score": float(scores[chosen].mean())},
                "standard_error": spread / np.sqrt(n) if spread > 0 else float("nan"),
                "accuracy": float((~evaluation.errors[chosen]).mean()),
            }
        )
    return records


def compute_order_flags(data: ReportInput) -> pd.DataFrame:
    """Test whether a model is more accurate with the options in their published order.

    Per model and task, McNemar's test compares the accuracy in the published order with that in one
    other order per question (the first stored). `right_only_as_published` is the share of questions
    correct in the published order that are wrong in most other orders. flag: the published order is
    better with p < 0.05, which indicates contamination (arXiv 2409.01790) or position bias; the
    analysis of option letters distinguishes the two.
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
        test = accuracy_test(~first, ~moved)
        records.append(
            {
                **{"model": model, "task": task, "n": int(known.sum()), "orders": len(others) + 1},
                **{"accuracy_as_published": test.a, "accuracy_reordered": test.b},
                **{"difference": test.estimate, "low": test.low, "high": test.high},
                "p": test.p,
                "right_only_as_published": float((mean[first] < 0.5).mean()) if first.any() else 0,
                "flag": bool(test.p < 0.05 and test.estimate > 0),
            }
        )
    return pd.DataFrame.from_records(records, columns=list(ORDER_COLUMNS))


def rasch(errors: FloatArray, iterations: int = 60) -> tuple[FloatArray, FloatArray]:
    """Fit the Rasch model, P(wrong) = σ(difficulty - ability), to errors (m, q), NaN = not asked.

    Returns abilities (m,) and difficulties (q,) in logits: the posterior mode under standard normal
    priors, by alternating Newton steps. The priors keep the difficulty finite for questions that
    all models answer alike.
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
    """Compute the Rasch difficulty of every question, in logits, from the models' errors.

    `models` is the number of models asked, `share_wrong` the share of these that are wrong. A model
    of average ability answers a question of difficulty 0 correctly with probability one half.
    Requires three models on a task.
    """
    frames = []
    for task in dict.fromkeys(evaluation.task for evaluation in evaluated):
        own = [evaluation for evaluation in evaluated if evaluation.task == task]
        if len(own) < 3:
            continue
        matrix = error_matrix(own)
        n_models = (~np.isnan(matrix.errors)).sum(axis=0)
        frame = pd.DataFrame({"task": task, "question_id": matrix.question_ids})
        frame["topic"], frame["models"] = matrix.topics, n_models
        frame["share_wrong"] = np.nansum(matrix.errors, axis=0) / np.maximum(n_models, 1)
        frames.append(frame.assign(difficulty=rasch(matrix.errors)[1]))
    if not frames:
        return pd.DataFrame(columns=list(RASCH_DIFFICULTY_COLUMNS))
    return pd.concat(frames, ignore_index=True)


def compute_rasch(data: ReportInput, difficulties: pd.DataFrame) -> pd.DataFrame:
    """Correlate Rasch difficulty with each judge's values by rank, per task and questionnaire.

    `difficulties` is from `compute_rasch_difficulty`. A correlation near 0 means that the judge's
    complexity does not predict errors. No p with fewer than `SMALLEST_CLASS` questions.
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
                correlation = spearmanr(value[both], known[both])
                records.append(
                    {
                        **{"task": task, "questionnaire": name, "judge": judge},
                        **{"n": int(both.sum()), "models": int(own["models"].max())},
                        "spearman": float(correlation.statistic),
                        "p": float(correlation.pvalue) if both.sum() >= SMALLEST_CLASS else np.nan,
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(RASCH_COLUMNS))
