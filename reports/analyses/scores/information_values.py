"""Information value of scores, and their stability between topics, models and dates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...frames.limits import largest
from ...metrics.calibration_error import mass_bins
from ...statistics.intervals import Ends, enough, percentile_interval
from ...statistics.ranking import FloatArray
from ...statistics.shares_divergence import SharesDivergence, shares_divergence
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

BINS = 10
VALUE_COLUMNS = (
    *("model", "task", "topic", "estimator", "n", "n_errors", "bins", "information_value"),
    *("standard_error", "p", "chance", "information", "information_low", "information_high"),
)
REPLICATES = 300
STABILITY_COLUMNS = (
    *("task", "kind", "estimator", "first", "second", "n_first", "n_second", "index"),
    *("standard_error", "p", "chance", "reading"),
)
SHIFTS = ((0.25, "shifted"), (0.1, "moderate"))
"""Customary thresholds of the stability index."""


def binned(scores: FloatArray, parts: list[FloatArray]) -> list[FloatArray]:
    """Count the rows of each part (any length) in ten bins of equal mass of all `scores`."""
    whole = np.concatenate(parts) if parts else scores
    index = mass_bins(whole, BINS)
    counts, start = [], 0
    for part in parts:
        own = index[start : start + part.size]
        counts.append(np.bincount(own, minlength=BINS).astype(np.float64))
        start += part.size
    return counts


@benchmark_analysis(
    file="information_values",
    title="Information value of scores",
    meaning="Σ (g - b) ln(g / b) over ten bins of a score, with g and b the shares of right and "
    "wrong answers in a bin: 0 for a score that knows nothing, 0.1 to 0.3 medium, above strong. "
    "Unlike the ROC AUC it also counts a relation that is not monotone. I / H: share of the "
    "uncertainty about errors that the score explains, corrected for bias, with a bootstrap "
    "interval.",
    limits="Its expected value without any relation is shown as chance: a value near it says "
    "nothing, however large it looks in a small topic.",
    requires="ten errors and ten right answers with a score",
    source="Siddiqi 2006; delta method",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "topic", "estimator")),
        *(Shown("n", "n", "count"), Shown("errors", "n_errors", "count")),
        Shown("information value", "information_value"),
        Shown("standard error", "standard_error"),
        Shown("chance", "chance"),
        Shown("p", "p", "p"),
        Shown("I / H", "information", "percent"),
        Shown("95 % interval", "information_low", "interval", "information_high"),
    ),
)
def compute_information_values(study: Study) -> pd.DataFrame:
    """Compute information value and share of every estimator that is no control, by topic too."""
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        groups = {"all": np.arange(evaluation.errors.size), **evaluation.topics}
        for topic, members in groups.items():
            for k in study.columns(evaluation, without="is_control"):
                rows = members[~np.isnan(evaluation.scores[members, k])]
                errors, scores = evaluation.errors[rows], evaluation.scores[rows, k]
                if not enough(int(errors.sum()), errors.size):
                    continue
                right, wrong = binned(scores, [scores[~errors], scores[errors]])
                found = shares_divergence(right, wrong)
                counts = np.stack([right, wrong])
                low, high = information_interval(counts, study.seed)
                records.append(
                    {
                        **{"model": evaluation.model, "task": evaluation.task, "topic": topic},
                        **{"estimator": evaluation.estimators[k], "n": errors.size},
                        **{"n_errors": int(errors.sum()), "bins": found.bins},
                        **{"information_value": found.value, "standard_error": found.error},
                        **{"p": found.p, "chance": found.chance},
                        "information": float(information_shares(counts[None])[0]),
                        **{"information_low": low, "information_high": high},
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(VALUE_COLUMNS))


def information_shares(counts: FloatArray) -> FloatArray:
    """Compute I(bin; error) / H(error) for r tables of counts (r, 2, bins), bias-corrected.

    As the metric `information`: plug-in estimate less (non-empty bins - 1) / 2n, clipped at [0, 1];
    NaN where a class is empty.

    References:
        Miller 1955.
    """
    n = counts.sum(axis=(1, 2))
    joint = counts / n[:, None, None]
    classes, bins = joint.sum(axis=2), joint.sum(axis=1)
    expected = classes[:, :, None] * bins[:, None, :]
    filled = joint > 0
    ratio = np.where(filled, joint, 1.0) / np.where(filled, expected, 1.0)
    terms = joint * np.log(ratio)
    bias = ((bins > 0).sum(axis=1) - 1) / (2 * n)
    entropy = -np.where(classes > 0, classes * np.log(np.maximum(classes, 1e-300)), 0.0).sum(axis=1)
    share = (terms.sum(axis=(1, 2)) - bias) / np.where(entropy > 0, entropy, np.nan)
    return np.clip(share, 0.0, 1.0)


def information_interval(counts: FloatArray, seed: int) -> Ends:
    """Compute the 95 % interval of the share of information of a table of counts (2, bins).

    Resamples of the rows, as multinomial draws of the cells. A resample adds the bias of the
    estimate once more, which the reflection at the estimate takes out (basic bootstrap).
    """
    n = int(counts.sum())
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, counts.ravel() / n, size=REPLICATES).reshape(-1, *counts.shape)
    value = float(information_shares(counts[None])[0])
    low, high = percentile_interval(information_shares(drawn.astype(np.float64)))
    return max(2 * value - high, 0.0), min(2 * value - low, 1.0)


def stability_index(first: FloatArray, second: FloatArray) -> SharesDivergence:
    """Compute the population stability index of two samples of a score, in ten common bins.

    Args:
        first: (n,) scores without NaN.
        second: (m,) scores without NaN.

    Returns:
        The index with error and test; above 0.25 the score is customarily said to have shifted.
    """
    return shares_divergence(*binned(first, [first, second]))


def reading(found: SharesDivergence) -> str:
    """Say what an index means: "stable", "moderate", "shifted", or "within chance"."""
    if not found.p < 0.05:
        return "within chance"
    return next((word for limit, word in SHIFTS if found.value > limit), "stable")


@benchmark_analysis(
    file="stability",
    title="Stability of scores between topics and models",
    meaning="Population stability index of a score between a topic and the other topics, and "
    "between two models on one task: up to 0.1 stable, above 0.25 shifted. A threshold chosen on "
    "one side does not carry over to the other where the score has shifted.",
    limits="Two samples of few questions differ by chance (shown); an index below it, or with p "
    "above 0.05, says nothing. A shift is no fault of the score where error rates differ as much.",
    requires="scores in two topics or of two models",
    source="Siddiqi 2006; distribution under no shift: Yurdakul 2018",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "kind", "estimator", "first", "second")),
        Shown("index", "index"),
        Shown("standard error", "standard_error"),
        Shown("chance", "chance"),
        Shown("reading", "reading", "text"),
    ),
    shown=lambda frame: frame.sort_values("index", ascending=False, kind="stable").head(60),
)
def compute_stability(study: Study) -> pd.DataFrame:
    """Compute the stability index of every estimator that is no control.

    Kind "topic": `first` a topic of a model, `second` its other topics; kind "model": two models
    on the same task, at most those with the most questions. Unparsed answers, whose score is
    infinite, are left out.
    """
    records: list[dict[str, Any]] = []
    for task in study.tasks:
        for kind, name, first, second, a, b in _pairs(study, task):
            if min(a.size, b.size) < 2 * BINS:
                continue
            found = stability_index(a, b)
            records.append(
                {
                    **{"task": task, "kind": kind, "estimator": name},
                    **{"first": first, "second": second, "n_first": a.size, "n_second": b.size},
                    **{"index": found.value, "standard_error": found.error, "p": found.p},
                    **{"chance": found.chance, "reading": reading(found)},
                }
            )
    return pd.DataFrame.from_records(records, columns=list(STABILITY_COLUMNS))


Pair = tuple[str, str, str, str, FloatArray, FloatArray]


def _pairs(study: Study, task: str) -> Iterator[Pair]:
    own = study.on(task)
    for evaluation in own:
        for k in study.columns(evaluation, without="is_control"):
            name, values = evaluation.estimators[k], evaluation.raw[:, k]
            for topic, members in evaluation.topics.items():
                rest = np.ones(values.size, dtype=np.bool_)
                rest[members] = False
                label = f"{evaluation.model}, {topic}"
                yield (
                    "topic",
                    name,
                    label,
                    "other topics",
                    _known(values[members]),
                    _known(values[rest]),
                )
    for a, b in combinations(largest(own, lambda evaluation: evaluation.errors.size), 2):
        for k in study.columns(a, without="is_control"):
            name = a.estimators[k]
            if name in b.estimators:
                other = b.raw[:, b.estimators.index(name)]
                yield "model", name, a.model, b.model, _known(a.raw[:, k]), _known(other)


def _known(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]
