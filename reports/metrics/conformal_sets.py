"""Conformal prediction sets of options: coverage and size by topic at several levels.

The sets are part of a report's input; each half of the questions is calibrated on the other half.
Calibration pools all topics, so that coverage is guaranteed on average only (marginally); the table
shows the deviations of single topics.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..frames.inputs import ReportInput
from ..statistics.intervals import exact_share
from ..statistics.ranking import BoolArray
from .evaluation import Evaluation, keys

Record = dict[str, Any]
CONFORMAL_COLUMNS = (
    *("model", "task", "method", "alpha", "topic", "n", "coverage", "coverage_low"),
    *("coverage_high", "set_size", "share_of_options", "singletons", "accuracy", "seed"),
)


def halves(question_ids: NDArray[np.str_], seed: int = 0) -> BoolArray:
    """Assign each question to one of two halves (n,) by a hash of seed and id."""
    return np.array([zlib.crc32(f"{seed}\0{i}".encode()) & 1 for i in question_ids], dtype=np.bool_)


def compute_conformal(data: ReportInput, evaluation: Evaluation) -> pd.DataFrame:
    """Compute coverage, with its exact interval, and mean set size per method, α and group.

    `share_of_options` is the set size divided by the number of options, `singletons` the share of
    sets with one option, `accuracy` that of the most probable option. Empty without sets.
    """
    frame = data.sets
    own = frame["model"].astype(str).eq(evaluation.model)
    frame = frame[own & frame["task"].astype(str).eq(evaluation.task)]
    records: list[Record] = []
    for (method, alpha, seed), sets in frame.groupby(["method", "alpha", "seed"], sort=False):
        base: Record = {"method": method, "alpha": alpha, "seed": seed}
        records += [base | record for record in _by_group(evaluation, sets)]
    table = pd.DataFrame.from_records(records, columns=list(CONFORMAL_COLUMNS))
    return table.assign(model=evaluation.model, task=evaluation.task)


def _by_group(evaluation: Evaluation, sets: pd.DataFrame) -> list[Record]:
    covered, right = (sets[name].to_numpy(dtype=np.bool_) for name in ("covered", "right"))
    size, available = (sets[name].to_numpy(dtype=np.float64) for name in ("size", "options"))
    position = pd.Series(np.arange(len(sets)), index=keys(sets["question_id"]))
    place = position.reindex(evaluation.question_ids).fillna(-1).to_numpy(dtype=np.int64)
    records: list[Record] = []
    for group, members in evaluation.groups.items():
        chosen = np.sort(place[members])
        chosen = chosen[chosen >= 0]
        n = int(chosen.size)
        if not n:
            continue
        low, high = exact_share(float(covered[chosen].sum()), n)
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
