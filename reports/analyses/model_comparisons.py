"""Paired comparisons of two models or tasks on their common questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations

import numpy as np

from ..frames.limits import shared
from ..metrics.evaluation import ALL, Evaluation
from ..statistics.bootstrap import paired_roc_auc_replicates
from ..statistics.intervals import enough
from ..statistics.ranking import FloatArray, IntArray, roc_auc
from ..statistics.short_repr import short_repr
from ..statistics.testing import accuracy_test, area_influence, class_sizes, paired_influence_test
from .comparison_records import Record, Settings, record

RESAMPLED = 12
"""With more models than this, no resamples are drawn for a single pair, to bound the cost."""
Influences = dict[tuple[str, str], tuple[float, FloatArray]]


def best_column(evaluation: Evaluation) -> int | None:
    """Return the column with the highest pooled ROC AUC; None with too few rows of a class."""
    areas = []
    for column in evaluation.scores.T:
        present = ~np.isnan(column)
        errors = evaluation.errors[present]
        few = not enough(int(errors.sum()), errors.size)
        areas.append(np.nan if few else roc_auc(errors, column[present]))
    return None if np.isnan(areas).all() else int(np.nanargmax(areas))


def common_rows(a: Evaluation, b: Evaluation) -> tuple[IntArray, IntArray]:
    """Return the row indices of common questions in both, in the same order."""
    if np.array_equal(a.question_ids, b.question_ids):  # ids are sorted and unique
        rows = np.arange(a.question_ids.size)
        return rows, rows
    _, first, second = np.intersect1d(a.question_ids, b.question_ids, return_indices=True)
    return first, second


@short_repr
@dataclass(frozen=True)
class _Pair:
    """Column i of `a` and column j of `b` on the common questions that both scored.

    `rows` are their row indices in `a` and in `b`.
    """

    a: Evaluation
    b: Evaluation
    columns: tuple[int, int]
    rows: tuple[IntArray, IntArray]

    @classmethod
    def of(
        cls, a: Evaluation, b: Evaluation, columns: tuple[int, int], rows: tuple[IntArray, IntArray]
    ) -> _Pair | None:
        """Create a pair; None with too few errors or correct answers."""
        missing = [np.isnan(a.scores[rows[0], columns[0]]), np.isnan(b.scores[rows[1], columns[1]])]
        scored = ~(missing[0] | missing[1])
        first, second = rows if scored.all() else (rows[0][scored], rows[1][scored])
        wrong = [int(a.errors[first].sum()), int(b.errors[second].sum())]
        if not all(enough(errors, first.size) for errors in wrong):
            return None
        return cls(a, b, columns, (first, second))

    def sides(self) -> list[tuple[Evaluation, int, IntArray]]:
        """Return evaluation, column and rows of both sides."""
        return list(zip((self.a, self.b), self.columns, self.rows, strict=True))

    def record(
        self, family: str, settings: Settings, gap: FloatArray | None, known: Influences
    ) -> Record:
        """Test the difference; `gap` are differences (replicates,) on resamples, if drawn.

        `known` caches influences on these rows by model and task.
        """
        influences, sizes = [], []
        for evaluation, column, rows in self.sides():
            key = (evaluation.model, evaluation.task)
            if key not in known:
                known[key] = area_influence(
                    evaluation.errors[rows], evaluation.scores[rows, column]
                )
            influences.append(known[key])
            sizes.append(class_sizes(evaluation.errors[rows]))
        difference = paired_influence_test(*influences[0], *influences[1], (sizes[0], sizes[1]))
        sides = [(e, e.estimators[column], ALL) for e, column, _ in self.sides()]
        counts = (self.rows[0].size, sizes[0][0], sizes[1][0])
        test = "influence, paired"
        return record(family, sides[0], sides[1], difference, counts, settings, gap, test)


def model_pairs(own: Sequence[Evaluation], settings: Settings) -> list[Record]:
    """Compare all pairs of models by estimator; pairs on the same questions share resamples.

    With more than `RESAMPLED` models, pairs whose common questions no other pair shares are tested
    but not resampled.
    """
    known: dict[bytes, IntArray] = {}
    rows: dict[tuple[int, int], tuple[IntArray, IntArray]] = {}
    patterns: dict[tuple[str, bytes], list[tuple[int, int, int]]] = {}
    for i, j in combinations(range(len(own)), 2):
        first, second = common_rows(own[i], own[j])
        rows[i, j] = (shared(first, known), shared(second, known))
        for k, name in enumerate(own[i].estimators):
            pair = _between(own, (i, j, k), rows[i, j])
            if pair is not None:
                ids = own[i].question_ids[pair.rows[0]].astype(np.str_)
                patterns.setdefault((name, sha256(ids.tobytes()).digest()), []).append((i, j, k))
    records: list[tuple[tuple[int, int, int], Record]] = []
    for (name, _), places in patterns.items():
        # Recomputed, since the rows of all pairs at once would take gigabytes.
        pairs = [_between(own, at, rows[at[:2]]) for at in places]
        named = [(at, pair) for at, pair in zip(places, pairs, strict=True) if pair is not None]
        sides = {side[0].model: side for _, pair in named for side in pair.sides()}
        drawn: FloatArray | None = None
        if len(own) <= RESAMPLED or len(named) > 1:
            drawn = _resampled(list(sides.values()), settings, "models", own[0].task, name)
        at_model = {model: index for index, model in enumerate(sides)}
        influences: Influences = {}
        for order, pair in named:
            gap = None
            if drawn is not None:
                gap = drawn[:, at_model[pair.a.model]] - drawn[:, at_model[pair.b.model]]
            records.append((order, pair.record("models", settings, gap, influences)))
    return [made for _, made in sorted(records, key=lambda item: item[0])]


def _between(
    own: Sequence[Evaluation], at: tuple[int, int, int], rows: tuple[IntArray, IntArray]
) -> _Pair | None:
    """Pair estimator k of model i with that of model j; None where it cannot be tested."""
    a, b, name = own[at[0]], own[at[1]], own[at[0]].estimators[at[2]]
    if name not in b.estimators:
        return None
    return _Pair.of(a, b, (at[2], b.estimators.index(name)), rows)


def _resampled(
    sides: Sequence[tuple[Evaluation, int, IntArray]], settings: Settings, *names: str
) -> FloatArray:
    """Compute ROC AUCs (replicates, sides) on the same resamples of the questions."""
    errors = np.stack([evaluation.errors[rows] for evaluation, _, rows in sides], axis=1)
    scores = np.stack(
        [evaluation.scores[rows, column] for evaluation, column, rows in sides], axis=1
    )
    return paired_roc_auc_replicates(errors, scores, settings.replicates, settings.stream(*names))


def best_pair(a: Evaluation, b: Evaluation, settings: Settings) -> Record | None:
    """Compare the best estimators of two tasks of one model; None where it cannot be tested."""
    first, second = best_column(a), best_column(b)
    if first is None or second is None:
        return None
    pair = _Pair.of(a, b, (first, second), common_rows(a, b))
    if pair is None:
        return None
    drawn = _resampled(pair.sides(), settings, "tasks", a.model, a.task, b.task)
    return pair.record("tasks", settings, drawn[:, 0] - drawn[:, 1], {})


def accuracies(family: str, a: Evaluation, b: Evaluation, settings: Settings) -> Record:
    """Compare the accuracies of two models or tasks on their common questions."""
    first, second = common_rows(a, b)
    errors_a, errors_b = a.errors[first], b.errors[second]
    difference = accuracy_test(errors_a, errors_b)
    counts = (int(first.size), int(errors_a.sum()), int(errors_b.sum()))
    sides = ((a, None, ALL), (b, None, ALL))
    return record(family, *sides, difference, counts, settings, None, "McNemar, exact")
