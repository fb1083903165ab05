"""Oracles of estimators that read a model's inside: completes ORACLES and LEARNING_ORACLES."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from apprehend.estimators import Signal, Signals
from apprehend.estimators.signals.batch import LayerAnswersTable, PerturbedStateTable
from estimator_cases import Case
from estimator_learning_oracles import LEARNING_ORACLES, logistic
from estimator_oracles import known, oracle, probabilities
from scipy.integrate import trapezoid
from scipy.spatial.distance import jensenshannon
from scipy.special import digamma
from scipy.stats import entropy as scipy_entropy


@oracle("layer_disagreement")
def layer_disagreement(case: Case, row: int, measure: str = "option") -> float | None:
    table = case.signals.tables[Signal.LAYER_ANSWERS]
    layers = [p for p in map(probabilities, table.option_logprobs[row]) if p is not None]
    upper = layers[len(layers) // 2 : -1]
    if not upper:
        return None
    if measure == "entropy":
        return float(np.mean([scipy_entropy(p) for p in upper]))
    leading = [{i for i, v in enumerate(p) if v == max(p)} for p in [*upper, layers[-1]]]
    return sum(not (own & leading[-1]) for own in leading[:-1]) / len(upper)


@oracle("logtoku")
def logtoku(case: Case, row: int, measure: str = "product", k: int = 10) -> float | None:
    table = case.signals.answer
    top = known(table.top_logprobs[row])[:k]
    if len(top) < k or math.isnan(table.log_normalizer[row]):
        return None
    alpha = [max(0.0, z + float(table.log_normalizer[row])) for z in top]
    total = sum(alpha)
    epistemic = k / sum(a + 1 for a in alpha)
    if measure == "epistemic":
        return epistemic
    if total == 0:
        return None
    aleatoric = -sum(a / total * (digamma(a + 1) - digamma(total + 1)) for a in alpha)
    return float(aleatoric * (epistemic if measure == "product" else 1.0))


@oracle("eigen_score")
def eigen_score(case: Case, row: int, alpha: float = 0.001) -> float | None:
    table = case.signals.samples["direct"].tables[""]
    states = case.signals.tables[Signal.OPTION_STATES]
    if not table.present[row] or np.isnan(states.covariance[row]).all():
        return None
    picked = [int(a) for a in table.answers[row][: table.count[row]] if a >= 0]
    if len(picked) < 2 or max(picked) >= case.signals.option_count[row]:
        return None
    sigma = [[float(states.covariance[row][i][j]) for j in picked] for i in picked]
    spread = np.linalg.svd(np.array(sigma) + alpha * np.eye(len(picked)), compute_uv=False)
    return float(np.mean(np.log(spread)))


def shannon(p: Any, q: Any) -> float:
    return float(jensenshannon(p, q) ** 2)


def path(signals: Signals, row: int) -> list[float] | None:
    table = signals.table(LayerAnswersTable)
    layers = [p for p in map(probabilities, table.option_logprobs[row]) if p is not None]
    if not layers:
        return None
    lengths = [float(v) for v in table.update_norms[row]]
    return [
        *(max(p) for p in layers),
        *(float(scipy_entropy(p)) for p in layers),
        *(shannon(p, layers[max(0, i - 1)]) for i, p in enumerate(layers)),
        *(shannon(p, layers[-1]) for p in layers),
        *(v / sum(lengths) for v in lengths),
        *table.turns[row],
        *table.supports[row],
        *table.arrivals[row],
    ]


def pushed(signals: Signals, row: int) -> list[float] | None:
    table = signals.table(PerturbedStateTable)
    steps = [p for p in map(probabilities, table.option_logprobs[row]) if p is not None]
    if not steps:
        return None
    answer = int(np.argmax(steps[0]))
    own = [float(p[answer]) for p in steps]
    loss = [50.0 if v == 0 else max(-50.0, min(50.0, math.log(own[0] / v))) for v in own]
    radii = [float(r) for r in table.radii[row]]
    flipped = [r for r, p in zip(radii, steps, strict=True) if int(np.argmax(p)) != answer]
    nats = [float(scipy_entropy(p)) for p in steps]
    values = (table.entropies[row], table.divergences[row], table.margins[row], table.cosines[row])
    return [
        *(own[0], nats[0], float(values[0][0]), float(values[2][0])),
        *(own[0] - v for v in own[1:]),
        *loss[1:],
        *nats[1:],
        *(float(v) for column in values for v in column[1:]),
        *(float(table.gradient_norm[row]), float(table.state_norm[row])),
        flipped[0] if flipped else radii[-1],
        float(trapezoid([max(0.0, v) for v in loss], radii)) / radii[-1],
    ]


def fitted(features: Any, train: Signals, correct: Any, test: Signals, penalty: float) -> Any:
    made = [[features(part, row) for row in range(len(part))] for part in (train, test)]
    width = max(len(row) for row in made[0] if row is not None)
    empty = [math.nan] * width
    learned, asked = ([empty if row is None else row for row in rows] for rows in made)
    return logistic(learned, ~correct, asked, penalty)


def layer_path_probe(train: Signals, correct: Any, test: Signals, penalty: float = 10.0) -> Any:
    return fitted(path, train, correct, test, penalty)


def perturbed_state_probe(
    train: Signals, correct: Any, test: Signals, penalty: float = 10.0
) -> Any:
    return fitted(pushed, train, correct, test, penalty)


LEARNING_ORACLES |= {
    function.__name__: function for function in (layer_path_probe, perturbed_state_probe)
}
