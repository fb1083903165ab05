"""Estimators against other packages, where these are installed; the slow references always run.

The packages need not work as a whole: only the modules named here are loaded, without the
``__init__`` files above them and so without most of what these would import. They are installed
by ``make test``, without what they depend on, in the versions of ``tests/oracles.txt``.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from apprehend.estimators import evaluate, load_estimator
from apprehend.estimators.checks.synthetic import synthetic_questions
from apprehend.estimators.core.prediction_sets import (
    calibration_scores,
    conformal_sets,
    conformal_threshold,
    nonconformity,
)
from apprehend.estimators.trace.entropy_production import rank_features
from estimator_cases import make_case
from estimator_oracles_of_many import jsd
from helpers import ROOT

PACKAGES = dict(
    line.replace("-", "_").split("==")
    for line in (ROOT / "tests" / "oracles.txt").read_text(encoding="utf-8").splitlines()
    if "==" in line
)
MADE = synthetic_questions(200, seed=11)
TRACE = MADE.signals.trace


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``load("package", "package.module", "stub", …)`` → the module; skips where not installed."""
    before = set(sys.modules)

    def module(package: str, name: str, *stubs: str) -> ModuleType:
        try:
            found = distribution(package).version
        except PackageNotFoundError:
            pytest.skip(f"{package} is not installed; `make test` does it")
        if found != PACKAGES[package]:
            pytest.skip(f"{package} is {found}, the oracle is {PACKAGES[package]}")
        for stub in stubs:
            monkeypatch.setitem(sys.modules, stub, MagicMock(name=stub))
        parts = name.split(".")
        folder = Path(str(distribution(package).locate_file(parts[0])))
        for depth in range(1, len(parts)):
            above = ".".join(parts[:depth])
            if above not in sys.modules:
                bare = ModuleType(above)
                bare.__path__ = [str(folder.joinpath(*parts[1:depth]))]
                monkeypatch.setitem(sys.modules, above, bare)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)

    yield module
    for name in set(sys.modules) - before:
        if name.split(".")[0] in {package.lower() for package in PACKAGES}:
            del sys.modules[name]


def steps() -> list[Any]:
    """The log-probabilities of the tokens of each trace, without padding."""
    return [row[~np.isnan(row)] for row in TRACE.token_logprobs]


def polygraph(load: Any, module: str) -> ModuleType:
    """A module of lm-polygraph's estimators, without the helpers that pull in the rest of it."""
    helpers = ("lm_polygraph.utils", "lm_polygraph.utils.common")
    found: ModuleType = load("lm_polygraph", f"lm_polygraph.estimators.{module}", *helpers)
    return found


def test_lm_polygraph_perplexity(load: Any) -> None:
    """Theirs is the mean negative log-likelihood: the logarithm of ours."""
    theirs = polygraph(load, "perplexity").Perplexity()
    expected = theirs({"greedy_log_likelihoods": steps()})
    ours = evaluate(load_estimator("perplexity"), MADE.signals)
    np.testing.assert_allclose(np.log(ours), expected, rtol=1e-9, atol=1e-12)


def test_lm_polygraph_mean_token_entropy(load: Any) -> None:
    theirs = polygraph(load, "token_entropy").MeanTokenEntropy()
    expected = theirs({"entropy": [row[~np.isnan(row)] for row in TRACE.token_entropies]})
    ours = evaluate(load_estimator("cot_mean_entropy"), MADE.signals)
    np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_lm_polygraph_self_certainty(load: Any) -> None:
    theirs = polygraph(load, "self_certainty").SelfCertainty()
    case = make_case(8)
    rows = [row for row, made in case.trace.items() if made]
    with np.errstate(divide="ignore"):
        logs = [[np.log(q) for q in case.trace[row]] for row in rows]
    ours = evaluate(load_estimator("self_certainty"), case.signals)[rows]
    np.testing.assert_allclose(ours, theirs({"greedy_log_probs": logs}), rtol=1e-9, atol=1e-12)


def test_lm_polygraph_semantic_entropy_and_label_probability(load: Any) -> None:
    """With one class per option; the label's probability is that of the most frequent answer."""
    answers = MADE.signals.samples["direct"].only.answers
    to_class, to_sample = {}, {}
    for row, picked in enumerate(answers.tolist()):
        classes = sorted(set(picked))
        to_class[row] = [classes.index(a) for a in picked]
        to_sample[row] = [[i for i, a in enumerate(picked) if a == c] for c in classes]
    stats = {
        "sample_texts": [[str(a) for a in row] for row in answers.tolist()],
        "semantic_classes_entail": {"sample_to_class": to_class, "class_to_sample": to_sample},
    }
    semantic = polygraph(load, "semantic_entropy")
    theirs = semantic.SemanticEntropy(class_probability_estimation="frequency")
    ours = evaluate(load_estimator("vote_entropy"), MADE.signals)
    np.testing.assert_allclose(ours, theirs(stats), rtol=1e-9, atol=1e-12)

    label = polygraph(load, "label_prob").LabelProb()
    top = np.array([max(set(row), key=row.count) for row in answers.tolist()])
    same = MADE.signals.answer.answer == top
    shares = evaluate(load_estimator("vote_share"), MADE.signals)
    np.testing.assert_allclose(shares[same], label(stats)[same], atol=1e-12)


def test_uqlm_sequence_probability_and_margin(load: Any) -> None:
    results = [
        [
            {"logprob": float(p), "top_logprobs": [{"logprob": float(v)} for v in top]}
            for p, top in zip(row, tops, strict=False)
        ]
        for row, tops in zip(steps(), TRACE.token_top_logprobs, strict=True)
    ]
    single = load("uqlm", "uqlm.white_box.single_logprobs").SingleLogprobsScorer()
    expected = single.evaluate(results)["sequence_probability"]
    ours = evaluate(load_estimator("perplexity"), MADE.signals)
    np.testing.assert_allclose(1 / ours, expected, rtol=1e-9)

    # One token per question, its candidates the options: their margin is ours.
    top = load("uqlm", "uqlm.white_box.top_logprobs").TopLogprobsScorer()
    with np.errstate(divide="ignore"):
        logs = np.log(MADE.signals.answer.option_probs)
    options = [
        [{"logprob": 0.0, "top_logprobs": [{"logprob": float(v)} for v in row[~np.isnan(row)]]}]
        for row in logs
    ]
    margins = [1 - top._probability_margin(one) for one in options]
    mine = evaluate(load_estimator("probability_margin"), MADE.signals)
    np.testing.assert_allclose(mine, margins, rtol=1e-9)
    # Negentropy over K candidates is 1 - H / ln K.
    full = np.flatnonzero(MADE.signals.option_count == 10)
    ten = load("uqlm", "uqlm.white_box.top_logprobs").TopLogprobsScorer(top_k_logprobs=10)
    negentropy = ten.evaluate([options[row] for row in full])["mean_token_negentropy"]
    normalized = evaluate(load_estimator("normalized_option_entropy"), MADE.signals)[full]
    np.testing.assert_allclose(normalized, 1 - np.array(negentropy), rtol=1e-9)


def test_artefactual_entropy_production(load: Any) -> None:
    pytest.importorskip("beartype", reason="artefactual needs beartype: pip install beartype")
    transformer = load(
        "artefactual", "artefactual.scoring.entropy_methods.entropy_transformer"
    ).EntropyTransformer
    tops = TRACE.token_top_logprobs
    ours = evaluate(load_estimator("entropy_production_rate"), MADE.signals)
    np.testing.assert_allclose(ours, transformer("epr").transform(tops.copy())[:, 0], rtol=1e-9)
    features = transformer("wepr").transform(tops.copy())
    np.testing.assert_allclose(rank_features(tops, 15), features, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kernel", ["letter", "jsd"])
def test_inventropy(load: Any, monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    stubs = ("sentence_transformers", "openai", "torch", "torch.nn", "torch.nn.functional")
    core = load("inventropy", "inventropy.core", *stubs, "transformers")
    table, count = MADE.signals.permuted_answers, MADE.signals.option_count
    ours = evaluate(load_estimator(f"inv_entropy(kernel='{kernel}')"), MADE.signals)
    p = table.option_probs
    for row in range(0, 200, 10):
        k = int(count[row])
        gap = np.abs(np.subtract.outer(np.arange(k), np.arange(k)))
        inputs = 1 - np.minimum(gap, k - gap) / k
        if kernel == "letter":
            outputs = np.equal.outer(table.answers[row, :k], table.answers[row, :k]).astype(float)
        else:
            outputs = np.array([[1 - jsd(a, b) for b in p[row, :k, :k]] for a in p[row, :k, :k]])
        similarity = iter([inputs, outputs])
        monkeypatch.setattr(
            core, "compute_embeddings_and_similarity", lambda *_, s=similarity: next(s)
        )
        expected, _, _ = core.compute_inv_entropy_single(["q"] * k, ["a"] * k)
        assert ours[row] == pytest.approx(expected, rel=1e-9)


def test_vendi_score(load: Any) -> None:
    vendi = load("vendi_score", "vendi_score.vendi")
    answers = MADE.signals.samples["direct"].only.answers
    ours = evaluate(load_estimator("vendi_score"), MADE.signals)
    for row in range(0, 200, 10):
        assert ours[row] == pytest.approx(vendi.score_dual(np.eye(10)[answers[row]]), rel=1e-9)


@pytest.mark.parametrize("rule", ["lac", "aps"])
def test_torchcp(load: Any, rule: str) -> None:
    torch = pytest.importorskip("torch")
    module = load("torchcp", f"torchcp.classification.score.{rule}")
    theirs = module.LAC() if rule == "lac" else module.APS(randomized=False)
    value = load("torchcp", "torchcp.utils.common").calculate_conformal_value
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(6, 0.5), 500)
    gold = np.array([rng.choice(6, p=row) for row in p])
    # A score is computed from logits; the logarithm of p gives p again.
    logits = torch.from_numpy(np.log(p))
    expected = theirs(logits).numpy()
    np.testing.assert_allclose(nonconformity(p, rule), expected, rtol=1e-8, atol=1e-9)
    calibration = theirs(logits[:250], torch.from_numpy(gold[:250]))
    threshold = conformal_threshold(calibration_scores(p[:250], gold[:250], rule), 0.1)
    assert threshold == pytest.approx(float(value(calibration, 0.1)), abs=1e-9)
    sets = expected[250:] <= float(value(calibration, 0.1)) + 1e-12
    sets[np.flatnonzero(~sets.any(axis=1)), p[250:].argmax(axis=1)[~sets.any(axis=1)]] = True
    np.testing.assert_array_equal(conformal_sets(p[250:], rule, threshold), sets)


def test_mapie_lac_scores(load: Any) -> None:
    score = load("MAPIE", "mapie.conformity_scores.sets.lac", "mapie.estimator.classifier")
    p = MADE.signals.answer.option_probs[MADE.signals.option_count == 10]
    gold = np.arange(len(p)) % 10
    theirs = score.LACConformityScore()
    expected = theirs.get_conformity_scores(gold, p, y_enc=gold)[:, 0]
    np.testing.assert_allclose(calibration_scores(p, gold, "lac"), expected, atol=1e-9)
