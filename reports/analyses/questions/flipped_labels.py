"""How far wrong labels move the ROC AUC."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ...frames.blocks import Shown
from ...metrics.evaluation import Evaluation
from ...statistics.intervals import enough
from ...statistics.ranking import BoolArray, FloatArray, IntArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

SHARES = (0.01, 0.05, 0.10)
REPLICATES = 200
FLIPPED_COLUMNS = (
    *("model", "task", "estimator", "share", "n", "roc_auc", "flipped", "low", "high"),
    *("expected", "replicates", "seed"),
)


def expected_flipped_auc(
    area: float, n_errors: int, n_correct: int, share: float, options: float
) -> float:
    """Compute the ROC AUC to expect when a share of the labels becomes another option at random.

    AUC' = 1/2 + (AUC - 1/2)(1 - α - β), with α the share of right answers among those that then
    count as errors and β the share of errors among those that then count as right.

    Args:
        area: ROC AUC with the stored labels.
        n_errors: number of errors.
        n_correct: number of right answers.
        share: share of the labels that are replaced, in [0, 1).
        options: number of options K; an error becomes right with probability 1/(K - 1).

    References:
        Menon et al. 2015, Learning from corrupted binary labels (ICML).
    """
    found = share / (options - 1)
    wrong = n_errors * (1 - found) + n_correct * share
    right = n_correct * (1 - share) + n_errors * found
    return 0.5 + (area - 0.5) * (1 - n_correct * share / wrong - n_errors * found / right)


def flipped_areas(
    errors: BoolArray, scores: FloatArray, share: float, options: FloatArray, draws: int, seed: Any
) -> FloatArray:
    """Compute the ROC AUC (draws,) after replacing a share of the labels by random other options.

    Args:
        errors: (n,) true for an error.
        scores: (n,) without NaN.
        share: share of the labels that are replaced; their number is the nearest whole one.
        options: (n,) number of options of each question, at least 2.
        draws: number of simulations.
        seed: seed of numpy's generator.
    """
    rng, n = np.random.default_rng(seed), errors.size
    ranks = rankdata(scores)
    result = np.empty(draws)
    for draw in range(draws):
        chosen: IntArray = rng.permutation(n)[: round(share * n)]
        chance: FloatArray = 1 / (options[chosen] - 1)
        becomes_right: BoolArray = rng.random(chosen.size) < chance
        flags: BoolArray = errors.copy()
        flags[chosen] = np.where(errors[chosen], ~becomes_right, True)
        wrong = int(flags.sum())
        pairs = wrong * (n - wrong)
        total = float(ranks[flags].sum()) - wrong * (wrong + 1) / 2
        result[draw] = total / pairs if pairs else np.nan
    return result


@benchmark_analysis(
    file="flipped_labels",
    title="ROC AUC if 1, 5 or 10 % of the labels were wrong",
    meaning="Mean and 95 % range of the ROC AUC when a share of the right options is replaced by "
    "another option at random: wrong labels pull any ROC AUC towards 0.5, most where few answers "
    "are wrong.",
    limits="Says nothing about labels that are wrong in a way that models share; those make a "
    "model's confident answers look like errors and cost more.",
    requires="ten errors and ten right answers with a score",
    source="Menon et al. 2015; arXiv 2406.04127 (shares of wrong labels)",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "estimator")),
        Shown("labels replaced", "share", "percent"),
        Shown("n", "n", "count"),
        Shown("ROC AUC", "roc_auc"),
        Shown("with wrong labels", "flipped"),
        Shown("95 % range", "low", "interval", "high"),
    ),
)
def compute_flipped_labels(study: Study) -> pd.DataFrame:
    """Simulate wrong labels for every estimator that is no control, per model and task.

    The number of options is that of the stored questions, else of the letters that occur.
    """
    records: list[dict[str, Any]] = []
    for evaluation in study.evaluated:
        options = option_counts(study, evaluation)
        for k in study.columns(evaluation, without="is_control"):
            known: BoolArray = ~np.isnan(evaluation.scores[:, k])
            errors, scores = evaluation.errors[known], evaluation.scores[known, k]
            wrong = int(errors.sum())
            if not enough(wrong, errors.size):
                continue
            ranks = rankdata(scores)
            pairs = wrong * (errors.size - wrong)
            area = (float(ranks[errors].sum()) - wrong * (wrong + 1) / 2) / pairs
            name = "\0".join((evaluation.model, evaluation.task))
            for share in SHARES:
                stream = [study.seed, zlib.crc32(name.encode("utf-8", "surrogatepass"))]
                drawn = flipped_areas(errors, scores, share, options[known], REPLICATES, stream)
                ends: FloatArray = np.quantile(drawn, [0.025, 0.975])
                usual = float(np.mean(options[known]))
                counts = (wrong, errors.size - wrong)
                records.append(
                    {
                        **{"model": evaluation.model, "task": evaluation.task},
                        **{"estimator": evaluation.estimators[k], "share": share},
                        **{"n": errors.size, "roc_auc": area, "flipped": float(drawn.mean())},
                        **{"low": float(ends[0]), "high": float(ends[1])},
                        "expected": expected_flipped_auc(area, *counts, share, usual),
                        **{"replicates": REPLICATES, "seed": study.seed},
                    }
                )
    return pd.DataFrame.from_records(records, columns=list(FLIPPED_COLUMNS))


def option_counts(study: Study, evaluation: Evaluation) -> FloatArray:
    """Return the number of options (n,) of each question, at least 2."""
    letters = {answer for answer in evaluation.answers if answer is not None}
    counts = np.full(evaluation.errors.size, max(len(letters), 2), dtype=np.float64)
    facts = study.facts("questions", evaluation)
    for row, options in zip(facts["row"], facts["options"], strict=True):
        if hasattr(options, "__len__") and not isinstance(options, str) and len(options) >= 2:
            counts[int(row)] = len(options)
    return counts
