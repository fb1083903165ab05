"""Temperature sensitivity of the uncertainty of sampled answers (TSU)."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...metrics.evaluation import Evaluation
from ...statistics.intervals import exact_share
from ...statistics.ranking import FloatArray
from ..questions.regimes import identities
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study, rows_of

TSU_COLUMNS = (
    *("task", "estimator", "temperatures", "comparison", "n", "share", "low", "high", "ties"),
    *("chance", "refused"),
)
REFUSED = "monotone in the temperature by construction"


def temperature_sensitivity(scores: FloatArray) -> tuple[float, float, int]:
    """Compute the share of the questions whose score rises strictly along all temperatures.

    Args:
        scores: (n, t) scores at t ascending temperatures; rows with NaN are left out.

    Returns:
        The share (chance is 1/t! without ties), the share with any tie, and the number of rows.

    References:
        Inv-Entropy, arXiv 2506.09684.
    """
    known = scores[~np.isnan(scores).any(axis=1)]
    if not len(known) or scores.shape[1] < 2:
        return float("nan"), float("nan"), len(known)
    steps = np.diff(known, axis=1)
    tied = np.array([len(set(row)) < len(row) for row in known.tolist()])
    return float((steps > 0).all(axis=1).mean()), float(tied.mean()), len(known)


@benchmark_analysis(
    file="temperature_sensitivity",
    title="Temperature sensitivity (TSU)",
    meaning="Share of the questions whose uncertainty rises with the sampling temperature, along "
    "all temperatures (chance 1/t!) and for each pair of neighbors (chance 1/2): what an estimator "
    "from samples should do.",
    limits="Refused for scores that do not depend on samples: the entropy of a softmax rises with "
    "its temperature by construction, and at one temperature of the model nothing changes. Few "
    "samples tie often, and a tie is no rise.",
    requires="runs of one model on one task with samples at two temperatures",
    source="arXiv 2506.09684",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "estimator", "temperatures")),
        Shown("comparison", "comparison", "text"),
        Shown("n", "n", "count"),
        Shown("rises", "share", "percent"),
        Shown("95 % interval", "low", "interval", "high"),
        Shown("ties", "ties", "percent"),
        Shown("chance", "chance", "percent"),
        Shown("refused", "refused", "text"),
    ),
)
def compute_temperature_sensitivity(study: Study) -> pd.DataFrame:
    """Compare the scores of runs of one model that differ in the temperature of their samples.

    Runs belong together if their manifests name the same model. An estimator takes part if it
    declares that it depends on samples; entropies of a softmax are listed as refused.
    """
    names = identities(study)
    heat = {
        (str(model), str(task)): float(part["temperature"].median())
        for (model, task), part in study.data.samples.groupby(["model", "task"], sort=False)
    }
    groups: dict[tuple[str, str], list[tuple[float, Evaluation]]] = {}
    for evaluation in study.evaluated:
        at = (evaluation.model, evaluation.task)
        if at in heat and at in names:
            key = (evaluation.task, names[at])
            groups.setdefault(key, []).append((heat[at], evaluation))
    records: list[dict[str, Any]] = []
    for (task, _), runs in groups.items():
        distinct = dict(sorted(dict(reversed(runs)).items()))
        if len(distinct) >= 2:
            records += _records(study, task, distinct)
    return pd.DataFrame.from_records(records, columns=list(TSU_COLUMNS))


def _records(study: Study, task: str, runs: dict[float, Evaluation]) -> list[dict[str, Any]]:
    first, *others = runs.values()
    texts = [f"{temperature:g}" for temperature in runs]
    records: list[dict[str, Any]] = []
    for k, name in enumerate(first.estimators):
        if not all(name in other.estimators for other in others):
            continue
        base = {"task": task, "estimator": name, "temperatures": " < ".join(texts)}
        if study.has("is_entropy", name):
            records.append({**base, "comparison": "all", "n": 0, "refused": REFUSED})
        if not study.has("is_sampled", name):
            continue
        columns = [first.raw[:, k]]
        for other in others:
            at = rows_of(other, first.question_ids)
            own = other.raw[:, other.estimators.index(name)]
            columns.append(np.where(at >= 0, own[np.maximum(at, 0)], np.nan))
        scores = np.stack(columns, axis=1)
        parts = [("all", scores, 1 / factorial(len(texts)))]
        if len(texts) > 2:
            parts += [
                (f"{texts[i]} < {texts[i + 1]}", scores[:, i : i + 2], 0.5)
                for i in range(len(texts) - 1)
            ]
        for what, block, chance in parts:
            share, ties, n = temperature_sensitivity(block)
            low, high = exact_share(round(share * n), n) if n else (float("nan"),) * 2
            found = {"comparison": what, "n": n, "share": share, "ties": ties, "chance": chance}
            records.append({**base, **found, "low": low, "high": high})
    return records
