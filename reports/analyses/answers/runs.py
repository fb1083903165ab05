"""Runs of equal answers in the order asked: does an answer depend on the one before?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from ...frames.blocks import Shown
from ...metrics.evaluation import Evaluation, keys
from ...statistics.ranking import IntArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study, rows_of

RUN_COLUMNS = (
    *("model", "task", "of", "n", "sequences", "runs", "expected", "standard_error", "z", "p"),
    *("repeats", "expected_repeats"),
)


def runs_moments(counts: IntArray) -> tuple[float, float]:
    """Compute mean and variance of the number of runs in a random order of a sequence.

    Args:
        counts: (c,) how often each value occurs.

    Returns:
        Mean 1 + (n² - Σ n_c²)/n and variance over all orders; 0 variance for n < 2.

    References:
        Barton and David 1957 (multiple runs); Wald and Wolfowitz 1940 for two values.
    """
    n = int(counts.sum())
    if n < 2:
        return float(n), 0.0
    squares, cubes = float((counts**2).sum()), float((counts.astype(np.float64) ** 3).sum())
    mean = (n * (n + 1) - squares) / n
    variance = squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3
    return mean, max(variance / (n**2 * (n - 1)), 0.0)


def count_runs(values: IntArray) -> int:
    """Count the runs of equal values of a sequence (n,)."""
    return int(1 + (values[1:] != values[:-1]).sum()) if values.size else 0


@benchmark_analysis(
    file="runs",
    title="Runs and recency",
    meaning="Number of runs of equal letters, and of equal outcomes (right, wrong), in the order "
    "asked and within topics, against that of a random order; z below 0: an answer repeats the one "
    "before more often than chance.",
    limits="A model that answers each question in a context of its own has no memory: a deviation "
    "then shows the order of the questions (easy ones together), not the model.",
    requires="answers to questions whose order is stored",
    source="Wald and Wolfowitz 1940; Barton and David 1957",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "of")),
        Shown("n", "n", "count"),
        *(Shown("runs", "runs", "count"), Shown("expected", "expected", "short")),
        *(Shown("z", "z", "signed"), Shown("p", "p", "p")),
        Shown("same as before", "repeats", "percent"),
        Shown("by chance", "expected_repeats", "percent"),
    ),
)
def compute_runs(study: Study) -> pd.DataFrame:
    """Test letters and outcomes for runs, per model and task, in the stored order within topics."""
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        order = asked_order(study, evaluation)
        if order is None:
            continue
        letters = pd.factorize(pd.Series(evaluation.answers, dtype=object))[0].astype(np.int64)
        for of, values in (("letters", letters), ("outcomes", evaluation.errors.astype(np.int64))):
            mean = variance = 0.0
            runs = n = sequences = 0
            for members in evaluation.topics.values():
                ordered = order[np.isin(order, members)]
                own = values[ordered]
                own = own[own >= 0]
                if own.size < 2:
                    continue
                expected, spread = runs_moments(np.bincount(own))
                mean, variance = mean + expected, variance + spread
                runs, n, sequences = runs + count_runs(own), n + own.size, sequences + 1
            if n <= sequences or not variance:
                continue
            z = (runs - mean) / float(np.sqrt(variance))
            records.append(
                {
                    **{"model": evaluation.model, "task": evaluation.task, "of": of, "n": n},
                    **{"sequences": sequences, "runs": runs, "expected": mean},
                    **{"standard_error": float(np.sqrt(variance)), "z": z},
                    "p": 2 * float(norm.sf(abs(z))),
                    "repeats": (n - runs) / (n - sequences),
                    "expected_repeats": (n - mean) / (n - sequences),
                }
            )
    return pd.DataFrame.from_records(records, columns=list(RUN_COLUMNS))


def asked_order(study: Study, evaluation: Evaluation) -> IntArray | None:
    """Return the rows of an evaluation in the stored order of the questions; None if unknown."""
    frame = study.data.questions
    own = frame[frame["task"].astype(str) == evaluation.task]
    if own.empty:
        return None
    rows = rows_of(evaluation, keys(own["question_id"]).to_numpy(dtype=np.str_))
    return rows[rows >= 0]
