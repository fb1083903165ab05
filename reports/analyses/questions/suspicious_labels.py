"""Questions whose stored right option is doubtful: strong models fail, weak ones do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...statistics.marginal_rasch import outfit, standardized_outfit
from ...statistics.ranking import FloatArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study, rows_of
from .facets import fitted

LABEL_COLUMNS = (
    *("task", "question_id", "topic", "models", "share_wrong", "difficulty", "outfit", "deviate"),
    *("common_answer", "common_share", "suspicious"),
)
DEVIATE = 2.0
"""Standardized outfit above which a question is suspicious: 2.3 % of those that fit the model."""
LISTED = 30


def _findings(frame: pd.DataFrame) -> list[str]:
    return [
        f"{task}: {int(own['suspicious'].sum())} of {len(own)} questions have outcomes that "
        "ability and difficulty do not explain, and most models agree on one other answer: "
        "their labels deserve a look."
        for task, own in frame.groupby("task", sort=False)
    ]


def _most(frame: pd.DataFrame) -> pd.DataFrame:
    own = frame[frame["suspicious"].astype(bool)]
    return own.sort_values("deviate", ascending=False, kind="stable").head(LISTED)


@benchmark_analysis(
    file="suspicious_labels",
    title="Questions that are likely mislabeled",
    meaning="Outfit is the mean squared standardized residual of a question in the Rasch model, "
    "about 1 if able models succeed where weak ones do. Shown are those above it (deviate > 2) "
    "where more than half of the models give one and the same other answer.",
    limits="A flag is a reason to read the question, not a proof: traps and questions on recent "
    "facts look alike; with fewer than about eight models hardly any question can stand out.",
    requires="three models on one task",
    source="Wright and Masters 1982; arXiv 2406.04127 (wrong labels of MMLU)",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "topic")),
        Shown("question", "question_id", "text"),
        Shown("models", "models", "count"),
        Shown("wrong", "share_wrong", "percent"),
        Shown("outfit", "outfit", "plain3"),
        Shown("deviate", "deviate", "short"),
        Shown("most frequent other answer", "common_answer", "text"),
        Shown("given by", "common_share", "percent"),
    ),
    findings=_findings,
    shown=_most,
)
def compute_suspicious_labels(study: Study) -> pd.DataFrame:
    """Compute outfit and the most frequent wrong answer of every question, per task.

    `common_share` is the share of the models asked that gave the most frequent wrong answer;
    suspicious: `deviate` above 2 and `common_share` above one half.
    """
    frames = []
    for task in study.tasks:
        model = fitted(study, task)
        if model is None:
            continue
        matrix = study.matrix(task)
        chance = model.chance()
        fit = outfit(matrix.errors, chance)
        known = (~np.isnan(matrix.errors)).sum(axis=0)
        letters, share = common_wrong_answers(study, task)
        deviate = standardized_outfit(fit, matrix.errors, chance)
        frames.append(
            pd.DataFrame(
                {
                    **{"task": task, "question_id": matrix.question_ids, "topic": matrix.topics},
                    **{"models": known, "share_wrong": np.nanmean(matrix.errors, axis=0)},
                    **{"difficulty": model.difficulty, "outfit": fit, "deviate": deviate},
                    **{"common_answer": letters, "common_share": share},
                    "suspicious": (deviate > DEVIATE) & (share > 0.5),
                }
            )
        )
    empty: dict[str, Any] = {name: [] for name in LABEL_COLUMNS}
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(empty)


def common_wrong_answers(
    study: Study, task: str
) -> tuple[np.typing.NDArray[np.object_], FloatArray]:
    """Return the most frequent wrong answer (q,) and the share (q,) of the models that gave it."""
    matrix = study.matrix(task)
    counts: list[dict[str, int]] = [{} for _ in matrix.question_ids]
    for evaluation in study.on(task):
        at = rows_of(evaluation, matrix.question_ids)
        for question, row in enumerate(at):
            answer = evaluation.answers[row] if row >= 0 else None
            if answer is not None and evaluation.errors[row]:
                counts[question][answer] = counts[question].get(answer, 0) + 1
    best = [max(sorted(own), key=lambda a: own[a]) if own else None for own in counts]
    known = np.maximum((~np.isnan(matrix.errors)).sum(axis=0), 1)
    top = np.array([own[name] if name else 0 for own, name in zip(counts, best, strict=True)])
    return np.array(best, dtype=object), top / known
