"""Oracles of estimators that learn from states, ranks, committees: completes LEARNING_ORACLES."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from apprehend.estimators import Signals
from estimator_learning_oracles import LEARNING_ORACLES, logistic
from estimator_oracles import probabilities
from estimator_oracles_of_many import information
from scipy.spatial.distance import mahalanobis
from scipy.stats import entropy as scipy_entropy
from scipy.stats import percentileofscore
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score


def distances(train: Any, test: Any) -> Any:
    fitted = LedoitWolf().fit(train)
    inverse = np.linalg.inv(fitted.covariance_)
    return np.array([mahalanobis(row, train.mean(axis=0), inverse) ** 2 for row in test])


def mahalanobis_distance(train: Signals, correct: Any, test: Signals, form: str = "plain") -> Any:
    states, there = train.hidden_state.state, train.hidden_state.present
    other = test.hidden_state.state
    found = distances(states[there & correct], other)
    return found - distances(states[there], other) if form == "relative" else found


def votes(signals: Signals, row: int) -> list[int] | None:
    table = signals.samples["direct"].tables[""]
    if not table.present[row]:
        return None
    picked = [int(a) for a in table.answers[row][: table.count[row]]]
    return picked if len(picked) > 1 and max(picked) >= 0 else None


def semantic_entropy_probe(
    train: Signals, correct: Any, test: Signals, penalty: float = 100.0
) -> Any:
    rows, entropies = [], []
    for row in range(len(train)):
        picked = votes(train, row)
        if picked is not None and train.hidden_state.present[row]:
            rows.append(row)
            entropies.append(float(scipy_entropy(list(Counter(picked).values()))))
    h = np.array(entropies)
    splits = {
        round(sum(float(((g - g.mean()) ** 2).sum()) for g in (h[h <= t], h[h > t])), 12): t
        for t in sorted(set(entropies), reverse=True)[1:]
    }
    high = h > splits[min(splits)]
    return logistic(train.hidden_state.state[rows], high, test.hidden_state.state, penalty)


def divergences(signals: Signals, members: list[str]) -> list[float]:
    found = []
    for row in range(len(signals)):
        own = probabilities(signals.answer.option_logprobs[row])
        tables = [signals.committee.tables[name] for name in members]
        others = [probabilities(table.option_logprobs[row]) for table in tables]
        others = [p for p in others if p is not None]
        found.append(math.nan if own is None or not others else information([own, *others]))
    return found


def chosen_committee(train: Signals, correct: Any, test: Signals, size: int = 5) -> Any:
    chosen: list[str] = []
    best = 0.0
    while len(chosen) < size:
        areas = []
        for name in sorted(set(train.committee.tables) - set(chosen)):
            scores = np.nan_to_num(np.round(divergences(train, [*chosen, name]), 15))
            areas.append((roc_auc_score(~correct, scores), name))
        if not areas or max(areas)[0] <= best:
            break
        best = max(areas)[0]
        chosen.append(max(areas)[1])
    return np.array(divergences(test, chosen))


def parts(signals: Signals, style: str) -> list[list[float]]:
    disagreement, doubt = [], []
    report = signals.self_report[style].tables[""]
    for row in range(len(signals)):
        picked, answer = votes(signals, row), int(signals.answer.answer[row])
        known = picked is not None and answer >= 0
        share = 1 - picked.count(answer) / len(picked) if known and picked else math.nan
        disagreement.append(share)
        doubt.append(1 - float(report.value[row]))
    return [disagreement, doubt]


def consistency_with_confidence(
    train: Signals, correct: Any, test: Signals, style: str = "one_step"
) -> Any:
    seen = [[v for v in values if not math.isnan(v)] for values in parts(train, style)]
    scores = []
    for pair in zip(*parts(test, style), strict=True):
        ranks = [
            math.nan if math.isnan(v) else percentileofscore(s, v, kind="mean") / 100
            for v, s in zip(pair, seen, strict=True)
        ]
        scores.append(sum(ranks) / 2)
    return np.array(scores)


LEARNING_ORACLES |= {
    function.__name__: function
    for function in (
        mahalanobis_distance,
        semantic_entropy_probe,
        chosen_committee,
        consistency_with_confidence,
    )
}
