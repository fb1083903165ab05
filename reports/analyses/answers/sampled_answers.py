"""What sampled answers guarantee, and how far confidence exceeds them."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import beta

from ...frames.blocks import Shown
from ...metrics.evaluation import Evaluation
from ...statistics.intervals import exact_share, percentile_interval
from ...statistics.ranking import FloatArray, IntArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

SAMPLING_COLUMNS = (
    *("model", "task", "variant", "topic", "n", "draws", "right", "lower_bound", "share_sure"),
    *("first_draw_low", "pass_at_1", "pass_at_half", "pass_at_all", "level"),
)
OVERCONFIDENCE_COLUMNS = (
    *("model", "task", "estimator", "variant", "topic", "n", "confidence", "agreement"),
    *("accuracy", "overconfidence", "low", "high", "seed"),
)
LEVEL = 0.95
REPLICATES = 500


def lower_bounds(right: IntArray, draws: IntArray, level: float = LEVEL) -> FloatArray:
    """Compute Clopper and Pearson's one-sided lower bounds (n,) of P(right answer) per question.

    Args:
        right: (n,) number of right samples.
        draws: (n,) number of samples.
        level: confidence level.

    Returns:
        Bounds in [0, 1]; 0 without a right sample, (1 - level)^(1/draws) if all are right.

    References:
        Scholten et al. 2024, arXiv 2410.03523; Clopper and Pearson 1934.
    """
    bound = beta.ppf(1 - level, np.maximum(right, 1), draws - right + 1)
    return np.where(right > 0, bound, 0.0).astype(np.float64)


def pass_at(right: int, draws: int, k: int) -> float:
    """Compute the unbiased estimate of P(at least one of k samples is right), 1 - C(n-c,k)/C(n,k).

    References:
        Chen et al. 2021, arXiv 2107.03374.
    """
    return 1.0 - comb(draws - right, k) / comb(draws, k)


def sampled(study: Study, evaluation: Evaluation) -> pd.DataFrame:
    """Count draws and right draws per question: columns row, variant, draws, right, top_share, …"""
    facts = study.facts("samples", evaluation)
    facts = facts[facts["gold"].astype(float) >= 0] if len(facts) else facts
    lists = [np.asarray(answers, dtype=np.int64) for answers in facts["answers"]]
    gold = facts["gold"].to_numpy(dtype=np.int64) if len(facts) else np.empty(0, np.int64)
    return pd.DataFrame(
        {
            "row": facts["row"].to_numpy(dtype=np.int64) if len(facts) else [],
            "variant": facts["variant"].astype(str).to_numpy() if len(facts) else [],
            "draws": np.array([own.size for own in lists], dtype=np.int64),
            "right": np.array(
                [int((own == g).sum()) for own, g in zip(lists, gold, strict=True)], dtype=np.int64
            ),
            "first_right": np.array(
                [bool(own.size and own[0] == g) for own, g in zip(lists, gold, strict=True)],
                dtype=np.bool_,
            ),
            "answers": pd.Series(lists, dtype=object),
        }
    )


@benchmark_analysis(
    file="sampling_bounds",
    title="What sampling guarantees",
    meaning="Per question, the Clopper-Pearson lower bound of the probability that a sampled "
    "answer is right (95 %, one-sided; mean over questions), the share of questions where it "
    "exceeds one half, and pass@N: at least one of N samples right.",
    limits="The mean of bounds is a description of single questions; the bound of the average "
    "P(right) is the last column but one, from one draw per question. With k samples no bound "
    "exceeds 0.05^(1/k): 0.55 with five. pass@N rewards guessing: with K options, N random draws "
    "reach 1 - (1 - 1/K)^N.",
    requires="sampled answers",
    source="arXiv 2410.03523; pass@N: arXiv 2107.03374",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "variant", "topic")),
        *(Shown("n", "n", "count"), Shown("draws", "draws", "short")),
        Shown("right draws", "right", "percent"),
        Shown("mean lower bound", "lower_bound"),
        Shown("above one half", "share_sure", "percent"),
        Shown("bound of the average", "first_draw_low"),
        Shown("pass@1", "pass_at_1"),
        Shown("pass@N/2", "pass_at_half"),
        Shown("pass@N", "pass_at_all"),
    ),
)
def compute_sampling_bounds(study: Study) -> pd.DataFrame:
    """Compute bounds and pass@N per model, task, kind of samples and topic."""
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        whole = sampled(study, evaluation)
        groups = {"all": np.arange(evaluation.errors.size), **evaluation.topics}
        for variant, part in whole[whole["draws"] > 0].groupby("variant", sort=False):
            for topic, members in groups.items():
                own = part[part["row"].isin(members)]
                if own.empty:
                    continue
                right: IntArray = own["right"].to_numpy(dtype=np.int64)
                draws: IntArray = own["draws"].to_numpy(dtype=np.int64)
                bounds = lower_bounds(right, draws)
                passed = [
                    [pass_at(c, n, k) for k in (1, max(n // 2, 1), n)]
                    for c, n in zip(right.tolist(), draws.tolist(), strict=True)
                ]
                means: list[float] = np.mean(passed, axis=0).tolist()
                one, half, every = means
                first = int(own["first_right"].sum())
                records.append(
                    {
                        **{"model": evaluation.model, "task": evaluation.task, "variant": variant},
                        **{"topic": topic, "n": len(own), "draws": float(draws.mean())},
                        **{"right": float((right / draws).mean())},
                        **{"lower_bound": float(bounds.mean())},
                        **{"share_sure": float((bounds > 0.5).mean())},
                        "first_draw_low": exact_share(first, len(own), 2 * LEVEL - 1)[0],
                        **{"pass_at_1": one, "pass_at_half": half, "pass_at_all": every},
                        "level": LEVEL,
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(SAMPLING_COLUMNS))


@benchmark_analysis(
    file="overconfidence",
    title="Overconfidence",
    meaning="Confidence (1 - a score that claims to be the probability of an error) minus the "
    "share of the model's own samples that agree with its answer: above 0 the model states, or "
    "its token shows, more than its samples hold.",
    limits="Agreement of samples is no accuracy: a model may be wrong consistently. Samples at a "
    "temperature above 1 disagree more, which looks like overconfidence.",
    requires="sampled answers and a score that is a probability",
    source="EMPO: arXiv 2504.05812",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "estimator", "variant", "topic")),
        Shown("n", "n", "count"),
        Shown("confidence", "confidence", "percent"),
        Shown("agreement of samples", "agreement", "percent"),
        Shown("accuracy", "accuracy", "percent"),
        Shown("overconfidence", "overconfidence", "signed"),
        Shown("95 % interval", "low", "interval", "high"),
    ),
)
def compute_overconfidence(study: Study) -> pd.DataFrame:
    """Compare each probability with the samples' agreement, per model, task and topic.

    Intervals: percentile bootstrap over questions; none for fewer than ten.
    """
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        whole = sampled(study, evaluation)
        groups = {"all": np.arange(evaluation.errors.size), **evaluation.topics}
        letters = [
            ord(answer) - ord("A") if isinstance(answer, str) and len(answer) == 1 else -2
            for answer in evaluation.answers
        ]
        for variant, part in whole[whole["draws"] > 0].groupby("variant", sort=False):
            votes = np.full(evaluation.errors.size, np.nan)
            for row, answers in zip(part["row"], part["answers"], strict=True):
                if letters[int(row)] >= 0:
                    votes[int(row)] = float((answers == letters[int(row)]).mean())
            for k in study.columns(evaluation, "is_probability", without="is_control"):
                gap = 1 - evaluation.raw[:, k] - votes
                for topic, members in groups.items():
                    rows = members[~np.isnan(gap[members])]
                    if rows.size:
                        who = {"model": evaluation.model, "task": evaluation.task}
                        who |= {"estimator": evaluation.estimators[k], "variant": str(variant)}
                        mean = {"agreement": float(votes[rows].mean()), "topic": topic}
                        mean |= {"accuracy": float((~evaluation.errors[rows]).mean())}
                        mean |= {"confidence": float((gap + votes)[rows].mean())}
                        records.append(who | mean | _mean_gap(gap[rows], study.seed))
    return pd.DataFrame.from_records(records, columns=list(OVERCONFIDENCE_COLUMNS))


def _mean_gap(gap: FloatArray, seed: int) -> dict[str, Any]:
    low = high = float("nan")
    if gap.size >= 10:
        rng = np.random.default_rng(seed)
        picked: IntArray = rng.integers(gap.size, size=(REPLICATES, gap.size))
        drawn: FloatArray = gap[picked].mean(axis=1)
        low, high = percentile_interval(drawn)
    mean = {"n": gap.size, "overconfidence": float(gap.mean())}
    return {**mean, "low": low, "high": high, "seed": seed}
