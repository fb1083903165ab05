"""metrics.csv: every metric of every estimator on every group of questions."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .bootstrap import percentile_interval, roc_auc_replicates
from .calibration import (
    brier,
    brier_parts,
    ece,
    is_probability,
    log_loss,
    mutual_information_share,
)
from .evaluation import ALL, MACRO, Evaluation, Rows, evaluations
from .inputs import ReportInput
from .ranking import BoolArray, FloatArray, IntArray, TieBlocks, roc_auc, worst_case_roc_auc

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
    - roc_auc_low, roc_auc_high: 95 % stratified-bootstrap interval;
    - accuracy_at_10, _25, _50: accuracy of the 10, 25, 50 % most certain rows;
    - coverage_at_risk_5, _10, _20: largest share kept by a threshold at that error rate;
    - information: I(score; error) / H(error), see `mutual_information_share`;
    - ece, ece_mass (15 bins of equal width, equal mass), brier with its reliability, resolution
      and uncertainty, log_loss: only for scores that are probabilities of an error, on the
      n_calibration rows with an answer and a score in [0, 1];
    - roc_auc_worst: AUC if every missing score were as misleading as possible;
    - roc_auc_common, n_common: on the rows that every estimator scored;
    - n_missing: rows left out for want of a score; n_unparsed: rows that got the worst score;
    - n_topics: topics averaged (macro rows only);
    - rows, replicates, seed: how the table was made.

    The resamples depend on seed, model, task and group only, not on the order of rows or on what
    else is in the table. Estimators that score the same rows share them. `evaluated` is what
    `evaluations(data, rows)` gives, where it is known already.
    """
    records: list[Record] = []
    for evaluation in evaluations(data, rows) if evaluated is None else evaluated:
        records += _evaluate(evaluation, replicates, seed, data.probabilities)
    frame = pd.DataFrame.from_records(records, columns=list(METRIC_COLUMNS))
    for column in (*_SUMMED, "n_topics"):
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
            low, high = percentile_interval(drawn[group][:, k])
            ends = {"topic": group, "roc_auc_low": low, "roc_auc_high": high}
            values = _group(evaluation, k, members, common[members])
            if is_probability(estimator, probabilities):
                values |= _calibration(evaluation, k, members)
            by_group[group] = base | values | ends
        topics = [name for name in evaluation.topics if not np.isnan(by_group[name]["roc_auc"])]
        macro = base | _macro(
            [by_group[name] for name in topics], [drawn[name][:, k] for name in topics]
        )
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


def _macro(topics: list[Record], drawn: list[FloatArray]) -> Record:
    """Unweighted mean over topics, with its interval from the topics' own replicates."""
    record: Record = {"topic": MACRO, "n_topics": len(topics)}
    for column in _SUMMED:
        record[column] = sum(topic[column] for topic in topics)
    for column in _AVERAGED:
        values = [topic[column] for topic in topics]
        record[column] = float(np.mean(values)) if values else float("nan")
    means = np.mean(drawn, axis=0) if drawn else np.full(0, np.nan)
    record["roc_auc_low"], record["roc_auc_high"] = percentile_interval(means)
    return record


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
