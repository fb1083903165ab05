"""metrics.csv: every metric of every estimator on every group of questions."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..frames.inputs import ReportInput
from ..statistics.bootstrap import roc_auc_replicates
from ..statistics.intervals import (
    BOOTSTRAP,
    BOOTSTRAP_ALONE,
    NONE,
    SQUARES,
    Ends,
    enough,
    exact_share,
    mean_interval,
    percentile_interval,
    roc_auc_interval,
    too_few,
)
from ..statistics.ranking import (
    BoolArray,
    FloatArray,
    IntArray,
    TieBlocks,
    roc_auc,
    worst_case_roc_auc,
)
from .calibration_error import (
    brier,
    brier_parts,
    ece,
    log_loss,
    mutual_information_share,
)
from .evaluation import ALL, MACRO, Evaluation, Rows, evaluations

COVERAGES = (0.10, 0.25, 0.50)
RISKS = (0.05, 0.10, 0.20)
_SELECTIVE = (
    *(f"accuracy_at_{round(100 * share)}" for share in COVERAGES),
    *(f"coverage_at_risk_{round(100 * risk)}" for risk in RISKS),
    "information",
)
_CALIBRATION = (
    *("ece", "ece_mass", "brier", "brier_reliability", "brier_resolution"),
    *("brier_uncertainty", "log_loss"),
)
METRIC_COLUMNS = (
    *("model", "task", "estimator", "topic", "n", "n_errors", "coverage", "accuracy"),
    *("roc_auc", "roc_auc_low", "roc_auc_high", "pr_auc", "prr", "aurc", "augrc"),
    *_SELECTIVE,
    *_CALIBRATION,
    *("roc_auc_worst", "roc_auc_common", "n_common", "n_missing", "n_unparsed", "n_calibration"),
    *("n_topics", "rows", "replicates", "seed"),
    *("n_topics_total", "n_topics_few", "accuracy_low", "accuracy_high"),
    *("interval_method", "interval_note"),
)
_SUMMED = ("n", "n_errors", "n_common", "n_missing", "n_unparsed", "n_calibration")
_AVERAGED = (
    *("coverage", "accuracy", "roc_auc", "pr_auc", "prr", "aurc", "augrc"),
    *_SELECTIVE,
    *_CALIBRATION,
    *("roc_auc_worst", "roc_auc_common"),
)

Record = dict[str, Any]


def compute_metrics(
    data: ReportInput,
    rows: Rows = "all",
    replicates: int = 1000,
    seed: int = 0,
    evaluated: Sequence[Evaluation] | None = None,
) -> pd.DataFrame:
    """Metrics per (model, task, estimator, topic), one row each, in full precision.

    `topic` is "all" (pooled), "macro" (unweighted mean over the topics with a defined ROC AUC), a
    topic, or "stratum=value". Orientation: errors are positives, higher scores are more
    uncertain. Columns, beside those whose names say it:

    - n, n_errors: rows in the AUC and errors among them; `accuracy` is 1 - n_errors / n;
    - coverage: share of the group's rows for which the estimator gave a score, in [0, 1];
    - roc_auc_low, roc_auc_high: 95 % interval, see `roc_auc_interval`, NaN with fewer than
      `SMALLEST_CLASS` errors or right answers; interval_method names it, interval_note says why
      there is none;
    - accuracy_at_10, _25, _50: accuracy of the 10, 25, 50 % most certain rows;
    - coverage_at_risk_5, _10, _20: largest share kept by a threshold at that error rate;
    - information: I(score; error) / H(error), see `mutual_information_share`;
    - ece, ece_mass (15 bins of equal width, equal mass), brier with its reliability, resolution
      and uncertainty, log_loss: only for scores that are probabilities of an error, on the
      n_calibration rows with an answer and a score in [0, 1];
    - roc_auc_worst: AUC if every missing score were as misleading as possible;
    - roc_auc_common, n_common: on the rows that every estimator scored;
    - n_missing: rows left out for want of a score; n_unparsed: rows that got the worst score;
    - n_topics: topics averaged (macro rows only), of n_topics_total; the others hold one class
      only. n_topics_few of those averaged are too small for an interval of their own: they count
      in the mean, which then has no interval either;
    - accuracy_low, accuracy_high: the exact 95 % interval of the accuracy (not of macro rows);
    - rows, replicates, seed: how the table was made.

    The resamples depend on seed, model, task and group only, not on the order of rows or on what
    else is in the table. Estimators that score the same rows share them. `evaluated` is what
    `evaluations(data, rows)` gives, where it is known already.
    """
    records: list[Record] = []
    for evaluation in evaluations(data, rows) if evaluated is None else evaluated:
        records += _evaluate(evaluation, replicates, seed, data.probabilities)
    frame = pd.DataFrame.from_records(records, columns=list(METRIC_COLUMNS))
    for column in (*_SUMMED, "n_topics", "n_topics_total", "n_topics_few"):
        frame[column] = frame[column].astype("Int64")
    return frame


def _evaluate(
    evaluation: Evaluation, replicates: int, seed: int, probabilities: frozenset[str]
) -> list[Record]:
    common = evaluation.scored_by_all(evaluation.scores)
    drawn = {
        group: _replicates(evaluation, group, members, replicates, seed)
        for group, members in evaluation.groups.items()
    }
    records: list[Record] = []
    for k, estimator in enumerate(evaluation.estimators):
        base = {
            **{"model": evaluation.model, "task": evaluation.task, "estimator": estimator},
            **{"rows": evaluation.rows, "replicates": replicates, "seed": seed},
        }
        by_group: dict[str, Record] = {}
        for group, members in evaluation.groups.items():
            values = _group(evaluation, k, members, common[members])
            ends = {"topic": group} | _interval(values, drawn[group][:, k])
            if estimator in probabilities:
                values |= _calibration(evaluation, k, members)
            by_group[group] = base | values | ends
        topics = [name for name in evaluation.topics if not np.isnan(by_group[name]["roc_auc"])]
        macro = base | _macro(
            [by_group[name] for name in topics], [drawn[name][:, k] for name in topics]
        )
        macro["n_topics_total"] = len(evaluation.topics)
        pooled = by_group.pop(ALL)
        records += [pooled, macro, *by_group.values()]
    return records


def _group(evaluation: Evaluation, k: int, members: IntArray, common: BoolArray) -> Record:
    """Point values of estimator k on the rows `members`; `common` marks those scored by all."""
    errors, scores = evaluation.errors[members], evaluation.scores[members, k]
    present = ~np.isnan(scores)
    blocks = TieBlocks.from_rows(errors[present], scores[present])
    given = ~np.isnan(evaluation.raw[members, k])
    area = blocks.roc_auc()
    complete = bool(present.all())
    return {
        "n": blocks.n,
        "n_errors": blocks.n_errors,
        "coverage": float(given.mean()) if given.size else float("nan"),
        "accuracy": blocks.accuracy(),
        "roc_auc": area,
        "pr_auc": blocks.pr_auc(),
        "prr": blocks.prr(),
        "aurc": blocks.aurc(),
        "augrc": blocks.augrc(),
        **{
            f"accuracy_at_{round(100 * share)}": blocks.accuracy_at_coverage(share)
            for share in COVERAGES
        },
        **{
            f"coverage_at_risk_{round(100 * risk)}": blocks.coverage_at_risk(risk) for risk in RISKS
        },
        "information": mutual_information_share(errors[present], scores[present]),
        **dict.fromkeys(_CALIBRATION, float("nan")),
        "n_calibration": 0,
        "roc_auc_worst": area if complete else worst_case_roc_auc(errors, scores),
        "roc_auc_common": _on(errors, scores, common & present, area),
        "n_common": int((common & present).sum()),
        "n_missing": int((~present).sum()),
        "n_unparsed": int(evaluation.unparsed[members].sum()),
    }


def _calibration(evaluation: Evaluation, k: int, members: IntArray) -> Record:
    """Calibration of estimator k on the rows `members` that have an answer and a score."""
    raw = evaluation.raw[members, k]
    chosen = ~np.isnan(raw) & ~evaluation.unparsed[members]
    errors, scores = evaluation.errors[members][chosen], raw[chosen]
    if ((scores < 0) | (scores > 1)).any() or not scores.size:
        return {}
    parts = brier_parts(errors, scores)
    return {
        "ece": ece(errors, scores),
        "ece_mass": ece(errors, scores, scheme="mass"),
        "brier": brier(errors, scores),
        "brier_reliability": parts.reliability,
        "brier_resolution": parts.resolution,
        "brier_uncertainty": parts.uncertainty,
        "log_loss": log_loss(errors, scores),
        "n_calibration": int(scores.size),
    }


def _on(errors: BoolArray, scores: FloatArray, chosen: BoolArray, area: float) -> float:
    """ROC AUC on the chosen rows; `area` is the known value on all of them."""
    return area if chosen.all() else roc_auc(errors[chosen], scores[chosen])


def _interval(values: Record, drawn: FloatArray) -> Record:
    """Ends of the intervals of a group's ROC AUC and accuracy, with the method or why none is."""
    wrong, n, area = values["n_errors"], values["n"], values["roc_auc"]
    (low, high), method = roc_auc_interval(area, wrong, n - wrong, drawn)
    accuracy = exact_share(n - wrong, n)
    return {
        **{"roc_auc_low": low, "roc_auc_high": high, "interval_method": method or None},
        "interval_note": too_few(wrong, n) or None,
        **{"accuracy_low": accuracy[0], "accuracy_high": accuracy[1]},
    }


def _macro(topics: list[Record], drawn: list[FloatArray]) -> Record:
    """Unweighted mean over topics, with its interval where every topic has its own.

    The interval comes from the topics' own replicates, or, where a topic is too small for these
    alone, from the topics' intervals.
    """
    record: Record = {"topic": MACRO, "n_topics": len(topics)}
    for column in _SUMMED:
        record[column] = sum(topic[column] for topic in topics)
    for column in _AVERAGED:
        values = [topic[column] for topic in topics]
        record[column] = float(np.mean(values)) if values else float("nan")
    few = sum(not enough(topic["n_errors"], topic["n"]) for topic in topics)
    ends, method = _macro_interval(topics, drawn) if topics and not few else (NONE, None)
    record["roc_auc_low"], record["roc_auc_high"] = ends
    note = f"{few} of {len(topics)} topics have too few errors or right answers" if few else None
    return record | {"n_topics_few": few, "interval_method": method, "interval_note": note}


def _macro_interval(topics: list[Record], drawn: list[FloatArray]) -> tuple[Ends, str]:
    smallest = min(min(one["n_errors"], one["n"] - one["n_errors"]) for one in topics)
    ends = percentile_interval(np.mean(drawn, axis=0))
    if smallest >= BOOTSTRAP_ALONE and not np.isnan(ends[0]):
        return ends, BOOTSTRAP
    own = [(one["roc_auc_low"], one["roc_auc_high"]) for one in topics]
    return mean_interval([one["roc_auc"] for one in topics], own), SQUARES


def _replicates(
    evaluation: Evaluation, group: str, members: IntArray, replicates: int, seed: int
) -> FloatArray:
    """Bootstrap replicates (replicates, k); estimators with the same rows share resamples."""
    name = "\0".join((evaluation.model, evaluation.task, group))
    stream = [seed, zlib.crc32(name.encode("utf-8", "surrogatepass"))]
    errors, scores = evaluation.errors[members], evaluation.scores[members]
    present = ~np.isnan(scores)
    patterns: dict[bytes, list[int]] = {}
    for k in range(scores.shape[1]):
        patterns.setdefault(present[:, k].tobytes(), []).append(k)
    result = np.full((replicates, scores.shape[1]), np.nan)
    for columns in patterns.values():
        chosen = present[:, columns[0]]
        block = scores[chosen][:, columns]
        result[:, columns] = roc_auc_replicates(errors[chosen], block, replicates, stream)
    return result
