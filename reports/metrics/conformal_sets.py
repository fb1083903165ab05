"""Conformal prediction sets of options: coverage and size by topic at several levels.

Each half of the questions is calibrated on the other (cross-fitting), so that every question is
used and none calibrates itself. Calibration pools the topics: coverage holds on average over all
of them, and how far single topics fall from it is what the table shows.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frames.inputs import ReportInput
from ..statistics.intervals import wilson
from ..statistics.ranking import BoolArray, FloatArray, IntArray
from .evaluation import Evaluation, keys

Method = Literal["LAC", "APS"]
Record = dict[str, Any]
METHODS: tuple[Method, ...] = ("LAC", "APS")
ALPHAS = (0.05, 0.1, 0.2, 0.3)
CONFORMAL_COLUMNS = (
    *("model", "task", "method", "alpha", "topic", "n", "coverage", "coverage_low"),
    *("coverage_high", "set_size", "share_of_options", "singletons", "accuracy", "seed"),
)


@dataclass(frozen=True)
class OptionRows:
    """Option probabilities of one model on one task, on rows of its `Evaluation`.

    Attributes:
        rows: (n,) row numbers in the evaluation.
        probabilities: (n, K), each row's sum 1, NaN beyond a question's last option.
        gold: (n,) index of the right option.
    """

    rows: IntArray
    probabilities: FloatArray
    gold: IntArray


def option_rows(data: ReportInput, evaluation: Evaluation) -> OptionRows | None:
    """Option probabilities of the evaluation's questions; None where none are known."""
    frame = data.options
    own = frame["model"].astype(str).eq(evaluation.model)
    frame = frame[own & frame["task"].astype(str).eq(evaluation.task)]
    frame = frame[frame["gold"].astype(float) >= 0]
    if frame.empty:
        return None
    position = pd.Series(np.arange(evaluation.question_ids.size), index=evaluation.question_ids)
    at = position.reindex(keys(frame["question_id"]).to_numpy())
    known = at.notna().to_numpy()
    lists = frame["probabilities"].to_numpy(dtype=object)[known]
    width = max((len(one) for one in lists), default=0)
    table = np.full((len(lists), width), np.nan)
    for row, one in enumerate(lists):
        table[row, : len(one)] = one
    gold = frame["gold"].to_numpy(dtype=np.int64)[known]
    usable = (gold < width) & ~np.isnan(table).all(axis=1)
    usable[usable] &= ~np.isnan(table[usable, gold[usable]])
    rows = at.to_numpy()[known].astype(np.int64)[usable]
    if not rows.size:
        return None
    return OptionRows(rows, table[usable], gold[usable])


def conformity(probabilities: FloatArray, method: Method) -> FloatArray:
    """Nonconformity (n, K) of each option, in [0, 1], NaN padding.

    LAC: 1 - p. APS without randomisation: the summed probability of the options that are at least
    as probable, itself included; equal ones in order of position, last first.
    """
    if method == "LAC":
        lac: FloatArray = 1 - probabilities
        return lac
    filled = np.where(np.isnan(probabilities), -1.0, probabilities)
    order = np.argsort(filled, axis=1, kind="stable")[:, ::-1]
    ranked = np.take_along_axis(np.nan_to_num(probabilities), order, axis=1)
    total = np.empty_like(ranked)
    np.put_along_axis(total, order, np.cumsum(ranked, axis=1), axis=1)
    aps: FloatArray = np.where(np.isnan(probabilities), np.nan, total)
    return aps


def conformal_threshold(scores: FloatArray, alpha: float) -> float:
    """The ⌈(n + 1)(1 - α)⌉-th smallest calibration score (n,); infinite where n is too small."""
    n = scores.size
    rank = int(np.ceil((n + 1) * (1 - alpha) - 1e-9))
    return float(np.partition(scores, rank - 1)[rank - 1]) if 0 < rank <= n else float("inf")


def conformal_sets(
    calibration: FloatArray, gold: IntArray, probabilities: FloatArray, alpha: float, method: Method
) -> BoolArray:
    """Which options (m, K) of new questions are in their sets, at target coverage 1 - α.

    Calibrated on probabilities (n, K) with right options `gold` (n,). A set that would be empty
    holds the most probable option. Sources: LAC, Sadinle et al. (2019); APS, Romano et al. (2020).
    """
    own = conformity(calibration, method)[np.arange(gold.size), gold]
    scores = conformity(probabilities, method)
    limit = conformal_threshold(own, alpha)
    with np.errstate(invalid="ignore"):
        inside: BoolArray = scores <= limit
    best = np.nanargmin(scores, axis=1)
    inside[np.arange(len(scores)), best] = True
    present: BoolArray = ~np.isnan(probabilities)
    return inside & present


def halves(question_ids: NDArray[np.str_], seed: int = 0) -> BoolArray:
    """A half (n,) for each question, by a hash of seed and id alone."""
    return np.array([zlib.crc32(f"{seed}\0{i}".encode()) & 1 for i in question_ids], dtype=np.bool_)


def crossfitted_sets(
    options: OptionRows, half: BoolArray, alpha: float, method: Method
) -> BoolArray | None:
    """Sets (n, K) of every question, calibrated on the other half; None if a half is empty."""
    if half.all() or not half.any():
        return None
    inside = np.zeros(options.probabilities.shape, dtype=np.bool_)
    for side in (half, ~half):
        known = options.probabilities[~side]
        target = options.probabilities[side]
        inside[side] = conformal_sets(known, options.gold[~side], target, alpha, method)
    return inside


def compute_conformal(
    data: ReportInput, evaluation: Evaluation, seed: int = 0, alphas: tuple[float, ...] = ALPHAS
) -> pd.DataFrame:
    """Coverage (with Wilson's interval) and mean set size per method, α and group.

    `share_of_options` is set size over number of options, `singletons` the share of sets with one
    option, `accuracy` that of the most probable option. Empty where no option probabilities are
    known.
    """
    options = option_rows(data, evaluation)
    records: list[Record] = []
    if options is not None:
        half = halves(evaluation.question_ids[options.rows], seed)
        for method in METHODS:
            for alpha in alphas:
                inside = crossfitted_sets(options, half, alpha, method)
                if inside is not None:
                    base: Record = {"method": method, "alpha": alpha, "seed": seed}
                    records += [base | one for one in _by_group(evaluation, options, inside)]
    frame = pd.DataFrame.from_records(records, columns=list(CONFORMAL_COLUMNS))
    return frame.assign(model=evaluation.model, task=evaluation.task)


def _by_group(evaluation: Evaluation, options: OptionRows, inside: BoolArray) -> list[Record]:
    covered = inside[np.arange(options.gold.size), options.gold]
    size = inside.sum(axis=1)
    available = (~np.isnan(options.probabilities)).sum(axis=1)
    right = np.nanargmax(options.probabilities, axis=1) == options.gold
    place = np.full(evaluation.errors.size, -1)
    place[options.rows] = np.arange(options.rows.size)
    records: list[Record] = []
    for group, members in evaluation.groups.items():
        chosen = np.sort(place[members])
        chosen = chosen[chosen >= 0]
        n = int(chosen.size)
        if not n:
            continue
        low, high = wilson(float(covered[chosen].sum()), n)
        records.append(
            {
                **{"topic": group, "n": n, "coverage": float(covered[chosen].mean())},
                **{"coverage_low": low, "coverage_high": high},
                "set_size": float(size[chosen].mean()),
                "share_of_options": float((size[chosen] / available[chosen]).mean()),
                "singletons": float((size[chosen] == 1).mean()),
                "accuracy": float(right[chosen].mean()),
            }
        )
    return records
