"""Conformal prediction sets of a report's questions, each half calibrated on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...estimators.core.prediction_sets import (
    RULES,
    calibration_scores,
    conformal_sets,
    conformal_threshold,
)
from ...reports import ReportInput, Rows, evaluations
from ...reports.metrics.conformal_sets import halves

ALPHAS = (0.05, 0.1, 0.2, 0.3)


def with_option_sets(data: ReportInput, rows: Rows = "all", seed: int = 0) -> ReportInput:
    """Return the input with ``sets`` computed from its ``options``.

    Args:
        data: The input of a report.
        rows: The row convention; only questions that are evaluated under it and have a known
            right option get sets.
        seed: Determines the two halves.

    ``sets`` stays None if a half is empty.
    """
    frames = []
    for (model, task), options in data.options.groupby(["model", "task"], sort=False):
        frames += list(_sets_of(options, _evaluated(data, rows, str(model), str(task)), seed))
    return replace(data, sets=pd.concat(frames, ignore_index=True)) if frames else data


def _evaluated(data: ReportInput, rows: Rows, model: str, task: str) -> set[str]:
    """Return the ids, as text, of the questions that a model answered on a task."""
    if rows != "all":
        own_evaluations = [e for e in evaluations(data, rows) if (e.model, e.task) == (model, task)]
        return {str(i) for evaluation in own_evaluations for i in evaluation.question_ids}
    scores = data.scores
    own = scores["model"].astype(str).eq(model) & scores["task"].astype(str).eq(task)
    return set(scores.loc[own, "question_id"].drop_duplicates().astype(str))


def _sets_of(options: pd.DataFrame, evaluated: set[str], seed: int) -> Iterator[pd.DataFrame]:
    """Yield one frame per method and error rate."""
    kept = options["gold"].astype(float).ge(0) & options["question_id"].astype(str).isin(evaluated)
    options = options[kept]
    p, gold = _matrix(options["probabilities"].tolist()), options["gold"].to_numpy(dtype=np.int64)
    usable = gold < p.shape[1]
    usable[usable] &= ~np.isnan(p[usable, gold[usable]])
    options, p, gold = options[usable], p[usable], gold[usable]
    half = halves(options["question_id"].astype(str).to_numpy(dtype=np.str_), seed)
    if half.all() or not half.any():
        return
    base = options[["model", "task", "question_id"]].assign(
        options=(~np.isnan(p)).sum(axis=1), right=np.nanargmax(p, axis=1) == gold, seed=seed
    )
    for rule in RULES:
        for alpha in ALPHAS:
            inside = np.zeros(p.shape, dtype=np.bool_)
            for side in (half, ~half):
                scores = calibration_scores(p[~side], gold[~side], rule)
                inside[side] = conformal_sets(p[side], rule, conformal_threshold(scores, alpha))
            yield base.assign(
                method=rule.upper(),
                alpha=alpha,
                size=inside.sum(axis=1),
                covered=inside[np.arange(len(gold)), gold],
            )


def _matrix(lists: list[Any]) -> npt.NDArray[np.float64]:
    """Stack lists of probabilities into a matrix, padded with NaN."""
    table = np.full((len(lists), max(map(len, lists), default=0)), np.nan)
    for row, values in enumerate(lists):
        table[row, : len(values)] = values
    return table
