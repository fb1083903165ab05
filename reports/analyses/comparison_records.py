"""Rows of comparisons.csv, one tested difference each."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..metrics.evaluation import Evaluation
from ..statistics.intervals import percentile_interval
from ..statistics.ranking import FloatArray
from ..statistics.testing import Difference, separation

COMPARISON_COLUMNS = (
    *("family", "quantity", "task_a", "model_a", "estimator_a", "topic_a"),
    *("task_b", "model_b", "estimator_b", "topic_b", "n", "n_errors_a", "n_errors_b"),
    *("value_a", "value_b", "difference", "low", "high", "bootstrap_low", "bootstrap_high"),
    *("effect_size", "z", "p", "p_holm", "family_size", "distinguishable", "test"),
    *("rows", "replicates", "seed"),
)
"""Columns of comparisons.csv."""
Record = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """Settings shared by all tests of a table."""

    rows: str
    replicates: int
    seed: int

    def stream(self, *names: str) -> list[int]:
        """Derive the seed of the resamples from names, e.g. of model and task."""
        text = "\0".join(names)
        return [self.seed, zlib.crc32(text.encode("utf-8", "surrogatepass"))]


def record(
    family: str,
    a: tuple[Evaluation, str | None, str],
    b: tuple[Evaluation, str | None, str],
    tested: Difference,
    counts: tuple[int, int, int],
    settings: Settings,
    drawn: FloatArray | None = None,
    test: str = "",
) -> Record:
    """Create a row: sides are (evaluation, estimator, topic), counts n and errors of both sides."""
    ends = (np.nan, np.nan) if drawn is None else percentile_interval(drawn)
    accuracy = a[1] is None
    made: Record = {"family": family, "quantity": "accuracy" if accuracy else "roc_auc"}
    for side, (evaluation, estimator, topic) in (("a", a), ("b", b)):
        made |= {f"task_{side}": evaluation.task, f"model_{side}": evaluation.model}
        made |= {f"estimator_{side}": estimator, f"topic_{side}": topic}
    return made | {
        **{"n": counts[0], "n_errors_a": counts[1], "n_errors_b": counts[2]},
        **{"value_a": tested.a, "value_b": tested.b, "difference": tested.estimate},
        **{"low": tested.low, "high": tested.high},
        **{"bootstrap_low": ends[0], "bootstrap_high": ends[1]},
        "effect_size": np.nan if accuracy else separation(tested.a) - separation(tested.b),
        **{"z": tested.z, "p": tested.p, "test": test, "rows": settings.rows},
        **{"replicates": settings.replicates if drawn is not None else 0, "seed": settings.seed},
    }
