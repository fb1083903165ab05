"""Difficulty of questions, ability of models and severity of judges in one model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from ...frames.blocks import Shown
from ...metrics.evaluation import keys
from ...statistics.marginal_rasch import MarginalRasch, marginal_rasch
from ...statistics.ranking import FloatArray
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study

FEWEST_MODELS = 3
FACET_COLUMNS = ("task", "facet", "name", "n", "logits", "without_judges", "spread", "correlation")


def fitted(study: Study, task: str) -> MarginalRasch | None:
    """Fit the models' errors on a task alone; None with fewer than three models."""
    matrix = study.matrix(task)
    asked = (~np.isnan(matrix.errors)).any(axis=1)
    if asked.sum() < FEWEST_MODELS:
        return None
    return marginal_rasch(matrix.errors)


@benchmark_analysis(
    file="facets",
    title="Ability of models and severity of judges (faceted Rasch model)",
    meaning="A model's ability and a judge's severity on the logit scale of the questions' "
    "difficulty: P(model fails) = σ(difficulty - ability); a judge who rates questions as hard "
    "(a value in [0, 1]) is severe. Correlation: rank correlation of the judge's values with the "
    "difficulty that the models alone imply.",
    limits="Says nothing about a judge whose values hardly correlate with the models' errors: its "
    "severity is then the mean of its values and no more.",
    requires="three models on one task",
    source="Linacre 1989; Bock and Aitkin 1981, doi 10.1007/BF02293801",
    columns=(
        *(Shown(name, name, "text") for name in ("task", "facet", "name")),
        Shown("n", "n", "count"),
        Shown("ability or severity (logits)", "logits", "signed"),
        Shown("without judges", "without_judges", "signed"),
        Shown("spread of difficulties", "spread"),
        Shown("rank correlation", "correlation", "signed"),
    ),
)
def compute_facets(study: Study) -> pd.DataFrame:
    """Fit difficulty × ability × severity per task; without judges, difficulty × ability.

    A judge is one more rater of every question: its value in [0, 1] enters as a graded outcome
    with P = σ(difficulty + severity). `without_judges` repeats the models' abilities from a fit to
    the models alone.
    """
    records: list[dict[str, Any]] = []
    for task in study.tasks:
        alone = fitted(study, task)
        if alone is None:
            continue
        matrix = study.matrix(task)
        judges, values = judged(study, task, matrix.question_ids)
        joint = alone if not judges else marginal_rasch(np.concatenate([matrix.errors, values]))
        known = (~np.isnan(matrix.errors)).sum(axis=1)
        base = {"task": task, "spread": joint.spread}
        for row, name in enumerate(matrix.models):
            records.append(
                {
                    **base,
                    **{"facet": "model", "name": name, "n": int(known[row])},
                    **{"logits": float(joint.ability[row])},
                    **{"without_judges": float(alone.ability[row]), "correlation": float("nan")},
                }
            )
        for row, name in enumerate(judges):
            both = ~np.isnan(values[row])
            varied = both.any() and np.ptp(values[row][both]) > 0 and np.ptp(alone.difficulty) > 0
            related = spearmanr(values[row][both], alone.difficulty[both]) if varied else None
            records.append(
                {
                    **base,
                    **{"facet": "judge", "name": name, "n": int(both.sum())},
                    **{"logits": -float(joint.ability[len(matrix.models) + row])},
                    "without_judges": float("nan"),
                    "correlation": float(related.statistic) if related else float("nan"),
                }
            )
    return pd.DataFrame.from_records(records, columns=list(FACET_COLUMNS))


def judged(
    study: Study, task: str, question_ids: np.typing.NDArray[np.str_]
) -> tuple[list[str], FloatArray]:
    """Return names and values (j, q) of the judges of a task's questions, NaN = not judged."""
    frame = study.data.judgements
    own = frame[frame["task"].astype(str).eq(task) & frame["value"].notna()]
    names, rows = [], []
    for (questionnaire, judge), part in own.groupby(["questionnaire", "judge"], sort=False):
        by_id = part.assign(key=keys(part["question_id"])).groupby("key")["value"].mean()
        rows.append(by_id.reindex(question_ids).to_numpy(dtype=np.float64))
        names.append(f"{judge}, {questionnaire}")
    return names, np.array(rows).reshape(len(rows), len(question_ids))
