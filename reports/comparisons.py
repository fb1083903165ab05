"""comparisons.csv: which differences between estimators, models, tasks and topics are real."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from .bootstrap import paired_roc_auc_replicates, roc_auc_replicates
from .delong import delong_covariance
from .evaluation import ALL, Evaluation
from .intervals import enough, percentile_interval
from .ranking import FloatArray, IntArray, roc_auc
from .testing import (
    Difference,
    accuracy_test,
    covariance_difference,
    holm,
    paired_models_test,
    separation,
    unpaired_test,
)

LEVEL = 0.05
COMPARISON_COLUMNS = (
    *("family", "quantity", "task_a", "model_a", "estimator_a", "topic_a"),
    *("task_b", "model_b", "estimator_b", "topic_b", "n", "n_errors_a", "n_errors_b"),
    *("value_a", "value_b", "difference", "low", "high", "bootstrap_low", "bootstrap_high"),
    *("effect_size", "z", "p", "p_holm", "family_size", "distinguishable", "test"),
    *("rows", "replicates", "seed"),
)
Record = dict[str, Any]


@dataclass(frozen=True)
class _Settings:
    rows: str
    replicates: int
    seed: int

    def stream(self, *names: str) -> list[int]:
        text = "\0".join(names)
        return [self.seed, zlib.crc32(text.encode("utf-8", "surrogatepass"))]


def compare(evaluated: Sequence[Evaluation], replicates: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Every paired difference a - b worth asking for, tested, one row each.

    Families, each with its own Holm correction (`p_holm`, over `family_size` tests):

    - "estimators": two estimators of one model on one task, all questions that both scored;
      DeLong's test;
    - "models": one estimator on two models, the task's common questions; test by influence, see
      `paired_models_test`; quantity "accuracy" by McNemar's exact test;
    - "tasks": one model on two tasks with common questions (a direct answer and a chain of
      thought, say), its best estimator on each, likewise;
    - "topics": the best estimator of one model on one task in two topics; two independent groups.

    `low`, `high` are the test's 95 % interval; `bootstrap_low`, `bootstrap_high` the percentile
    interval of paired resamples (not for "topics" and accuracies). `effect_size` is the difference
    of `separation` for AUCs. `distinguishable` says p_holm < 0.05. ROC AUCs are compared, and an
    estimator is called best, only where there are `SMALLEST_CLASS` errors and right answers on
    either side; McNemar's test is exact for any number. n counts the common questions,
    for "topics" those of both.
    """
    rows = evaluated[0].rows if evaluated else "all"
    settings = _Settings(rows, replicates, seed)
    records: list[Record] = []
    for one in evaluated:
        records += _corrected(_estimators(one, settings))
        records += _corrected(_topics(one, settings))
    tasks = dict.fromkeys(one.task for one in evaluated)
    for task in tasks:
        own = [one for one in evaluated if one.task == task]
        records += _corrected(_models(own, settings))
        records += _corrected(
            [_accuracies("models", a, b, settings) for a, b in combinations(own, 2)]
        )
    for model in dict.fromkeys(one.model for one in evaluated):
        pairs = list(combinations([one for one in evaluated if one.model == model], 2))
        found = [
            (_best_pair(a, b, settings), _accuracies("tasks", a, b, settings)) for a, b in pairs
        ]
        for part in zip(*found, strict=True):
            records += _corrected([record for record in part if record])
    frame = pd.DataFrame.from_records(records, columns=list(COMPARISON_COLUMNS))
    return frame


def _corrected(records: list[Record]) -> list[Record]:
    """The records of one family with their adjusted p-values; those without any are dropped."""
    known = [record for record in records if not np.isnan(record["p"])]
    adjusted = holm([record["p"] for record in known])
    for record, p in zip(known, adjusted, strict=True):
        record |= {"p_holm": p, "family_size": len(known), "distinguishable": bool(p < LEVEL)}
    return known


def _record(
    family: str,
    a: tuple[Evaluation, str | None, str],
    b: tuple[Evaluation, str | None, str],
    found: Difference,
    counts: tuple[int, int, int],
    settings: _Settings,
    drawn: FloatArray | None = None,
    test: str = "",
) -> Record:
    """One row; a and b are (evaluation, estimator, topic), counts n and both numbers of errors."""
    ends = (np.nan, np.nan) if drawn is None else percentile_interval(drawn)
    accuracy = a[1] is None
    record: Record = {"family": family, "quantity": "accuracy" if accuracy else "roc_auc"}
    for side, (evaluation, estimator, topic) in (("a", a), ("b", b)):
        record |= {f"task_{side}": evaluation.task, f"model_{side}": evaluation.model}
        record |= {f"estimator_{side}": estimator, f"topic_{side}": topic}
    return record | {
        **{"n": counts[0], "n_errors_a": counts[1], "n_errors_b": counts[2]},
        **{"value_a": found.a, "value_b": found.b, "difference": found.estimate},
        **{"low": found.low, "high": found.high},
        **{"bootstrap_low": ends[0], "bootstrap_high": ends[1]},
        "effect_size": np.nan if accuracy else separation(found.a) - separation(found.b),
        **{"z": found.z, "p": found.p, "test": test, "rows": settings.rows},
        **{"replicates": settings.replicates if drawn is not None else 0, "seed": settings.seed},
    }


def _estimators(one: Evaluation, settings: _Settings) -> list[Record]:
    """All pairs of estimators; pairs with the same common questions share their resamples."""
    present = ~np.isnan(one.scores)
    patterns: dict[bytes, list[tuple[int, int]]] = {}
    for i, j in combinations(range(len(one.estimators)), 2):
        patterns.setdefault((present[:, i] & present[:, j]).tobytes(), []).append((i, j))
    records: list[tuple[tuple[int, int], Record]] = []
    stream = settings.stream(one.model, one.task, "estimators")
    for pattern, pairs in patterns.items():
        common = np.frombuffer(pattern, dtype=np.bool_)
        errors = one.errors[common]
        wrong = int(errors.sum())
        if not enough(wrong, errors.size):
            continue
        used = sorted({index for pair in pairs for index in pair})
        at = {index: place for place, index in enumerate(used)}
        block = one.scores[common][:, used]
        values, covariance = delong_covariance(errors, block)
        drawn = roc_auc_replicates(errors, block, settings.replicates, stream)
        for i, j in pairs:
            x, y = at[i], at[j]
            own = np.ix_((x, y), (x, y))
            sizes = (wrong, errors.size - wrong)
            found = covariance_difference(values[[x, y]], covariance[own], sizes)
            sides = ((one, one.estimators[i], ALL), (one, one.estimators[j], ALL))
            counts = (errors.size, wrong, wrong)
            gap = drawn[:, x] - drawn[:, y]
            made = _record("estimators", *sides, found, counts, settings, gap, "DeLong")
            records.append(((i, j), made))
    return [record for _, record in sorted(records, key=lambda item: item[0])]


def best_column(one: Evaluation) -> int | None:
    """The estimator with the highest pooled ROC AUC; None where too few rows define any."""
    areas = []
    for column in one.scores.T:
        present = ~np.isnan(column)
        errors = one.errors[present]
        few = not enough(int(errors.sum()), errors.size)
        areas.append(np.nan if few else roc_auc(errors, column[present]))
    return None if np.isnan(areas).all() else int(np.nanargmax(areas))


def _topics(one: Evaluation, settings: _Settings) -> list[Record]:
    best = best_column(one)
    if best is None:
        return []
    name, groups = one.estimators[best], []
    for topic, members in one.topics.items():
        scored = members[~np.isnan(one.scores[members, best])]
        wrong = int(one.errors[scored].sum())
        if enough(wrong, scored.size):
            groups.append((topic, one.errors[scored], one.scores[scored, best]))
    records = []
    for (topic_a, errors_a, a), (topic_b, errors_b, b) in combinations(groups, 2):
        found = unpaired_test(errors_a, a, errors_b, b)
        counts = (a.size + b.size, int(errors_a.sum()), int(errors_b.sum()))
        sides = ((one, name, topic_a), (one, name, topic_b))
        records.append(_record("topics", *sides, found, counts, settings, None, "DeLong, unpaired"))
    return records


def common_rows(a: Evaluation, b: Evaluation) -> tuple[IntArray, IntArray]:
    """Row numbers of the questions that both have, in the same order."""
    _, first, second = np.intersect1d(a.question_ids, b.question_ids, return_indices=True)
    return first, second


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
        first, second = rows[0][scored], rows[1][scored]
        wrong = [int(a.errors[first].sum()), int(b.errors[second].sum())]
        if not all(enough(errors, first.size) for errors in wrong):
            return None
        return cls(a, b, columns, (first, second))

    def sides(self) -> list[tuple[Evaluation, int, IntArray]]:
        """Evaluation, column and rows of a and of b."""
        return list(zip((self.a, self.b), self.columns, self.rows, strict=True))

    def record(self, family: str, settings: _Settings, gap: FloatArray) -> Record:
        """The test, with the interval of `gap`, the difference on each resample."""
        rows = [(e.errors[at], e.scores[at, column]) for e, column, at in self.sides()]
        found = paired_models_test(*rows[0], *rows[1])
        sides = [(e, e.estimators[column], ALL) for e, column, _ in self.sides()]
        counts = (self.rows[0].size, int(rows[0][0].sum()), int(rows[1][0].sum()))
        test = "influence, paired"
        return _record(family, sides[0], sides[1], found, counts, settings, gap, test)


def _models(own: Sequence[Evaluation], settings: _Settings) -> list[Record]:
    """All pairs of models by estimator; pairs with the same questions share their resamples."""
    patterns: dict[tuple[str, bytes], list[tuple[tuple[int, int, int], _Pair]]] = {}
    for i, j in combinations(range(len(own)), 2):
        a, b = own[i], own[j]
        rows = common_rows(a, b)
        for k, name in enumerate(a.estimators):
            if name not in b.estimators:
                continue
            pair = _Pair.of(a, b, (k, b.estimators.index(name)), rows)
            if pair is not None:
                key = (name, a.question_ids[pair.rows[0]].astype(np.str_).tobytes())
                patterns.setdefault(key, []).append(((i, j, k), pair))
    records: list[tuple[tuple[int, int, int], Record]] = []
    for (name, _), pairs in patterns.items():
        sides = {side[0].model: side for _, pair in pairs for side in pair.sides()}
        drawn = _resampled(list(sides.values()), settings, "models", own[0].task, name)
        at = {model: index for index, model in enumerate(sides)}
        for order, pair in pairs:
            gap = drawn[:, at[pair.a.model]] - drawn[:, at[pair.b.model]]
            records.append((order, pair.record("models", settings, gap)))
    return [record for _, record in sorted(records, key=lambda item: item[0])]


def _resampled(
    sides: Sequence[tuple[Evaluation, int, IntArray]], settings: _Settings, *names: str
) -> FloatArray:
    """ROC AUC (replicates, sides) on the same resamples of the same questions."""
    errors = np.stack([one.errors[rows] for one, _, rows in sides], axis=1)
    scores = np.stack([one.scores[rows, column] for one, column, rows in sides], axis=1)
    return paired_roc_auc_replicates(errors, scores, settings.replicates, settings.stream(*names))


def _best_pair(a: Evaluation, b: Evaluation, settings: _Settings) -> Record | None:
    first, second = best_column(a), best_column(b)
    if first is None or second is None:
        return None
    pair = _Pair.of(a, b, (first, second), common_rows(a, b))
    if pair is None:
        return None
    drawn = _resampled(pair.sides(), settings, "tasks", a.model, a.task, b.task)
    return pair.record("tasks", settings, drawn[:, 0] - drawn[:, 1])


def _accuracies(family: str, a: Evaluation, b: Evaluation, settings: _Settings) -> Record:
    first, second = common_rows(a, b)
    errors_a, errors_b = a.errors[first], b.errors[second]
    found = accuracy_test(errors_a, errors_b)
    counts = (int(first.size), int(errors_a.sum()), int(errors_b.sum()))
    sides = ((a, None, ALL), (b, None, ALL))
    return _record(family, *sides, found, counts, settings, None, "McNemar, exact")
