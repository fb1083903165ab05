"""Recorded scores: higher is more uncertain; confidences are turned around."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from ...estimators.signals.tables import BoolArray, FloatArray
from ...tasks.files.cells import has_decimal_commas, is_missing, number
from ...tasks.files.file_errors import DataError
from .recorded import Recording

Fail = Callable[[int, str], DataError]
TOO_LOW = 2.5
"""Standard errors below 0.5 from which a score's ROC AUC says that it is turned around."""
FEWEST = 20


def read_scores(cells: Sequence[object], delimiter: str, fail: Fail) -> list[float]:
    """Read a column of scores; NaN where a cell is empty.

    Raises DataError for a cell that is no number.
    """
    commas = has_decimal_commas(cells, delimiter or ",")
    values = []
    for row, cell in enumerate(cells):
        value = number(cell, commas)
        beyond = value is not None and math.isinf(value) and any(map(str.isdigit, str(cell)))
        if value is None or beyond:
            raise fail(row, f"expected a number, got {str(cell)[:60]!r}")
        values.append(value)
    return values


def read_confidences(cells: Sequence[object], delimiter: str, fail: Fail) -> list[float]:
    """Read a column of confidences as 1 - confidence, in [0, 1].

    Confidences are from 0 to 1; from 0 to 100 if any is above 1; ``45%`` is 0.45 in either.

    Raises DataError for what is neither.
    """
    marked = [isinstance(cell, str) and cell.strip().endswith(("%", "％")) for cell in cells]
    bare = [
        cell.strip().rstrip("%％").strip() if isinstance(cell, str) and mark else cell
        for cell, mark in zip(cells, marked, strict=True)
    ]
    values = read_scores(bare, delimiter, fail)
    shares = [v for v, mark in zip(values, marked, strict=True) if not mark and not math.isnan(v)]
    percent = max(shares, default=0) > 1
    found = []
    for row, (value, mark) in enumerate(zip(values, marked, strict=True)):
        share = value / 100 if mark or percent else value
        if not math.isnan(share) and not 0 <= share <= 1:
            raise fail(
                row, f"expected a confidence from 0 to 1 or from 0 to 100, got {cells[row]!r}"
            )
        found.append(1 - share)
    return found


def orientation_warnings(recording: Recording) -> list[str]:
    """Warn of scores that are lower for wrong answers than for right ones, beyond chance."""
    known = [question for question in recording.questions if question.correct is not None]
    wrong = np.array([not question.correct for question in known], dtype=bool)
    warnings = []
    for name in sorted({name for question in known for name in question.scores}):
        scores = np.array([question.scores.get(name, math.nan) for question in known])
        auc, error = roc_auc(wrong, scores)
        if math.isnan(auc) or auc > 0.5 - TOO_LOW * error:
            continue
        if name in recording.confidences:
            advice = f"if it is an uncertainty, give it as --score {name}=…"
        else:
            advice = f"if it is a confidence, give it as --confidence {name}=…"
        warnings.append(
            f"score {name!r} is lower for wrong answers (ROC AUC {auc:.3f}), though higher must "
            f"mean more uncertain; {advice}"
        )
    return warnings


def roc_auc(wrong: BoolArray, scores: FloatArray) -> tuple[float, float]:
    """Return the ROC AUC of errors and its standard error at chance; NaN where undefined."""
    there = ~np.isnan(scores)
    wrong, scores = wrong[there], scores[there]
    errors = int(wrong.sum())
    right = len(wrong) - errors
    if len(wrong) < FEWEST or not errors or not right:
        return math.nan, math.nan
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # ties share their mean rank
    auc = (float(ranks[wrong].sum()) - errors * (errors + 1) / 2) / (errors * right)
    return auc, math.sqrt((len(wrong) + 1) / (12 * errors * right))


def is_empty(cells: Sequence[object]) -> bool:
    """Return whether a column has no value at all."""
    return all(is_missing(cell) for cell in cells)
