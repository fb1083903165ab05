"""Arrays as signals, and as the rows that metrics are computed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .estimators import TABLES, Signal, Signals, Status
from .estimators.signals.tables import FloatArray, IntArray, Kind, to_array
from .reports import EstimatorTraits, ReportInput
from .tasks import LETTERS

NAME = "arrays"
"""Model and task of rows that belong to no store."""
Scores = npt.ArrayLike | Mapping[str, npt.ArrayLike] | pd.DataFrame


def option_matrix(given: npt.ArrayLike | Sequence[Sequence[float]], name: str) -> FloatArray:
    """Return an (n, K) array, shorter rows padded with NaN.

    Raises ValueError for other shapes, and for a row without any number.
    """
    rows = [np.asarray(row, dtype=np.float64) for row in given]  # type: ignore[union-attr]
    if not rows or any(row.ndim != 1 for row in rows):
        raise ValueError(f"Expected {name} to be n rows of K numbers each, n at least 1.")
    matrix: FloatArray = to_array(Kind.FLOATS, rows)
    empty = np.isnan(matrix).all(axis=1)
    if empty.any():
        raise ValueError(
            f"Expected numbers in every row of {name}, got none in row {empty.argmax()}."
        )
    return matrix


def option_indices(given: npt.ArrayLike, count: IntArray, name: str) -> IntArray:
    """Return (n,) option indices from indices or letters; -1 for None, NaN and -1.

    Raises ValueError for another length, or something that is no option of its question.
    """
    cells = np.asarray(given, dtype=object)
    if cells.shape != count.shape:
        raise ValueError(f"Expected {name} of shape {count.shape}, got {cells.shape}.")
    indices = np.full(count.shape, -1, dtype=np.int64)
    for row, cell in enumerate(cells):
        if cell is None or (isinstance(cell, float) and np.isnan(cell)):
            continue
        known = isinstance(cell, str) and cell in LETTERS
        try:
            index = LETTERS.index(cell) if known else int(cell)
        except (TypeError, ValueError):
            index = -2
        if (not known and index != cell) or not -1 <= index < count[row]:
            raise ValueError(
                f"Expected {name} to be letters or indices (from 0) of options, got {cell!r} in "
                f"row {row}, which has {count[row]} options."
            )
        indices[row] = index
    return indices


def answer_signals(
    logprobs: FloatArray,
    gold: IntArray | None = None,
    answer: IntArray | None = None,
    topic: Sequence[Any] | None = None,
    question_id: Sequence[Any] | None = None,
) -> Signals:
    """Return n questions with a direct answer.

    Args:
        logprobs: (n, K) log-probabilities of the options, NaN beyond the last one.
        gold: (n,) indices of the right options, -1 where unknown.
        answer: (n,) indices of the answers; the most probable options if None.
        topic: (n,) topics; "" if None.
        question_id: (n,) ids; 0, 1, … if None.
    """
    n = len(logprobs)
    chosen = np.nanargmax(logprobs, axis=1) if answer is None else answer
    right = np.full(n, -1) if gold is None else np.where(gold < 0, -1, chosen == gold)
    status = np.full(n, Status.PARSED.value, dtype=object)
    given = {"option_logprobs": logprobs, "scored_logprobs": logprobs, "status": status}
    given |= {"answer": chosen.astype(np.int64), "correct": right.astype(np.int64)}
    kind: Any = TABLES[Signal.ANSWER]
    absent = {name: to_array(k, [None] * n) for name, k in kind.kinds().items()}
    table = kind(present=np.ones(n, dtype=np.bool_), **{**absent, **given})
    ids = np.arange(n) if question_id is None else np.asarray(question_id, dtype=object)
    topics = np.asarray([""] * n if topic is None else topic, dtype=object)
    for name, cells in (("topic", topics), ("question_id", ids)):
        if cells.shape != (n,):
            raise ValueError(f"Expected {name} of shape ({n},), got {cells.shape}.")
    counts = (~np.isnan(logprobs)).sum(axis=1).astype(np.int64)
    return Signals(ids, topics, counts, {Signal.ANSWER: table}, gold)


def named_scores(scores: Scores) -> dict[str, FloatArray]:
    """Return name → (n,) scores; a single unnamed array is called "score"."""
    if isinstance(scores, pd.DataFrame | Mapping):
        return {str(name): np.asarray(values, np.float64) for name, values in scores.items()}
    return {str(getattr(scores, "name", None) or "score"): np.asarray(scores, np.float64)}


def input_of_arrays(
    errors: npt.ArrayLike, scores: Scores, by: npt.ArrayLike | None, claims: bool = False
) -> ReportInput:
    """Return the input of metrics and figures: one model on one task.

    Args:
        errors: (n,) true where the answer is wrong.
        scores: (n,) one score, or several by name; higher = more uncertain, NaN = none.
        by: (n,) topics, or None.
        claims: Whether the scores are P(error).

    Raises:
        ValueError: Shapes differ, or errors are not 0 and 1.
    """
    flags = np.asarray(errors)
    if flags.ndim != 1 or not flags.size or not np.isin(flags, (0, 1)).all():
        raise ValueError("Expected errors to be n values, each true (wrong) or false (right).")
    topics = [None] * flags.size if by is None else list(np.asarray(by, dtype=object))
    columns = named_scores(scores)
    for name, values in {**columns, "by": np.asarray(topics, dtype=object)}.items():
        if values.shape != flags.shape:
            raise ValueError(f"Expected {name} of shape {flags.shape}, got {values.shape}.")
    facts = pd.DataFrame(
        {
            **{"model": NAME, "task": NAME, "question_id": np.arange(flags.size), "topic": topics},
            **{"answer": "A", "correct": flags == 0, "status": Status.PARSED.value, "reason": None},
        }
    )
    frames = [facts.assign(estimator=name, score=values) for name, values in columns.items()]
    traits = {name: EstimatorTraits(is_probability=claims) for name in columns}
    return ReportInput(pd.concat(frames, ignore_index=True), traits=traits)
