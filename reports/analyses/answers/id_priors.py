"""The model's preference for option ids, from questions without content."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...frames.blocks import Shown
from ...metrics.evaluation import keys
from ..study.benchmark_analysis import benchmark_analysis
from ..study.study import Study
from .flips import PLAIN

CONTENT_FREE = "content_free"
ID_PRIOR_COLUMNS = ("model", "task", "option", "n", "free", "answers", "gold", "excess")


@benchmark_analysis(
    file="id_priors",
    title="Prior over option ids",
    meaning="How often each option's place is the answer where stem and options all read N/A, "
    "beside its share of the answers to the real questions and of the right ones: a model without "
    "a preference spreads the first evenly, and its answers over places as the right ones are.",
    limits="Questions without content differ in topic and number of options alone, so their "
    "answers are few different ones: the shares describe the prompt, and no test is made of them. "
    "A preference without content may vanish where there is something to answer.",
    requires="answers to questions without content",
    source="Contextual calibration, arXiv 2102.09690",
    columns=(
        *(Shown(name, name, "text") for name in ("model", "task", "option")),
        Shown("n", "n", "count"),
        Shown("without content", "free", "percent"),
        Shown("answers", "answers", "percent"),
        Shown("right options", "gold", "percent"),
        Shown("answers - right", "excess", "signed"),
    ),
)
def compute_id_priors(study: Study) -> pd.DataFrame:
    """Count the options' places, per model and task, over the questions asked both ways.

    ``option`` is the place as a letter. Shares are of these questions; answers without an option
    count in none of the places. ``gold`` is null where no right option is known.
    """
    records: list[dict[str, Any]] = []
    for (model, task), part in study.data.prompted.groupby(["model", "task"], sort=False):
        variants = part["variant"].astype(str)
        asked = {
            name: part[variants == name].assign(key=lambda frame: keys(frame["question_id"]))
            for name in (CONTENT_FREE, PLAIN)
        }
        pairs = asked[CONTENT_FREE].merge(asked[PLAIN], on="key", suffixes=("", "_plain"))
        places = pairs[["answer", "answer_plain", "gold"]].to_numpy(dtype=np.int64)
        if not len(places):
            continue
        for place in range(int(places.max()) + 1):
            free, answers, gold = (places == place).mean(axis=0).tolist()
            known = bool((places[:, 2] >= 0).any())
            records.append(
                {
                    **{"model": str(model), "task": str(task), "option": chr(ord("A") + place)},
                    **{"n": len(places), "free": free, "answers": answers},
                    "gold": gold if known else np.nan,
                    "excess": answers - gold if known else np.nan,
                }
            )
    return pd.DataFrame.from_records(records, columns=list(ID_PRIOR_COLUMNS))
