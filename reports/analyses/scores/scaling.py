"""Power laws of ROC AUC, entropy and accuracy in the number of parameters, and the Pareto front."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from ...frames.blocks import Shown
from ...statistics.ranking import FloatArray, roc_auc
from ..model_comparisons import best_column
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

SCALING_COLUMNS = (
    *("task", "quantity", "model", "parameters", "value", "fitted", "low", "high", "a", "b"),
    *("c", "models", "pareto"),
)
FEWEST = 4
REPLICATES = 200
_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*([bm])(?![a-z])", re.IGNORECASE)
Law = tuple[float, float, float]


def parameters_of(model: str, manifests: Sequence[Mapping[str, Any]] = ()) -> float:
    """Return the number of parameters from a manifest or a name ("Qwen2.5-3B"); NaN if unknown."""
    for manifest in manifests:
        about = manifest.get("model")
        names = {manifest.get("model_folder")}
        if isinstance(about, Mapping) and model in names and about.get("parameters"):
            return float(about["parameters"])
    match = _SIZE.search(model.replace("_", "-"))
    if match is None:
        return float("nan")
    return float(match[1]) * (1e9 if match[2].lower() == "b" else 1e6)


def power_law(parameters: FloatArray, values: FloatArray) -> Law:
    """Fit U = a (N / 10⁹)^-b + c by least squares, b in [-2, 2].

    For a given b the fit is linear in a and c, so that only b is searched.

    Args:
        parameters: (m,) numbers of parameters N.
        values: (m,) values U.

    Returns:
        a, b and c.
    """
    logs: FloatArray = np.log(np.asarray(parameters, np.float64) / 1e9)
    y: FloatArray = values - values.mean()

    def losses(b: FloatArray) -> FloatArray:
        """Return (k,) residual sums of squares of the linear fit for each exponent."""
        raw: FloatArray = np.exp(-np.outer(b, logs))
        x: FloatArray = raw - raw.mean(axis=1, keepdims=True)
        squares: FloatArray = (x**2).sum(axis=1)
        explained: FloatArray = np.where(
            squares > 1e-20, (x @ y) ** 2 / np.maximum(squares, 1e-20), 0.0
        )
        return float((y**2).sum()) - explained

    steps: list[float] = np.linspace(-2, 2, 81).tolist()
    tried: list[float] = losses(np.array(steps)).tolist()
    at = tried.index(min(tried))
    ends = steps[max(at - 1, 0)], steps[min(at + 1, len(steps) - 1)]
    found = minimize_scalar(
        lambda b: float(losses(np.array([b]))[0]),
        bounds=ends,
        method="bounded",
        options={"xatol": 1e-10},
    )
    b = float(found.x) if float(found.fun) <= tried[at] else steps[at]
    x: FloatArray = np.exp(-b * logs)
    spread = float(((x - x.mean()) ** 2).sum())
    a = float(((x - x.mean()) * y).sum()) / spread if spread > 1e-20 else 0.0
    return a, b, float(values.mean()) - a * float(x.mean())


def pareto_front(parameters: FloatArray, values: FloatArray) -> np.typing.NDArray[np.bool_]:
    """Flag the models (m,) that no model of at most their size equals or exceeds."""
    models: list[tuple[float, float]] = list(zip(parameters.tolist(), values.tolist(), strict=True))
    beaten = [
        any(n <= size and (u > value or (u == value and n < size)) for n, u in models)
        for size, value in models
    ]
    return ~np.array(beaten, dtype=np.bool_)


@benchmark_analysis(
    file="scaling",
    title="Scaling with the number of parameters",
    meaning="U = a N^-b + c (N in 10⁹ parameters) of the accuracy, of the best estimator's ROC AUC "
    "and of the mean entropy, with the 95 % bootstrap band over models; a model on the Pareto "
    "front is beaten by none of its size or smaller.",
    limits="Models of different families and training differ in more than size: with fewer than "
    "about six of one family the exponent means nothing, and the band shows it.",
    requires="four models of known, different size on one task",
    source="Kaplan et al. 2020, arXiv 2001.08361; arXiv 2506.21220",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "quantity", "model")),
        Shown("parameters", "parameters", "count"),
        Shown("value", "value"),
        Shown("fitted", "fitted"),
        Shown("95 % band", "low", "interval", "high"),
        Shown("exponent b", "b", "signed"),
        Shown("Pareto front", "pareto", "yes"),
    ),
)
def compute_scaling(study: Study) -> pd.DataFrame:
    """Fit a power law per task and quantity over the models of known size."""
    records: list[dict[str, Any]] = []
    for task in study.tasks:
        found: dict[str, list[tuple[str, float, float]]] = {}
        for evaluation in study.on(task):
            size = parameters_of(evaluation.model, study.data.manifests)
            if np.isnan(size):
                continue
            own = {"accuracy": float((~evaluation.errors).mean())}
            best = best_column(evaluation)
            if best is not None:
                known = ~np.isnan(evaluation.scores[:, best])
                own["ROC AUC of the best estimator"] = roc_auc(
                    evaluation.errors[known], evaluation.scores[known, best]
                )
            for k in study.columns(evaluation, "is_entropy"):
                values = evaluation.raw[:, k]
                if np.isfinite(values).any():
                    mean = float(values[np.isfinite(values)].mean())
                    own[f"mean {evaluation.estimators[k]}"] = mean
            for quantity, value in own.items():
                found.setdefault(quantity, []).append((evaluation.model, size, value))
        for quantity, rows in found.items():
            if len({size for _, size, _ in rows}) >= FEWEST:
                records += _records(task, quantity, rows, study.seed)
    return pd.DataFrame.from_records(records, columns=list(SCALING_COLUMNS))


def _records(
    task: str, quantity: str, rows: list[tuple[str, float, float]], seed: int
) -> list[dict[str, Any]]:
    sizes, values = (np.array([row[i] for row in rows], dtype=np.float64) for i in (1, 2))
    a, b, c = power_law(sizes, values)
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(REPLICATES):
        chosen = rng.integers(sizes.size, size=sizes.size)
        if len(set(sizes[chosen].tolist())) >= 3:
            law = power_law(sizes[chosen], values[chosen])
            drawn.append(law[0] * (sizes / 1e9) ** -law[1] + law[2])
    ends: FloatArray = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    fitted: FloatArray = a * (sizes / 1e9) ** -b + c
    front = pareto_front(sizes, values)
    return [
        {
            **{"task": task, "quantity": quantity, "model": name, "parameters": size},
            **{"value": value, "fitted": float(fitted[row])},
            **{"low": float(ends[0, row]), "high": float(ends[1, row]), "a": a, "b": b, "c": c},
            **{"models": len(rows), "pareto": bool(front[row])},
        }
        for row, (name, size, value) in enumerate(rows)
    ]
