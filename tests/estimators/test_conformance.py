"""The conformance suite: every built-in estimator passes, and each check catches what it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from apprehend.estimators import Estimator, Signal, Signals, builtin_estimators, load_estimator
from apprehend.estimators.checks.conformance import check_estimator
from apprehend.estimators.checks.conformance_checks import CHECKS
from apprehend.estimators.checks.synthetic import synthetic_questions
from apprehend.estimators.signals.batch import TABLES

FREQUENCIES = str(Path(__file__).with_name("frequencies.json"))
VARIANTS = (
    "vote_share(samples='cot')",
    "vendi_score(samples='cot',kernel='words')",
    "verbalized_confidence(style='top_k')",
    "verbalized_confidence(scale='0-10')",
    "verbalized_confidence(scale='0-10',read='expected')",
    "p_true(candidates=5)",
    "verbalized_distribution(measure='entropy')",
    "inv_entropy(kernel='jsd')",
    "committee_disagreement(form='jsd')",
    "conformal_set_size(rule='aps')",
    "platt(base='stacked')",
    f"corpus_divergence(frequencies={FREQUENCIES!r},a=0.5)",
)


@pytest.mark.parametrize("spec", [*builtin_estimators(), *VARIANTS])
def test_builtin_estimators_conform(spec: str) -> None:
    outcomes = check_estimator(load_estimator(spec))
    assert [o.check for o in outcomes] == list(CHECKS)
    assert [o for o in outcomes if o.status == "failed"] == []
    assert all(o.reason for o in outcomes if o.status == "skipped")


def test_synthetic_questions_hold_every_signal() -> None:
    made = synthetic_questions(20)
    assert set(made.signals.tables) == set(TABLES)
    again = synthetic_questions(20)
    np.testing.assert_array_equal(
        made.signals.answer.option_logprobs, again.signals.answer.option_logprobs
    )


class _Margin(Estimator):
    """A right estimator; the wrong ones below differ from it in one thing."""

    name = "margin"
    needs = frozenset({Signal.ANSWER})

    def score(self, signals: Signals) -> Any:
        p = np.sort(np.nan_to_num(signals.answer.option_probs), axis=1)
        unseen = ~signals.answer.present
        return np.where(unseen, np.nan, 1 - p[:, -1] + p[:, -2])


class _Flipped(_Margin):
    """Confidence, not uncertainty."""

    def score(self, signals: Signals) -> Any:
        return -super().score(signals)


class _Filled(_Margin):
    """A missing score taken as the most confident one."""

    def score(self, signals: Signals) -> Any:
        return np.nan_to_num(super().score(signals), nan=0.0)


class _Standardized(_Margin):
    """Depends on its batch."""

    def score(self, signals: Signals) -> Any:
        raw = super().score(signals)
        return raw - np.nanmean(raw) if len(raw) else raw


class _FirstOption(_Margin):
    """Reads a place instead of a content."""

    def score(self, signals: Signals) -> Any:
        return super().score(signals) + signals.answer.option_probs[:, 0]


class _Noisy(_Margin):
    """Another score each time."""

    generator: ClassVar[np.random.Generator] = np.random.default_rng(0)

    def score(self, signals: Signals) -> Any:
        return super().score(signals) + self.generator.normal(0, 1e-6, len(signals))


class _Overwriting(_Margin):
    """Writes into the signals."""

    def score(self, signals: Signals) -> Any:
        result = super().score(signals)
        signals.answer.option_logprobs[:] = np.nan_to_num(signals.answer.option_logprobs)
        return result


class _Logarithm(_Margin):
    """0 · ln 0."""

    def score(self, signals: Signals) -> Any:
        p = np.where(np.isnan(signals.answer.option_probs), 1.0, signals.answer.option_probs)
        return np.where(signals.answer.present, -(p * np.log(p)).sum(axis=1), np.nan)


class _Scalar(_Margin):
    """One number for the whole batch."""

    def score(self, signals: Signals) -> Any:
        return float(np.mean(super().score(signals)))


class _Positional(_Margin):
    """Scores by row number."""

    def score(self, signals: Signals) -> Any:
        return super().score(signals) + 1e-3 * np.arange(len(signals))


class _Padded(_Margin):
    """Counts the padding as options."""

    def score(self, signals: Signals) -> Any:
        return super().score(signals) * signals.answer.option_probs.shape[1]


class _Unfitted(_Margin):
    """Learns, and scores without having learned."""

    shift = 0.0

    def fit(self, signals: Signals, correct: Any) -> None:
        self.shift = float(correct.mean())

    def score(self, signals: Signals) -> Any:
        return super().score(signals) + self.shift


class _Forgetful(_Margin):
    """Does not keep its parameter."""

    def __init__(self, k: int = 3) -> None:
        self.kept = k


class _Overclaiming(_Margin):
    """Claims to be a probability of an error and is none."""

    is_probability = True

    def score(self, signals: Signals) -> Any:
        return 3 * super().score(signals)


WRONG = {
    _Flipped: "orientation",
    _Filled: "missing questions",
    _Standardized: "batches",
    _FirstOption: "option names",
    _Noisy: "determinism",
    _Overwriting: "inputs unchanged",
    _Logarithm: "certain answers",
    _Scalar: "shape",
    _Positional: "row order",
    _Padded: "padding",
    _Unfitted: "unfitted",
    _Forgetful: "metadata",
    _Overclaiming: "probability",
}


def test_the_right_estimator_passes() -> None:
    assert [o for o in check_estimator(_Margin) if o.status == "failed"] == []


@pytest.mark.parametrize(("wrong", "check"), WRONG.items(), ids=WRONG.values())
def test_each_wrong_estimator_fails_its_check(wrong: type[Estimator], check: str) -> None:
    failed = {o.check: o.reason for o in check_estimator(wrong) if o.status == "failed"}
    assert check in failed
    assert failed[check]
    assert "\n" not in failed[check]
