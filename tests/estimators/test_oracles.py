"""Every estimator against an oracle written apart from it, to 1e-9."""

from __future__ import annotations

import math
from typing import Any

import estimator_consensus_oracles  # noqa: F401  (completes both tables)
import estimator_oracles_of_insides  # noqa: F401  (completes both tables)
import estimator_oracles_of_options  # noqa: F401  (completes the first)
import numpy as np
import pytest
from apprehend.estimators import builtin_estimators, evaluate, reasons
from estimator_cases import Case, cases
from estimator_oracles_of_states import LEARNING_ORACLES
from estimator_oracles_of_texts import FREQUENCIES_FILE, ORACLES
from hypothesis import HealthCheck, given, settings

PARAMETERS: dict[str, tuple[dict[str, Any], ...]] = {
    "tsallis_entropy": ({"q": 2.0}, {"q": 0.5}, {"q": 1}, {"q": 1.0001}, {"q": 3.5}),
    "renyi_entropy": (
        {"alpha": 2.0},
        {"alpha": 0.5},
        {"alpha": 1},
        {"alpha": 1.01},
        {"alpha": 40.0},
    ),
    "truncated_entropy": ({"k": 10}, {"k": 1}, {"k": 4}, {"k": 6}),
    "windowed_entropy": (
        {"window": 16},
        {"window": 1},
        {"window": 3},
        {"window": 3, "aggregate": "mean"},
    ),
    "high_entropy_share": ({"tau": 0.672}, {"tau": 1.5}),
    "tail_confidence": ({"window": 64}, {"window": 2}),
    "prefix_entropy": ({"k": 32}, {"k": 2}),
    "entropy_production_rate": ({"k": 15}, {"k": 3}),
    "vote_share": ({"samples": "direct"}, {"samples": "cot"}),
    "vote_entropy": ({"samples": "direct"}, {"samples": "cot"}),
    "vendi_score": ({"samples": "direct"}, {"samples": "cot", "kernel": "words"}),
    "p_true": ({}, {"candidates": 1}, {"candidates": 5}, {"candidates": 10}),
    "verbalized_confidence": (
        {"style": "one_step"},
        {"style": "two_step"},
        {"style": "top_k"},
        {"scale": "0-10"},
        {"scale": "0-10", "read": "expected"},
    ),
    "verbalized_distribution": ({}, {"measure": "entropy"}),
    "inv_entropy": ({"kernel": "letter"}, {"kernel": "jsd"}),
    "majority_margin": ({"over": "orders"}, {"over": "prompts"}),
    "consensus_cross_entropy": ({"over": "orders"}, {"over": "prompts"}),
    "prompt_consistency": ({"m": 4}, {"m": 2}),
    "prompt_mutual_information": ({"m": 4}, {"m": 3}),
    "question_ablation": ({"ablation": "no_stem"}, {"ablation": "shuffled_stem"}),
    "masj_expected": ({"questionnaire": "reasoning_steps"}, {"questionnaire": "complexity"}),
    "committee_disagreement": ({"form": "share"}, {"form": "jsd"}, {"members": ("a",)}),
    "committee_surprise": ({}, {"members": ("a",)}),
    "trace_profile": ({"measure": "slope"}, {"measure": "linearity"}),
    "hedge_words": ({}, {"language": "de"}, {"language": "zh"}),
    "reflection_count": ({}, {"language": "en"}),
    "eigen_score": ({}, {"alpha": 0.5}),
    "layer_disagreement": ({}, {"measure": "entropy"}),
    "logtoku": (
        {},
        {"k": 4},
        {"k": 4, "measure": "aleatoric"},
        {"k": 6, "measure": "epistemic"},
    ),
    "trajectory_violations": ({}, {"measure": "share"}),
    "min_k_probability": ({}, {"k": 1.0}, {"k": 0.05}),
    "corpus_divergence": (
        {},
        {"frequencies": FREQUENCIES_FILE},
        {"frequencies": FREQUENCIES_FILE, "a": 0.5},
    ),
    "random": ({"seed": 0}, {"seed": 3}),
}
SPECS = [(name, parameters) for name in ORACLES for parameters in PARAMETERS.get(name, ({},))]


def test_every_builtin_estimator_has_an_oracle() -> None:
    assert sorted([*ORACLES, *LEARNING_ORACLES]) == sorted(builtin_estimators())
    learning = {name for name, cls in builtin_estimators().items() if cls().learns}
    assert learning == set(LEARNING_ORACLES)


@pytest.mark.parametrize(("name", "parameters"), SPECS, ids=str)
@given(case=cases)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
