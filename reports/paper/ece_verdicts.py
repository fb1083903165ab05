"""Published calibration errors of arXiv 2503.01688, and how stored results compare with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..metrics.calibration_error import BINS, ece, width_bins
from ..metrics.evaluation import Evaluation
from ..statistics.bootstrap import resample_weights
from ..statistics.intervals import percentile_interval, too_few
from ..statistics.ranking import BoolArray, FloatArray
from .published_tables import other_positions, published
from .verdicts import (
    DIFFERS,
    NOT_EXPLAINED,
    REPRODUCED,
    TOLERANCE,
    UNKNOWN,
    published_model,
    task_kind,
)

ECE_COLUMNS = (
    *("source", "model", "task", "estimator", "published", "stored_model", "stored_task"),
    *("ece", "ece_low", "ece_high", "ece_all_rows", "n", "n_errors", "bins"),
    *("difference", "difference_low", "difference_high", "verdict", "reason"),
)


def entropy_share(evaluation: Evaluation, estimator: str) -> tuple[BoolArray, FloatArray] | None:
    """Errors (n,) and H / max H (n,) in [0, 1] of the answered, scored rows; None without any.

    The paper takes 1 - H / max H as a confidence. Dividing by the largest entropy seen makes no
    probability of it.
    """
    if estimator not in evaluation.estimators:
        return None
    raw = evaluation.raw[:, evaluation.estimators.index(estimator)]
    chosen = ~np.isnan(raw) & ~evaluation.unparsed
    scores = raw[chosen]
    if not scores.size or scores.min() < 0 or scores.max() <= 0:
        return None
    return evaluation.errors[chosen], scores / scores.max()


def ece_replicates(
    errors: BoolArray, scores: FloatArray, replicates: int, seed: int, bins: int = BINS
) -> FloatArray:
    """ECE (replicates,) on stratified resamples of rows (n,); empty with one class.

    In a bin of m rows |mean score - share of errors| · m is |Σ (score - error)|.
    """
    if errors.all() or not errors.any():
        return np.zeros(0)
    weights = resample_weights(errors, replicates, seed)
    gap, index = scores - errors, width_bins(scores, bins)
    sums = [gap[index == b] @ weights[index == b] for b in np.unique(index)]
    drawn: FloatArray = np.abs(sums).sum(axis=0) / errors.size
    return drawn


def compute_ece_verdicts(
    paper: Sequence[Evaluation],
    every: Sequence[Evaluation],
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per published ECE of 1 - H / max H, with what is stored beside it and a verdict.

    `paper` and `every` are the evaluations under the row conventions "paper" and "all".
    `difference` is stored - published. Verdicts are those of `compute_verdicts`; the papers do not
    say how many bins they took, here it is 15 of equal width. An interval of resamples lies
    somewhat high, since noise adds to an ECE.
    """
    own, others = _by_published_name(paper), _by_published_name(every)
    records = []
    for one in published("ece").to_dict("records"):
        names = ("source", "model", "task", "estimator")
        base: dict[str, Any] = {name: one[name] for name in names} | {"published": one["ece"]}
        key, estimator = (str(one["model"]), str(one["task"])), str(one["estimator"])
        stored = own.get(key)
        rows = None if stored is None else entropy_share(stored, estimator)
        if stored is None or rows is None:
            lacking = "model not stored with this way of asking"
            reason = lacking if stored is None else f"{estimator} not stored"
            records.append(base | {"verdict": UNKNOWN, "reason": reason})
            continue
        few = too_few(int(rows[0].sum()), rows[0].size)
        if few:
            records.append(base | _few(stored, *rows) | {"reason": few})
            continue
        ends = percentile_interval(ece_replicates(*rows, replicates, seed))
        whole = entropy_share(others[key], estimator)
        on_all = float("nan") if whole is None else ece(*whole)
        rounding = 0.5 * 10.0 ** -int(one["digits"])
        found = _verdict(stored, estimator, rows, ends, on_all, float(one["ece"]), rounding)
        records.append(base | found)
    return pd.DataFrame.from_records(records, columns=list(ECE_COLUMNS))


def _few(stored: Evaluation, errors: BoolArray, scores: FloatArray) -> dict[str, Any]:
    """The value alone, without a verdict: too few rows of a class."""
    return {
        **{"stored_model": stored.model, "stored_task": stored.task, "ece": ece(errors, scores)},
        **{"n": errors.size, "n_errors": int(errors.sum()), "bins": BINS, "verdict": UNKNOWN},
    }


def _verdict(
    stored: Evaluation,
    estimator: str,
    rows: tuple[BoolArray, FloatArray],
    ends: tuple[float, float],
    on_all: float,
    target: float,
    rounding: float,
) -> dict[str, Any]:
    value, (low, high), near = ece(*rows), ends, rounding + TOLERANCE
    same = abs(value - target) <= near or low - rounding <= target <= high + rounding
    reason = "" if same else _reason(stored, estimator, rows, on_all, target, near)
    return {
        **{"stored_model": stored.model, "stored_task": stored.task},
        **{"ece": value, "ece_low": low, "ece_high": high, "ece_all_rows": on_all},
        **{"n": rows[0].size, "n_errors": int(rows[0].sum()), "bins": BINS},
        **{"difference": value - target, "difference_low": low - target},
        **{"difference_high": high - target, "reason": reason},
        "verdict": DIFFERS if reason else REPRODUCED,
    }


def _by_published_name(evaluated: Sequence[Evaluation]) -> dict[tuple[str, str], Evaluation]:
    """The papers' model and way of asking → the first stored run of it."""
    found: dict[tuple[str, str], Evaluation] = {}
    for one in evaluated:
        model = published_model(one.model)
        if model is not None:
            found.setdefault((model, task_kind(one.task)), one)
    return found


def _reason(
    stored: Evaluation,
    estimator: str,
    rows: tuple[BoolArray, FloatArray],
    on_all: float,
    target: float,
    near: float,
) -> str:
    """The first explanation under which the value agrees with the published one."""
    errors, scores = rows
    other = entropy_share(stored, other_positions().get(estimator, ""))
    if abs(ece(errors, 1 - scores) - target) <= near:
        return "sign: confidence H / max H agrees"
    if other is not None and abs(ece(*other) - target) <= near:
        return f"token position: {other_positions()[estimator]} agrees"
    if abs(on_all - target) <= near:
        return "row filter: the value on all rows agrees"
    if abs(ece(errors, scores, 10) - target) <= near:
        return "bins: 10 instead of 15 agree"
    return NOT_EXPLAINED
