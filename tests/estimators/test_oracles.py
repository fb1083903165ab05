"""Every estimator against an oracle written apart from it, to 1e-9."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from apprehend.estimators import builtin_estimators, evaluate, reasons
from estimator_cases import Case, cases
from estimator_learning_oracles import LEARNING_ORACLES
from estimator_oracles import ORACLES
from hypothesis import HealthCheck, given, settings

PARAMETERS: dict[str, tuple[dict[str, Any], ...]] = {
    "tsallis_entropy": (dict(q=2.0), dict(q=0.5), dict(q=1), dict(q=1.0001), dict(q=3.5)),
    "renyi_entropy": (
        dict(alpha=2.0),
        dict(alpha=0.5),
        dict(alpha=1),
        dict(alpha=1.01),
        dict(alpha=40.0),
    ),
    "truncated_entropy": (dict(k=10), dict(k=1), dict(k=4), dict(k=6)),
    "windowed_entropy": (
        dict(window=16),
        dict(window=1),
        dict(window=3),
        dict(window=3, aggregate="mean"),
    ),
    "high_entropy_share": (dict(tau=0.672), dict(tau=1.5)),
    "tail_confidence": (dict(window=64), dict(window=2)),
    "prefix_entropy": (dict(k=32), dict(k=2)),
    "entropy_production_rate": (dict(k=15), dict(k=3)),
    "vote_share": (dict(samples="direct"), dict(samples="cot")),
    "vote_entropy": (dict(samples="direct"), dict(samples="cot")),
    "vendi_score": (dict(samples="direct"), dict(samples="cot", kernel="words")),
    "verbalized_confidence": (dict(style="one_step"), dict(style="two_step"), dict(style="top_k")),
    "inv_entropy": (dict(kernel="letter"), dict(kernel="jsd")),
    "prompt_consistency": (dict(m=4), dict(m=2)),
    "prompt_mutual_information": (dict(m=4), dict(m=3)),
    "question_ablation": (dict(ablation="no_stem"), dict(ablation="shuffled_stem")),
    "masj_expected": (dict(questionnaire="reasoning_steps"), dict(questionnaire="complexity")),
    "committee_disagreement": (dict(form="share"), dict(form="jsd"), dict(members=("a",))),
    "random": (dict(seed=0), dict(seed=3)),
}
SPECS = [(name, parameters) for name in ORACLES for parameters in PARAMETERS.get(name, ({},))]


def test_every_builtin_estimator_has_an_oracle() -> None:
    assert sorted([*ORACLES, *LEARNING_ORACLES]) == sorted(builtin_estimators())
    learning = {name for name, cls in builtin_estimators().items() if cls().learns}
    assert learning == set(LEARNING_ORACLES)


@pytest.mark.parametrize(("name", "parameters"), SPECS, ids=str)
@given(case=cases)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_estimator_equals_its_oracle(name: str, parameters: dict[str, Any], case: Case) -> None:
    estimator = builtin_estimators()[name](**parameters)
    scores = evaluate(estimator, case.signals)
    why = reasons(estimator, case.signals, scores)
    for row, score in enumerate(scores.tolist()):
        expected = ORACLES[name](case, row, **parameters)
        if expected is None:
            assert math.isnan(score), (row, score)
            assert isinstance(why[row], str)
            assert why[row]
        else:
            assert why[row] is None
            np.testing.assert_allclose(score, expected, rtol=1e-9, atol=1e-9)
