"""Choose thresholds by cost or with a guarantee, and measure them on held-out questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...metrics.evaluation import Evaluation
from ...statistics.intervals import exact_share
from ...statistics.ranking import BoolArray, FloatArray
from ..thresholds import development_rows
from .decision_costs import Costs, cheapest_threshold, cost_interval, mean_cost
from .guarantees import guaranteed, score_grid
from .rule import Rule, score_bins

TOPIC_COLUMNS = (
    *("model", "task", "estimator", "topic", "method", "target_risk", "confidence"),
    *("calibration_n", "calibration_errors", "threshold", "n", "coverage", "n_kept"),
    *("n_errors_kept", "risk", "risk_low", "risk_high", "joint_risk", "seed"),
)


@dataclass(frozen=True)
class CostChoice:
    """Threshold chosen by cost on development questions and evaluated on the others.

    Attributes:
        model, task, estimator: names.
        threshold: answer where the score is at most this; -inf answers none.
        otherwise: "abstain" or "escalate", the cheaper one.
        break_even: error probability above which not to answer is cheaper.
        n, coverage, risk: test questions, share answered, error rate of those.
        cost, cost_low, cost_high: mean cost per test question with its 95 % interval.
        cost_answering_all, cost_answering_none: mean cost per test question without a threshold.
        development_n, development_cost: on the development questions.
        n_missing: questions without a score, never answered and not counted in n.
        seed: seed of the split.
    """

    model: str
    task: str
    estimator: str
    threshold: float
    otherwise: str
    break_even: float
    n: int
    coverage: float
    risk: float
    cost: float
    cost_low: float
    cost_high: float
    cost_answering_all: float
    cost_answering_none: float
    development_n: int
    development_cost: float
    n_missing: int
    seed: int


def _split(
    evaluation: Evaluation, estimator: str, development: float, seed: int
) -> tuple[FloatArray, BoolArray, BoolArray]:
    scores = evaluation.scores[:, evaluation.estimators.index(estimator)]
    known = ~np.isnan(scores)
    chosen = development_rows(evaluation, known, development, seed)
    return scores, chosen, known & ~chosen


def choose_by_cost(
    evaluation: Evaluation, estimator: str, costs: Costs, development: float = 0.5, seed: int = 0
) -> CostChoice:
    """Choose the cheapest threshold on some questions and measure its cost on the others.

    Args:
        evaluation: Answers of one model on one task.
        estimator: Name of the score.
        costs: Costs of the outcomes.
        development: Share of the scored questions to choose on, within topics.
        seed: Seed of the split and of the interval.

    Returns:
        The threshold, with its cost and coverage on the other questions.

    Raises:
        ValueError: `estimator` is unknown.
    """
    scores, chosen, rest = _split(evaluation, estimator, development, seed)
    errors = evaluation.errors
    threshold = cheapest_threshold(errors[chosen], scores[chosen], costs)
    kept = scores <= threshold
    n, n_kept = int(rest.sum()), int((kept & rest).sum())
    low, high = cost_interval(errors[rest], kept[rest], costs, seed)
    everything, nothing = np.ones(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    return CostChoice(
        model=evaluation.model,
        task=evaluation.task,
        estimator=estimator,
        threshold=threshold,
        otherwise=costs.otherwise,
        break_even=costs.break_even,
        n=n,
        coverage=n_kept / n if n else float("nan"),
        risk=float(errors[kept & rest].mean()) if n_kept else float("nan"),
        cost=mean_cost(errors[rest], kept[rest], costs),
        cost_low=low,
        cost_high=high,
        cost_answering_all=mean_cost(errors[rest], everything, costs),
        cost_answering_none=mean_cost(errors[rest], nothing, costs),
        development_n=int(chosen.sum()),
        development_cost=mean_cost(errors[chosen], kept[chosen], costs),
        n_missing=int(np.isnan(scores).sum()),
        seed=seed,
    )


def choose_by_topic(
    evaluation: Evaluation,
    estimator: str,
    method: str,
    risk: float,
    confidence: float = 0.9,
    development: float = 0.5,
    seed: int = 0,
) -> pd.DataFrame:
    """Choose a guaranteed threshold per topic, and one for all questions (topic "").

    The grid of thresholds is taken from the scores alone, never from outcomes. The guarantee of a
    topic stands for that topic; over several topics each may fail with its own probability.

    Args:
        evaluation: Answers of one model on one task.
        estimator: Name of the score.
        method: "ltt" (error rate of the answers kept, with probability `confidence`) or "crc"
            (expected share of questions answered and wrong).
        risk: Highest acceptable risk.
        confidence: For "ltt".
        development: Share of the scored questions to calibrate on.
        seed: Seed of the split.

    Returns:
        One row per topic: the threshold (-inf: nothing is guaranteed), and coverage, risk and
        joint risk on the remaining questions.
    """
    scores, chosen, rest = _split(evaluation, estimator, development, seed)
    grid = score_grid(scores[chosen])
    everything = np.ones(scores.size, dtype=np.bool_)
    records: list[dict[str, Any]] = []
    for topic, members in {"": np.flatnonzero(everything), **evaluation.topics}.items():
        inside = np.zeros(scores.size, dtype=np.bool_)
        inside[members] = True
        own, test = chosen & inside, rest & inside
        threshold = guaranteed(method, evaluation.errors[own], scores[own], grid, risk, confidence)
        kept = test & (scores <= threshold)
        n, n_kept = int(test.sum()), int(kept.sum())
        wrong = int(evaluation.errors[kept].sum())
        low, high = exact_share(wrong, n_kept)
        records.append(
            {
                **{"model": evaluation.model, "task": evaluation.task, "estimator": estimator},
                **{"topic": topic, "method": method, "target_risk": risk},
                "confidence": confidence if method == "ltt" else float("nan"),
                **{"calibration_n": int(own.sum()), "threshold": threshold, "n": n},
                "calibration_errors": int(evaluation.errors[own].sum()),
                **{"coverage": n_kept / n if n else float("nan"), "n_kept": n_kept},
                "n_errors_kept": wrong,
                "risk": wrong / n_kept if n_kept else float("nan"),
                **{"risk_low": low, "risk_high": high},
                "joint_risk": wrong / n if n else float("nan"),
                "seed": seed,
            }
        )
    return pd.DataFrame.from_records(records, columns=list(TOPIC_COLUMNS))


def make_rule(
    evaluation: Evaluation,
    estimator: str,
    thresholds: dict[str, float],
    otherwise: str,
    settings: dict[str, Any],
) -> Rule:
    """Make a rule of thresholds, with the distribution of the scores for later drift checks.

    Args:
        evaluation: Answers of one model on one task.
        estimator: Name of the score.
        thresholds: Topic → largest score that is answered; "" for all other topics.
        otherwise: What to do above the threshold, "abstain" or "escalate".
        settings: How the thresholds were chosen.

    Returns:
        The rule.
    """
    raw = evaluation.raw[:, evaluation.estimators.index(estimator)]
    edges, counts = score_bins(raw)
    names = (evaluation.model, evaluation.task, estimator)
    return Rule(*names, thresholds, otherwise, edges, counts, settings)
