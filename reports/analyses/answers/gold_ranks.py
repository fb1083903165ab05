"""Where the right option stands in the model's own order of the options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...statistics.intervals import percentile_interval
from ...statistics.ranking import FloatArray, IntArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

RANK_COLUMNS = (
    *("model", "task", "topic", "n", "n_left_out", "top_1", "top_2", "mean_rank", "mrr"),
    *("mrr_low", "mrr_high", "mrr_chance", "right_probability", "dcs", "seed"),
)
REPLICATES = 500


def rank_of_gold(p: FloatArray, gold: int) -> tuple[float, float, float, float]:
    """Compute rank, reciprocal rank, and chance of being first and among the first two.

    Ties are broken at random in expectation: with g options above and t - 1 others tied, the rank
    is uniform on g + 1 … g + t.

    Args:
        p: (K,) probabilities of the options.
        gold: index of the right option.

    Returns:
        Expected rank in [1, K], expected reciprocal rank, P(rank = 1), P(rank ≤ 2).
    """
    own = float(p[gold])
    above, tied = int((p > own).sum()), int((p == own).sum())
    ranks: IntArray = np.arange(above + 1, above + tied + 1)
    return (
        float(ranks.mean()),
        float((1 / ranks).mean()),
        float((ranks <= 1).mean()),
        float((ranks <= 2).mean()),
    )


def distributional_correctness(
    right: FloatArray,
    wrong: FloatArray,
    abstained: FloatArray,
    reward: float = 1.0,
    penalty: float = 1.0,
) -> FloatArray:
    """Compute the distributional correctness score, (r P(right) - w P(wrong)) (1 - P(don't know)).

    Args:
        right: (n,) probability of the right option.
        wrong: (n,) probability of all wrong options.
        abstained: (n,) probability of "I don't know"; the three sum to 1.
        reward: loading r of right answers, at least `penalty`.
        penalty: loading w of wrong answers, at least 0.

    Returns:
        (n,) scores in [-w, r], higher is better; 0 for one that only abstains.

    Raises:
        ValueError: 0 ≤ penalty ≤ reward does not hold.

    References:
        Burns 2025, arXiv 2510.04302.
    """
    if not 0 <= penalty <= reward:
        raise ValueError(f"Expected 0 <= penalty <= reward, got {penalty} and {reward}.")
    return (reward * right - penalty * wrong) * (1 - abstained)


@benchmark_analysis(
    file="gold_ranks",
    title="Rank of the right option",
    meaning="Where the right option stands in the model's own order: share first, share among the "
    "first two, mean reciprocal rank (MRR, with that of a random order as chance), and the "
    "distributional correctness score P(right) - P(wrong), which punishes confident errors.",
    limits="Says nothing about models without stored option probabilities; topics whose questions "
    "have fewer options rank higher by chance alone.",
    requires="option probabilities with the right option",
    source="MRR: Voorhees 1999; DCS: arXiv 2510.04302",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "topic")),
        *(Shown("n", "n", "count"), Shown("left out", "n_left_out", "count")),
        *(Shown("first", "top_1", "percent"), Shown("first two", "top_2", "percent")),
        *(Shown("mean rank", "mean_rank", "plain3"), Shown("MRR", "mrr")),
        Shown("95 % interval", "mrr_low", "interval", "mrr_high"),
        Shown("MRR by chance", "mrr_chance"),
        Shown("P(right)", "right_probability"),
        Shown("DCS", "dcs", "signed"),
    ),
)
def compute_gold_ranks(study: Study) -> pd.DataFrame:
    """Compute ranks, MRR and DCS of the right option per model, task and topic.

    Probabilities are normalized over the options, so that the DCS is 2 P(right) - 1 on average.
    `n_left_out` counts the questions of the group without probabilities or right option.
    """
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        facts = study.facts("options", evaluation)
        facts = facts[facts["gold"].astype(float) >= 0]
        if facts.empty:
            continue
        table = np.full((evaluation.errors.size, 6), np.nan)
        columns = (facts["row"], facts["probabilities"], facts["gold"])
        for row, p, gold in zip(*columns, strict=True):
            known, right = np.asarray(p, dtype=np.float64), int(gold)
            if right < known.size and not np.isnan(known).any():
                chance = float((1 / np.arange(1, known.size + 1)).mean())
                table[int(row)] = (*rank_of_gold(known, right), float(known[right]), chance)
        rng = np.random.default_rng(study.seed)
        groups = {"all": np.arange(evaluation.errors.size), **evaluation.topics}
        for topic, members in groups.items():
            own: FloatArray = table[members]
            used: FloatArray = own[~np.isnan(own).any(axis=1)]
            if not len(used):
                continue
            picked: IntArray = rng.integers(len(used), size=(REPLICATES, len(used)))
            drawn: FloatArray = used[:, 1][picked].mean(axis=1)
            low, high = percentile_interval(drawn) if len(used) >= 10 else (np.nan, np.nan)
            means: list[float] = used.mean(axis=0).tolist()
            rank, reciprocal, first, two, p_mean, by_chance = means
            p_right: FloatArray = used[:, 4]
            score = distributional_correctness(p_right, 1 - p_right, np.zeros(len(used)))
            records.append(
                {
                    **{"model": evaluation.model, "task": evaluation.task, "topic": topic},
                    **{"n": len(used), "n_left_out": len(own) - len(used), "top_1": first},
                    **{"top_2": two, "mean_rank": rank, "mrr": reciprocal, "mrr_low": low},
                    **{"mrr_high": high, "mrr_chance": by_chance, "right_probability": p_mean},
                    **{"dcs": float(score.mean()), "seed": study.seed},
                }
            )
    return pd.DataFrame.from_records(records, columns=list(RANK_COLUMNS))
