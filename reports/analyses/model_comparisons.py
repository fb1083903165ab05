"""One model or task against another on their common questions, paired."""

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
"""Of more models than this, no resamples are drawn for a single pair: there are too many pairs."""
Influences = dict[tuple[str, str], tuple[float, FloatArray]]


def best_column(one: Evaluation) -> int | None:
    """The estimator with the highest pooled ROC AUC; None where too few rows define any."""
    areas = []
    for column in one.scores.T:
        present = ~np.isnan(column)
        errors = one.errors[present]
        few = not enough(int(errors.sum()), errors.size)
        areas.append(np.nan if few else roc_auc(errors, column[present]))
    return None if np.isnan(areas).all() else int(np.nanargmax(areas))


def common_rows(a: Evaluation, b: Evaluation) -> tuple[IntArray, IntArray]:
    """Row numbers of the questions that both have, in the same order."""
    if np.array_equal(a.question_ids, b.question_ids):  # sorted, and each once
        rows = np.arange(a.question_ids.size)
        return rows, rows
    _, first, second = np.intersect1d(a.question_ids, b.question_ids, return_indices=True)
    return first, second


@short_repr
@dataclass(frozen=True)
class _Pair:
    """Column i of a against column j of b on the common questions that both scored.

    `rows` holds their row numbers in a and in b.
    """

    a: Evaluation
    b: Evaluation
    columns: tuple[int, int]
    rows: tuple[IntArray, IntArray]

    @classmethod
    def of(
        cls, a: Evaluation, b: Evaluation, columns: tuple[int, int], rows: tuple[IntArray, IntArray]
    ) -> _Pair | None:
        """None where too few are right or wrong."""
        missing = [np.isnan(a.scores[rows[0], columns[0]]), np.isnan(b.scores[rows[1], columns[1]])]
        scored = ~(missing[0] | missing[1])
        first, second = rows if scored.all() else (rows[0][scored], rows[1][scored])
        wrong = [int(a.errors[first].sum()), int(b.errors[second].sum())]
        if not all(enough(errors, first.size) for errors in wrong):
            return None
        return cls(a, b, columns, (first, second))

    def sides(self) -> list[tuple[Evaluation, int, IntArray]]:
        """Evaluation, column and rows of a and of b."""
        return list(zip((self.a, self.b), self.columns, self.rows, strict=True))

    def record(
        self, family: str, settings: Settings, gap: FloatArray | None, known: Influences
    ) -> Record:
        """The test, with the interval of `gap`, the difference on each resample, where drawn.

        `known` holds influences on these rows by model and task, and gets those not in it yet.
        """
        found, sizes = [], []
        for one, column, rows in self.sides():
            key = (one.model, one.task)
            if key not in known:
                known[key] = area_influence(one.errors[rows], one.scores[rows, column])
            found.append(known[key])
            sizes.append(class_sizes(one.errors[rows]))
        difference = paired_influence_test(*found[0], *found[1], (sizes[0], sizes[1]))
        sides = [(e, e.estimators[column], ALL) for e, column, _ in self.sides()]
        counts = (self.rows[0].size, sizes[0][0], sizes[1][0])
        test = "influence, paired"
        return record(family, sides[0], sides[1], difference, counts, settings, gap, test)


def model_pairs(own: Sequence[Evaluation], settings: Settings) -> list[Record]:
    """All pairs of models by estimator; pairs with the same questions share their resamples.

    Of more than `RESAMPLED` models, a set of questions that only one pair has in common is tested,
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
        # Made again, since the rows of all pairs at once would take gigabytes.
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
    """Estimator k of model i against the same of model j; None where it cannot be tested."""
    a, b, name = own[at[0]], own[at[1]], own[at[0]].estimators[at[2]]
    if name not in b.estimators:
        return None
    return _Pair.of(a, b, (at[2], b.estimators.index(name)), rows)


def _resampled(
    sides: Sequence[tuple[Evaluation, int, IntArray]], settings: Settings, *names: str
) -> FloatArray:
    """ROC AUC (replicates, sides) on the same resamples of the same questions."""
    errors = np.stack([one.errors[rows] for one, _, rows in sides], axis=1)
    scores = np.stack([one.scores[rows, column] for one, column, rows in sides], axis=1)
    return paired_roc_auc_replicates(errors, scores, settings.replicates, settings.stream(*names))


def best_pair(a: Evaluation, b: Evaluation, settings: Settings) -> Record | None:
    """The best estimator of each of two tasks of one model; None where it cannot be tested."""
    first, second = best_column(a), best_column(b)
    if first is None or second is None:
        return None
    pair = _Pair.of(a, b, (first, second), common_rows(a, b))
    if pair is None:
        return None
    drawn = _resampled(pair.sides(), settings, "tasks", a.model, a.task, b.task)
    return pair.record("tasks", settings, drawn[:, 0] - drawn[:, 1], {})


def accuracies(family: str, a: Evaluation, b: Evaluation, settings: Settings) -> Record:
    """The accuracies of two models or tasks on their common questions."""
    first, second = common_rows(a, b)
    errors_a, errors_b = a.errors[first], b.errors[second]
    found = accuracy_test(errors_a, errors_b)
    counts = (int(first.size), int(errors_a.sum()), int(errors_b.sum()))
    sides = ((a, None, ALL), (b, None, ALL))
    return record(family, *sides, found, counts, settings, None, "McNemar, exact")
