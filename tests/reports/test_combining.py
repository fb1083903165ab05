"""Scores stacked together: values against scikit-learn, and what a wrong choice would break."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from apprehend.reports import Evaluation, ReportInput, combine, evaluations
from apprehend.reports.analyses.rules.combining import FOLDS, folds_of, out_of_fold, quantiles
from helpers import in_process
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.preprocessing import QuantileTransformer

N = 1500


def made(columns: dict[str, np.ndarray], errors: np.ndarray) -> Evaluation:
    frames = []
    for name, scores in columns.items():
        ids = 10_000 + np.arange(len(errors))  # as many digits, since questions are sorted as text
        frame = pd.DataFrame({"model": "m", "task": "t", "question_id": ids})
        frame["topic"] = np.array(["law", "math", "physics"])[np.arange(len(errors)) % 3]
        frame = frame.assign(estimator=name, score=scores, answer="A", correct=~errors)
        frames.append(frame.assign(status="parsed", reason=None))
    return evaluations(ReportInput(pd.concat(frames)))[0]


def two_causes(seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Errors by two independent causes, a score of each, their copies, and noise."""
    rng = np.random.default_rng(seed)
    one, two, noise = rng.normal(size=(3, N))
    errors = rng.random(N) < 1 / (1 + np.exp(-1.2 * one - 1.0 * two))
    return {"noise": noise, "one": one, "copy_of_one": 3 * one + 7, "two": two}, errors


def test_the_two_causes_are_found_and_gain() -> None:
    columns, errors = two_causes()
    found = combine(made(columns, errors), {})
    assert found is not None
    assert set(found.estimators) == {"one", "two"}
    assert found.gain == pytest.approx(found.value - found.single, abs=1e-12)
    assert found.gain_low > 0.02
    assert found.gain_low < found.gain < found.gain_high
    assert (found.n, found.n_errors) == (N, errors.sum())
    assert found.topics == ["law", "math", "physics"]


def test_a_copy_gains_nothing() -> None:
    columns, errors = two_causes()
    some = {name: columns[name] for name in ("one", "copy_of_one")}
    found = combine(made(some, errors), {})
    assert found is not None
    assert abs(found.gain) < 1e-3
    some = {name: columns[name] for name in ("noise",)} | {
        f"noise_{k}": np.random.default_rng(k).normal(size=N) for k in range(1, 6)
    }
    # A choice on the test part would seem to gain among noise; out of fold it does not.
    found = combine(made(some, errors), {})
    assert found is not None
    assert found.gain_low < 0 < found.gain_high
    assert 0.45 < found.value < 0.55


def test_named_scores_equal_scikit_learn() -> None:
    columns, errors = two_causes(1)
    found = combine(made(columns, errors), {}, named=["two", "noise"], seed=3)
    assert found is not None
    assert set(found.estimators) == {"two", "noise"}
    features = np.stack([columns["noise"], columns["two"]], axis=1)
    ranks = np.argsort(np.argsort(features, axis=0), axis=0)
    fold = np.empty(N, dtype=int)
    for number, (_, test) in enumerate(folds_of(errors, FOLDS, 3)):
        fold[test] = number
    predicted = cross_val_predict(
        LogisticRegression(solver="newton-cholesky"), norm.ppf((ranks + 0.5) / N), errors,
        cv=PredefinedSplit(fold), method="predict_proba",
    )[:, 1]  # fmt: skip
    topics = np.arange(N) % 3
    areas = [roc_auc_score(errors[topics == t], predicted[topics == t]) for t in range(3)]
    assert found.value == pytest.approx(np.mean(areas), abs=1e-9)
    single, _ = out_of_fold(norm.ppf((ranks + 0.5) / N)[:, 1:], errors, 1, [0], 3)
    assert np.corrcoef(single, columns["two"])[0, 1] > 0.9


def test_quantiles_take_ties_and_infinities() -> None:
    scores = np.array([[1.0], [np.inf], [1.0], [-np.inf]])
    ours = quantiles(scores)[:, 0]
    assert ours == pytest.approx(norm.ppf([0.5, 0.875, 0.5, 0.125]))
    rng = np.random.default_rng(0)
    many = rng.normal(size=(500, 1))
    theirs = QuantileTransformer(n_quantiles=500, output_distribution="normal").fit_transform(many)
    assert np.corrcoef(quantiles(many)[:, 0], theirs[:, 0])[0, 1] > 0.99


def test_the_budget_and_controls_hold() -> None:
    columns, errors = two_causes()
    costs = {"one": "x", "copy_of_one": "x", "two": "c", "noise": "m"}
    found = combine(made(columns, errors), costs, "m")
    assert found is not None
    assert sorted(found.estimators) == ["noise", "two"]
    assert sorted(found.costs) == ["c", "m"]
    assert combine(made(columns, errors), costs, "c") is None
    assert combine(made(columns, errors), {}, without=["one", "copy_of_one", "two"]) is None
    few = np.zeros(N, dtype=bool)
    few[:10] = True
    assert combine(made(columns, few), {}) is None


def test_the_command_says_what_two_scores_gain(tmp_path: Path) -> None:
    columns, errors = two_causes()
    frame = pd.DataFrame({"id": np.arange(N), "gold": "A", "answer": np.where(errors, "B", "A")})
    frame["topic"] = np.array(["law", "math", "physics"])[np.arange(N) % 3]
    frame.assign(**columns).to_csv(tmp_path / "m.csv", index=False)
    scores = [word for name in columns for word in ("--score", f"{name}={name}")]
    done = in_process(
        ["import", "table", "m.csv", "--model", "m", "--id", "id", "--topic", "topic", "--answer",
         "gold", "--prediction", "answer", *scores, "--output_path", "r"],
        tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = in_process(["recommend", "r"], tmp_path)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "Together, " in said
    assert "out of fold" in said
    assert ": worth it." in said
    named = in_process(["recommend", "r", "--together", "one,copy_of_one"], tmp_path)
    assert "no gain that these questions establish" in " ".join(named.stdout.split())
    none = in_process(["recommend", "r", "--together", "0"], tmp_path)
    assert "Together" not in none.stdout
    for text, words in {
        "1": "expected 0, 2 to 6",
        "one": "two or more different names",
        "one,one": "two or more different names",
        "one,tow": "no scores by 'tow'",
    }.items():
        wrong = in_process(["recommend", "r", "--together", text], tmp_path)
        assert wrong.returncode == 2
        assert words in wrong.stderr
