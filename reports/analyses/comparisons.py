"""Paired tests of differences between estimators, models, tasks and topics: comparisons.csv."""

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
    """Test differences a - b in ROC AUC and accuracy within families of comparisons.

    Families, each with its own Holm correction (`p_holm`, over `family_size` tests):

    - "estimators": two estimators of one model on one task, on the questions that both scored;
      DeLong's test.
    - "models": one estimator of two models, on their common questions; test based on influence
      functions, see `paired_models_test`; quantity "accuracy" by McNemar's exact test.
    - "tasks": one model on two tasks with common questions, e.g. direct answers and chains of
      thought, with its best estimator on each; tests as above.
    - "topics": the best estimator of one model on one task in two topics; unpaired DeLong test.

    ROC AUCs are compared, and an estimator counts as best, only with at least `SMALLEST_CLASS`
    errors and correct answers on either side; McNemar's test is exact for any number. Of more than
    `TESTED` topics, models or tasks, those with the most questions are paired; see `untested`.

    Args:
        evaluated: Evaluations from `evaluations`.
        replicates: Number of paired bootstrap resamples.
        seed: Seed of the resamples.

    Returns:
        One row per test, see `COMPARISON_COLUMNS`. `low`, `high`: 95 % interval of the test;
        `bootstrap_low`, `bootstrap_high`: percentile interval (neither for "topics" nor for
        accuracies); `effect_size`: difference of `separation`; `distinguishable`: p_holm < 0.05;
        n: common questions, for "topics" those of both.
    """
    rows = evaluated[0].rows if evaluated else "all"
    settings = Settings(rows, replicates, seed)
    records: list[Record] = []
    for evaluation in evaluated:
        records += _corrected(_estimators(evaluation, settings))
        records += _corrected(_topics(evaluation, settings))
    tasks = dict.fromkeys(evaluation.task for evaluation in evaluated)
    for task in tasks:
        own = _paired([evaluation for evaluation in evaluated if evaluation.task == task])
        records += _corrected(model_pairs(own, settings))
        records += _corrected(
            [accuracies("models", a, b, settings) for a, b in combinations(own, 2)]
        )
    for model in dict.fromkeys(evaluation.model for evaluation in evaluated):
        pairs = list(
            combinations(
                _paired([evaluation for evaluation in evaluated if evaluation.model == model]), 2
            )
        )
        tests = [(best_pair(a, b, settings), accuracies("tasks", a, b, settings)) for a, b in pairs]
        for part in zip(*tests, strict=True):
            records += _corrected([row for row in part if row])
    frame = pd.DataFrame.from_records(records, columns=list(COMPARISON_COLUMNS))
    return frame


def _corrected(records: list[Record]) -> list[Record]:
    """Add Holm-adjusted p-values to the records of one family; drop those without a p-value."""
    known = [row for row in records if not np.isnan(row["p"])]
    adjusted = holm([row["p"] for row in known])
    for row, p in zip(known, adjusted, strict=True):
        row |= {"p_holm": p, "family_size": len(known), "distinguishable": bool(p < LEVEL)}
    return known


def _estimators(evaluation: Evaluation, settings: Settings) -> list[Record]:
    """Compare all pairs of estimators; pairs on the same questions share their resamples."""
    present = ~np.isnan(evaluation.scores)
    patterns: dict[bytes, list[tuple[int, int]]] = {}
    for i, j in combinations(range(len(evaluation.estimators)), 2):
        patterns.setdefault((present[:, i] & present[:, j]).tobytes(), []).append((i, j))
    records: list[tuple[tuple[int, int], Record]] = []
    stream = settings.stream(evaluation.model, evaluation.task, "estimators")
    for pattern, pairs in patterns.items():
        common = np.frombuffer(pattern, dtype=np.bool_)
        errors = evaluation.errors[common]
        wrong = int(errors.sum())
        if not enough(wrong, errors.size):
            continue
        used = sorted({index for pair in pairs for index in pair})
        at = {index: place for place, index in enumerate(used)}
        block = evaluation.scores[common][:, used]
        values, covariance = delong_covariance(errors, block)
        drawn = roc_auc_replicates(errors, block, settings.replicates, stream)
        for i, j in pairs:
            x, y = at[i], at[j]
            own = np.ix_((x, y), (x, y))
            sizes = (wrong, errors.size - wrong)
            difference = covariance_difference(values[[x, y]], covariance[own], sizes)
            sides = (
                (evaluation, evaluation.estimators[i], ALL),
                (evaluation, evaluation.estimators[j], ALL),
            )
            counts = (errors.size, wrong, wrong)
            gap = drawn[:, x] - drawn[:, y]
            made = record("estimators", *sides, difference, counts, settings, gap, "DeLong")
            records.append(((i, j), made))
    return [record for _, record in sorted(records, key=lambda item: item[0])]


def _paired(own: Sequence[Evaluation]) -> list[Evaluation]:
    """Select the models or tasks to pair: those with the most questions."""
    return largest(own, lambda evaluation: evaluation.errors.size)


def testable_topics(evaluation: Evaluation, best: int) -> list[tuple[str, IntArray]]:
    """List topics with enough errors and correct answers scored by column `best`, with rows."""
    groups = []
    for topic, members in evaluation.topics.items():
        scored = members[~np.isnan(evaluation.scores[members, best])]
        wrong = int(evaluation.errors[scored].sum())
        if enough(wrong, scored.size):
            groups.append((topic, scored))
    return groups


def _topics(evaluation: Evaluation, settings: Settings) -> list[Record]:
    best = best_column(evaluation)
    if best is None:
        return []
    name, tested = evaluation.estimators[best], []
    for topic, rows in largest(testable_topics(evaluation, best), lambda group: group[1].size):
        area, variance = delong_covariance(
            evaluation.errors[rows], evaluation.scores[rows, best][:, None]
        )
        sizes = class_sizes(evaluation.errors[rows])
        tested.append((topic, sizes, float(area[0]), float(variance[0, 0])))
    records = []
    for (topic_a, sizes_a, a, of_a), (topic_b, sizes_b, b, of_b) in combinations(tested, 2):
        gap = area_difference((a, b), of_a + of_b, (sizes_a, sizes_b), (of_a, of_b))
        counts = (sum(sizes_a) + sum(sizes_b), sizes_a[0], sizes_b[0])
        sides = ((evaluation, name, topic_a), (evaluation, name, topic_b))
        records.append(record("topics", *sides, gap, counts, settings, None, "DeLong, unpaired"))
    return records


def untested(evaluated: Sequence[Evaluation]) -> pd.DataFrame:
    """List the families of which not all pairs are tested, one row each.

    Columns: family; task and model (None: all); of (number of topics, models or tasks); tested
    (number of those paired); pairs_not_tested; rule.
    """
    counts: list[tuple[str, str | None, str | None, int]] = []
    for evaluation in evaluated:
        best = best_column(evaluation)
        topics = 0 if best is None else len(testable_topics(evaluation, best))
        counts.append(("topics", evaluation.task, evaluation.model, topics))
    for task in dict.fromkeys(evaluation.task for evaluation in evaluated):
        counts.append(
            ("models", task, None, sum(evaluation.task == task for evaluation in evaluated))
        )
    for model in dict.fromkeys(evaluation.model for evaluation in evaluated):
        counts.append(
            ("tasks", None, model, sum(evaluation.model == model for evaluation in evaluated))
        )
    rule = f"the {TESTED} with the most questions, ties in their order"
    records = [
        (family, task, model, of, TESTED, pair_count(of) - pair_count(TESTED), rule)
        for family, task, model, of in counts
        if of > TESTED
    ]
    return pd.DataFrame.from_records(records, columns=list(UNTESTED_COLUMNS))
