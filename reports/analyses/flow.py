"""n-flow and missing scores: how many questions stand behind a value, and why others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..frames.inputs import ReportInput
from ..metrics.evaluation import Evaluation, Rows, evaluations
from .task_analysis import task_analysis

FLOW_COLUMNS = ("model", "task", "stage", "estimator", "n", "share")
MISSING_COLUMNS = ("model", "task", "estimator", "reason", "n")
TOPIC_MISSING_COLUMNS = (
    *("model", "task", "topic", "estimator", "n", "unparsed", "dont_know", "missing"),
)
UNEXPLAINED = "no reason recorded"
UNSTORED = "no score stored"


def compute_flow(
    data: ReportInput, rows: Rows = "all", evaluated: Sequence[Evaluation] | None = None
) -> pd.DataFrame:
    """Numbers of questions per (model, task, stage), in the order in which questions drop out.

    Stages: asked; answered (a record is stored); parsed (an option was found); dont_know (part of
    those answered); kept (with rows "paper": after the filter); scored, once per estimator; common
    (scored by every estimator that scored any). `share` is n over the questions asked. Where the
    input has no flow for a model and task, its scores are counted instead.
    """
    records: list[dict[str, Any]] = []
    for evaluation in evaluations(data, rows) if evaluated is None else evaluated:
        counts = _counts(data, evaluation)
        if rows == "paper":
            counts["kept"] = len(evaluation.question_ids)
        stages: list[tuple[str, str | None, int]] = [(name, None, n) for name, n in counts.items()]
        scored = (~np.isnan(evaluation.raw)).sum(axis=0)
        stages += [
            ("scored", name, int(n)) for name, n in zip(evaluation.estimators, scored, strict=True)
        ]
        stages.append(("common", None, int(evaluation.scored_by_all(evaluation.raw).sum())))
        asked = counts["asked"]
        records += [
            {
                **{"model": evaluation.model, "task": evaluation.task, "stage": stage},
                **{"estimator": estimator, "n": n, "share": n / asked if asked else np.nan},
            }
            for stage, estimator, n in stages
        ]
    return pd.DataFrame.from_records(records, columns=list(FLOW_COLUMNS))


def _counts(data: ReportInput, evaluation: Evaluation) -> dict[str, int]:
    names = ("asked", "answered", "parsed", "dont_know")
    flow, scores = data.flow, data.scores
    same = flow["model"].astype(str).eq(evaluation.model)
    known = flow[same & flow["task"].astype(str).eq(evaluation.task)]
    if len(known):
        return {name: int(known.iloc[0][name]) for name in names}
    same = scores["model"].astype(str).eq(evaluation.model)
    own = scores[same & scores["task"].astype(str).eq(evaluation.task)]
    status = own.drop_duplicates("question_id")["status"]
    parsed, unknown = int(status.eq("parsed").sum()), int(status.eq("dont_know").sum())
    return dict(zip(names, (len(status), len(status), parsed, unknown), strict=True))


def compute_missing(
    data: ReportInput, rows: Rows = "all", evaluated: Sequence[Evaluation] | None = None
) -> pd.DataFrame:
    """Numbers of questions without a score, by reason: model, task, estimator, reason, n.

    Counts the questions that the row convention keeps, unparsed ones among them.
    """
    # Row numbers, not frames: all models' rows at once would be held twice.
    grouped: dict[Any, Any] = data.scores.groupby(["model", "task"], observed=True).indices
    by_model = {(str(model), str(task)): at for (model, task), at in grouped.items()}
    records: list[dict[str, Any]] = []
    for evaluation in evaluations(data, rows) if evaluated is None else evaluated:
        own = data.scores.iloc[by_model[evaluation.model, evaluation.task]]
        kept = own[own["question_id"].astype(str).isin(evaluation.question_ids)]
        empty = kept[kept["score"].isna()]
        reason = empty["reason"].astype(object).fillna(UNEXPLAINED).astype(str)
        counts = Counter(zip(empty["estimator"].astype(str), reason, strict=True))
        rows_stored = kept["estimator"].astype(str).value_counts()
        for estimator in evaluation.estimators:
            found = {why: n for (name, why), n in counts.items() if name == estimator}
            absent = len(evaluation.question_ids) - int(rows_stored.get(estimator, 0))
            if absent:
                found[UNSTORED] = absent
            records += [
                {
                    **{"model": evaluation.model, "task": evaluation.task},
                    **{"estimator": estimator, "reason": why, "n": n},
                }
                for why, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))
            ]
    return pd.DataFrame.from_records(records, columns=list(MISSING_COLUMNS))


@task_analysis(file="missing_by_topic")
def compute_missing_by_topic(evaluation: Evaluation) -> pd.DataFrame:
    """Numbers of questions without answer or score by topic, one row per topic and estimator.

    Columns: model, task, topic, estimator, n (questions kept), unparsed, dont_know, missing (no
    score by the estimator although an answer was found).
    """
    records = []
    absent = np.isnan(evaluation.raw) & ~evaluation.unparsed[:, None]
    for topic, members in evaluation.groups.items():
        if "=" in topic and not topic.startswith("topic="):
            continue
        counts = {
            **{"model": evaluation.model, "task": evaluation.task, "topic": topic},
            **{"n": members.size, "unparsed": int(evaluation.unparsed[members].sum())},
            "dont_know": int(evaluation.dont_know[members].sum()),
        }
        missing = absent[members].sum(axis=0)
        records += [
            counts | {"estimator": name, "missing": int(n)}
            for name, n in zip(evaluation.estimators, missing, strict=True)
        ]
    return pd.DataFrame.from_records(records, columns=list(TOPIC_MISSING_COLUMNS))
