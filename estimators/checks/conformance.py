"""Checks that every estimator must pass, built-in or third-party; usable in a plugin's own tests.

    from apprehend.estimators.checks.conformance import check_estimator

    def test_conforms():
        assert not [o for o in check_estimator(MyEstimator()) if o.status == "failed"]

Every check runs on synthetic questions (see ``synthetic``) and has one named outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..core.estimator import Estimator
from ..signals.estimator_errors import EstimatorError
from .conformance_checks import CHECKS, Bench, CheckFailed, CheckSkipped
from .synthetic import synthetic_questions

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
QUESTIONS = 300


@dataclass(frozen=True)
class CheckOutcome:
    """The outcome of one check."""

    check: str
    status: str
    """"passed", "failed" or "skipped"."""
    reason: str = ""
    """One line: what was found, or why the check does not apply; empty if passed."""


def check_estimator(
    estimator: Estimator | type[Estimator], count: int = QUESTIONS, seed: int = 0
) -> list[CheckOutcome]:
    """Run all checks on ``count`` synthetic questions; errors of the estimator become outcomes."""
    if isinstance(estimator, type):
        try:
            estimator = estimator()
        except Exception as error:
            return [CheckOutcome("metadata", FAILED, f"{type(error).__name__}: {error}")]
    bench = Bench(estimator, synthetic_questions(count, seed))
    if estimator.unready:
        rest = [CheckOutcome(name, SKIPPED, estimator.unready) for name in list(CHECKS)[1:]]
        return [_run("metadata", CHECKS["metadata"], bench), *rest]
    return [_run(name, check, bench) for name, check in CHECKS.items()]


def _run(name: str, check: Callable[[Bench], None], bench: Bench) -> CheckOutcome:
    try:
        check(bench)
    except CheckSkipped as skip:
        return CheckOutcome(name, SKIPPED, str(skip))
    except (CheckFailed, EstimatorError) as failure:
        return CheckOutcome(name, FAILED, " ".join(str(failure).split()))
    except Exception as error:
        return CheckOutcome(name, FAILED, f"{type(error).__name__}: {error}")
    return CheckOutcome(name, PASSED)
