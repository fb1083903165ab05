"""comparisons.csv: which differences between estimators, models, tasks and topics are real."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..frames.limits import TESTED, largest, pair_count
from ..metrics.evaluation import ALL, Evaluation
from ..statistics.bootstrap import roc_auc_replicates
from ..statistics.delong import delong_covariance
from ..statistics.intervals import enough
from ..statistics.ranking import IntArray
from ..statistics.testing import area_difference, class_sizes, covariance_difference, holm
from .comparison_records import COMPARISON_COLUMNS, Record, Settings, record
from .model_comparisons import accuracies, best_column, best_pair, model_pairs

LEVEL = 0.05
UNTESTED_COLUMNS = ("family", "task", "model", "of", "tested", "pairs_not_tested", "rule")


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

    Of more than `TESTED` topics or models, or tasks of a model, those with most questions are
    paired; see `untested`.
    """
    rows = evaluated[0].rows if evaluated else "all"
    settings = Settings(rows, replicates, seed)
    records: list[Record] = []
    for one in evaluated:
        records += _corrected(_estimators(one, settings))
        records += _corrected(_topics(one, settings))
    tasks = dict.fromkeys(one.task for one in evaluated)
    for task in tasks:
        own = _paired([one for one in evaluated if one.task == task])
        records += _corrected(model_pairs(own, settings))
        records += _corrected(
            [accuracies("models", a, b, settings) for a, b in combinations(own, 2)]
        )
    for model in dict.fromkeys(one.model for one in evaluated):
        pairs = list(combinations(_paired([one for one in evaluated if one.model == model]), 2))
        found = [(best_pair(a, b, settings), accuracies("tasks", a, b, settings)) for a, b in pairs]
        for part in zip(*found, strict=True):
            records += _corrected([one for one in part if one])
    frame = pd.DataFrame.from_records(records, columns=list(COMPARISON_COLUMNS))
    return frame


def _corrected(records: list[Record]) -> list[Record]:
    """The records of one family with their adjusted p-values; those without any are dropped."""
    known = [one for one in records if not np.isnan(one["p"])]
    adjusted = holm([one["p"] for one in known])
    for one, p in zip(known, adjusted, strict=True):
        one |= {"p_holm": p, "family_size": len(known), "distinguishable": bool(p < LEVEL)}
    return known


def _estimators(one: Evaluation, settings: Settings) -> list[Record]:
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
            made = record("estimators", *sides, found, counts, settings, gap, "DeLong")
            records.append(((i, j), made))
    return [record for _, record in sorted(records, key=lambda item: item[0])]


def _paired(own: Sequence[Evaluation]) -> list[Evaluation]:
    """The models or tasks that are paired: those with most questions."""
    return largest(own, lambda one: one.errors.size)


def testable_topics(one: Evaluation, best: int) -> list[tuple[str, IntArray]]:
    """Topics with enough right and wrong answers that the estimator in column `best` scored, with
    the rows."""
    groups = []
    for topic, members in one.topics.items():
        scored = members[~np.isnan(one.scores[members, best])]
        wrong = int(one.errors[scored].sum())
        if enough(wrong, scored.size):
            groups.append((topic, scored))
    return groups


def _topics(one: Evaluation, settings: Settings) -> list[Record]:
    best = best_column(one)
    if best is None:
        return []
    name, found = one.estimators[best], []
    for topic, rows in largest(testable_topics(one, best), lambda group: group[1].size):
        area, variance = delong_covariance(one.errors[rows], one.scores[rows, best][:, None])
        sizes = class_sizes(one.errors[rows])
        found.append((topic, sizes, float(area[0]), float(variance[0, 0])))
    records = []
    for (topic_a, sizes_a, a, of_a), (topic_b, sizes_b, b, of_b) in combinations(found, 2):
        gap = area_difference((a, b), of_a + of_b, (sizes_a, sizes_b), (of_a, of_b))
        counts = (sum(sizes_a) + sum(sizes_b), sizes_a[0], sizes_b[0])
        sides = ((one, name, topic_a), (one, name, topic_b))
        records.append(record("topics", *sides, gap, counts, settings, None, "DeLong, unpaired"))
    return records


def untested(evaluated: Sequence[Evaluation]) -> pd.DataFrame:
    """Where there are more topics, models or tasks than are tested in pairs: one row each.

    Columns: family; task, model (None: all); of (how many there are); tested (how many of them are
    paired); pairs_not_tested; rule.
    """
    counts: list[tuple[str, str | None, str | None, int]] = []
    for one in evaluated:
        best = best_column(one)
        topics = 0 if best is None else len(testable_topics(one, best))
        counts.append(("topics", one.task, one.model, topics))
    for task in dict.fromkeys(one.task for one in evaluated):
        counts.append(("models", task, None, sum(one.task == task for one in evaluated)))
    for model in dict.fromkeys(one.model for one in evaluated):
        counts.append(("tasks", None, model, sum(one.model == model for one in evaluated)))
    rule = f"the {TESTED} with most questions, in their order where tied"
    records = [
        (family, task, model, of, TESTED, pair_count(of) - pair_count(TESTED), rule)
        for family, task, model, of in counts
        if of > TESTED
    ]
    return pd.DataFrame.from_records(records, columns=list(UNTESTED_COLUMNS))
