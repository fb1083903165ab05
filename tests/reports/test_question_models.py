"""Rasch models, doubtful labels, effective numbers and shared structure, against oracles."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import ReportInput, Study, evaluations, roc_auc
from apprehend.reports.analyses.questions.effective_numbers import (
    answer_agreement,
    compute_effective_numbers,
    effective_number,
    error_agreement,
)
from apprehend.reports.analyses.questions.facets import compute_facets
from apprehend.reports.analyses.questions.shared_structure import compute_shared_structure
from apprehend.reports.analyses.questions.suspicious_labels import compute_suspicious_labels
from apprehend.reports.statistics.marginal_rasch import (
    marginal_rasch,
    outfit,
    standardized_outfit,
)
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm


def outcomes(models: int, questions: int, spread: float = 1.2, seed: int = 0):
    rng = np.random.default_rng(seed)
    ability = np.linspace(-1, 1.5, models)
    difficulty = spread * rng.normal(size=questions)
    chance = expit(difficulty[None] - ability[:, None])
    return (rng.random(chance.shape) < chance).astype(float), ability, difficulty


def study_of(errors, topics=None, answers=None, **more) -> Study:
    """Models m0, m1, … on task t with these errors (m, q), NaN = not asked."""
    models, questions = errors.shape
    frames = []
    for row in range(models):
        known = np.flatnonzero(~np.isnan(errors[row]))
        letters = np.array(["A", "B"])[errors[row, known].astype(int)]
        frames.append(
            pd.DataFrame(
                {
                    **{
                        "model": f"m{row}",
                        "task": "t",
                        "question_id": [f"q{i:05d}" for i in known],
                    },
                    "topic": (np.array(["law", "math"])[np.arange(questions) % 2])[known]
                    if topics is None
                    else topics[known],
                    **{"estimator": "s", "score": np.round(errors[row, known] + known % 7, 3)},
                    "answer": letters if answers is None else answers[row, known],
                    **{"correct": errors[row, known] < 0.5, "status": "parsed", "reason": None},
                }
            )
        )
    data = ReportInput(pd.concat(frames, ignore_index=True), **more)
    return Study(data, evaluations(data))


def log_likelihood(errors, ability, spread) -> float:
    """The marginal log-likelihood by adaptive quadrature, one question at a time."""
    total = 0.0
    for column in errors.T:
        known = ~np.isnan(column)

        def density(theta, column=column, known=known):
            p = expit(spread * theta - ability[known])
            y = column[known]
            return float(np.prod(p**y * (1 - p) ** (1 - y))) * norm.pdf(theta)

        total += np.log(quad(density, -12, 12, epsabs=1e-14, epsrel=1e-13)[0])
    return total


@pytest.mark.slow
def test_the_marginal_likelihood_and_its_maximum_are_exact():
    errors, _, _ = outcomes(5, 40)
    errors[0, :5] = np.nan
    fit = marginal_rasch(errors)
    value = log_likelihood(errors, fit.ability, fit.spread)
    assert fit.log_likelihood == pytest.approx(value, abs=1e-9)
    for k, step in itertools.product(range(6), (-1e-3, 1e-3)):
        ability, spread = fit.ability.copy(), fit.spread
        if k < 5:
            ability[k] += step
        else:
            spread += step
        assert log_likelihood(errors, ability, spread) < value


def test_abilities_equal_girths():
    girth = pytest.importorskip("girth")
    errors, _, _ = outcomes(8, 2000)
    fit = marginal_rasch(errors)
    options = {"quadrature_n": 81, "quadrature_bounds": (-7, 7), "max_iteration": 500}
    found = girth.onepl_mml(errors.astype(int), options=options)
    assert found["Discrimination"] == pytest.approx(fit.spread, abs=2e-3)
    np.testing.assert_allclose(
        found["Difficulty"] * found["Discrimination"], fit.ability, atol=3e-3
    )


def test_true_parameters_are_recovered():
    errors, ability, difficulty = outcomes(10, 4000)
    fit = marginal_rasch(errors)
    np.testing.assert_allclose(fit.ability, ability, atol=0.12)
    assert fit.spread == pytest.approx(1.2, abs=0.06)
    assert np.corrcoef(fit.difficulty, difficulty)[0, 1] > 0.8
    inside = np.abs(difficulty - fit.difficulty) < 1.96 * fit.error
    assert inside.mean() == pytest.approx(0.95, abs=0.02)


def test_extreme_outcomes_stay_finite():
    errors = np.array([[1.0, 1, 1, 1], [0, 0, 0, 0], [1, 0, np.nan, 1]])
    fit = marginal_rasch(errors)
    assert np.isfinite([*fit.ability, *fit.difficulty, fit.spread]).all()


def test_outfit_is_its_definition_and_standard_normal_under_the_model():
    errors, _, difficulty = outcomes(40, 3000)
    ability = np.linspace(-1, 1.5, 40)
    chance = expit(difficulty[None] - ability[:, None])
    fit = outfit(errors, chance)
    for question in (0, 17):
        squared = [
            (y - p) ** 2 / (p * (1 - p))
            for y, p in zip(errors[:, question], chance[:, question], strict=True)
        ]
        assert fit[question] == pytest.approx(sum(squared) / 40, abs=1e-9)
    assert fit.mean() == pytest.approx(1, abs=0.02)
    deviates = standardized_outfit(fit, errors, chance)
    assert abs(deviates.mean()) < 0.2
    assert deviates.std() == pytest.approx(1, abs=0.15)
    assert np.isnan(outfit(np.full((3, 1), np.nan), np.full((3, 1), 0.5))).all()


def test_planted_wrong_labels_stand_out():
    errors, _, _ = outcomes(12, 1200, seed=3)
    planted = np.arange(1200) % 40 == 0
    # The right answer B is stored as A: whoever knows it is counted as wrong.
    right = errors < 0.5
    errors = np.where(planted, right, ~right).astype(float)
    answers = np.where(errors > 0.5, "B", "A").astype(object)
    study = study_of(errors, answers=answers)
    frame = compute_suspicious_labels(study)
    assert roc_auc(planted, frame["outfit"]) > 0.75
    suspicious = frame["suspicious"].to_numpy(bool)
    assert planted[suspicious].mean() > 5 * planted.mean()
    assert (frame.loc[suspicious, "common_answer"] == "B").all()
    assert compute_suspicious_labels(study_of(errors[:2])).empty


def test_facets_with_and_without_judges():
    errors, ability, difficulty = outcomes(6, 800)
    ids = [f"q{i:05d}" for i in range(800)]
    judgements = pd.DataFrame({"task": "t", "question_id": ids, "questionnaire": "complexity"})
    mild = judgements.assign(judge="mild", value=expit(difficulty - 1))
    severe = judgements.assign(judge="severe", value=expit(difficulty + 1))
    both = pd.concat([mild, severe]).assign(label=None, rating=9.0)
    frame = compute_facets(study_of(errors, judgements=both)).set_index("name")
    gap = frame.loc["severe, complexity", "logits"] - frame.loc["mild, complexity", "logits"]
    assert gap == pytest.approx(2, abs=0.3)
    assert frame.loc["mild, complexity", "correlation"] > 0.7
    models = frame[frame["facet"] == "model"]
    np.testing.assert_allclose(models["without_judges"], ability, atol=0.3)
    alone = compute_facets(study_of(errors))
    np.testing.assert_array_equal(alone["logits"], alone["without_judges"])
    assert compute_facets(study_of(errors[:2])).empty


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the package's imports
@pytest.mark.parametrize("order", [1.0, 1.5, 2.0])
def test_effective_number_is_vendis(order):
    vendi = pytest.importorskip("vendi_score.vendi", exc_type=ImportError)
    rng = np.random.default_rng(0)
    errors = (rng.random((5, 30)) < 0.4).astype(float)
    kernel = (errors[:, :, None] == errors[:, None, :]).mean(axis=0)
    expected = vendi.score_K(kernel, q=order)
    assert effective_number(error_agreement(errors), order) == pytest.approx(expected, abs=1e-9)
    wide = error_agreement(errors.T)  # more rows than columns
    expected = vendi.score_K((errors.T[:, :, None] == errors.T[:, None, :]).mean(axis=0), q=order)
    assert effective_number(wide, order) == pytest.approx(expected, abs=1e-9)


def test_effective_number_of_equal_and_of_unrelated_models():
    same = np.array([["A", "B", None]] * 4, dtype=object)
    # A missing answer equals no other one: K is 2/3 off the diagonal.
    eigenvalues = np.array([1 + 3 * 2 / 3, *[1 / 3] * 3]) / 4
    expected = np.exp(-(eigenvalues * np.log(eigenvalues)).sum())
    assert effective_number(answer_agreement(same)) == pytest.approx(expected, abs=1e-9)
    different = np.array([["A"], ["B"], ["C"]], dtype=object)
    assert effective_number(answer_agreement(different)) == pytest.approx(3, abs=1e-9)
    assert effective_number(error_agreement(np.ones((3, 7)))) == pytest.approx(1, abs=1e-9)


def test_effective_numbers_by_topic():
    rng = np.random.default_rng(1)
    errors = (rng.random((4, 60)) < 0.5).astype(float)
    errors[:, 1::2] = errors[0, 1::2]  # math: all models alike
    frame = compute_effective_numbers(study_of(errors)).set_index("topic")
    assert frame.loc["math", "effective"] == pytest.approx(2, abs=0.1)  # all fail or none
    assert frame.loc["law", "effective"] > frame.loc["math", "effective"] + 0.5
    assert frame.loc["law", "n"] == 30


@pytest.mark.slow
def test_structure_beyond_difficulty_is_found_only_where_there_is_one():
    errors, _, _ = outcomes(8, 1500)
    none = compute_shared_structure(study_of(errors))
    assert none.loc[none["chosen"], "rank"].item() == 0
    rng = np.random.default_rng(5)
    hard = np.arange(1500) % 2 == 0
    fails = np.where(hard[None] == (np.arange(8) < 4)[:, None], 0.85, 0.15)
    split = (rng.random(fails.shape) < fails).astype(float)
    some = compute_shared_structure(study_of(split))
    assert some.loc[some["chosen"], "rank"].item() >= 1
    assert compute_shared_structure(study_of(errors[:3])).empty
