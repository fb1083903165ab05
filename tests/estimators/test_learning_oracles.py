"""Estimators that learn, against scikit-learn and slow references, to 1e-9."""

from __future__ import annotations

from functools import cache
from typing import Any

import estimator_consensus_oracles  # noqa: F401  (completes the table)
import estimator_oracles_of_insides  # noqa: F401  (completes the table)
import numpy as np
import pytest
from apprehend.estimators import Signals, builtin_estimators, evaluate
from apprehend.estimators.learning.cross_fitting import fit_fresh
from estimator_cases import CaseMaker
from estimator_oracles_of_states import LEARNING_ORACLES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PARAMETERS: dict[str, tuple[dict[str, Any], ...]] = {
    "weighted_epr": ({"k": 3, "penalty": 2.0}, {"k": 15, "penalty": 0.5}),
    "pride_debiased_probability": ({}, {"questions": 1}),
    "id_debiased_entropy": ({}, {"questions": 1}),
    "adaptive_tsallis_entropy": ({}, {"low": 0.2, "high": 3.0}, {"low": 1.0, "high": 1.0}),
    "correctness_aware": ({}, {"penalty": 4.0}),
    "platt": ({}, {"base": "option_entropy"}),
    "isotonic": ({}, {"base": "committee_disagreement"}),
    "stacked": ({}, {"bases": ("option_entropy", "vote_share"), "penalty": 3.0}),
    "mahalanobis_distance": ({}, {"form": "relative"}),
    "semantic_entropy_probe": ({}, {"penalty": 3.0}),
    "layer_path_probe": ({}, {"penalty": 3.0}),
    "perturbed_state_probe": ({}, {"penalty": 3.0}),
    "chosen_committee": ({}, {"size": 1}),
    "consistency_with_confidence": ({}, {"style": "two_step"}),
    "conformal_set_size": (
        {},
        {"rule": "aps", "alpha": 0.2},
        {"rule": "lac", "alpha": 0.3, "quantile": "higher"},
        {"alpha": 0.001},
    ),
}
SPECS = [(n, parameters) for n in LEARNING_ORACLES for parameters in PARAMETERS.get(n, ({},))]


@cache
def parts(seed: int) -> tuple[Signals, Any, Signals]:
    """Sixty questions to learn from, with outcomes of both classes, and ten to score."""
    signals = CaseMaker(seed, 70, missing=0.1).make().signals
    correct = np.random.default_rng(seed).random(60) < 0.6
    return signals.take(np.arange(60)), correct, signals.take(np.arange(60, 70)).blind()


@pytest.mark.parametrize(("name", "parameters"), SPECS, ids=str)
@given(seed=st.integers(0, 30))
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_learning_estimator_equals_its_oracle(
    name: str, parameters: dict[str, Any], seed: int
) -> None:
    train, correct, test = parts(seed)
    fitted = fit_fresh(builtin_estimators()[name](**parameters), train, correct)
    scores = evaluate(fitted, test)
    expected = LEARNING_ORACLES[name](train, correct, test, **parameters)
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9)
