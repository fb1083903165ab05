"""n-flow, missing scores, and how answers were read: what a value is based on, and what not."""

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
    "cut_while_thinking",
)
READING_COLUMNS = ("model", "task", "topic", "rule", "n", "share", "n_errors", "accuracy", "closed")
CUT_STAGE = "cut_while_thinking"
NO_RULE = "no answer read"
CUT = "cut while thinking"
UNEXPLAINED = "no reason recorded"
UNSTORED = "no score stored"


def compute_flow(
    data: ReportInput, rows: Rows = "all", evaluated: Sequence[Evaluation] | None = None
) -> pd.DataFrame:
    """Count the questions per model, task and stage, in the order in which questions drop out.

    Stages: asked; answered (a record is stored); parsed (an option was found); dont_know and, of
    thinking models, cut_while_thinking (parts of those answered); kept (with rows "paper": after
    the filter); scored, once per estimator; common (scored by every estimator with any score).

    Args:
        data: Scores and facts of a results folder; without a flow of a model on a task, its scores
            are counted instead.
        rows: Row convention, "all" or "paper".
        evaluated: `evaluations(data, rows)`, if already computed.

    Returns:
        One row per model, task, stage and, for "scored", estimator; `share` is n divided by the
        number of questions asked, in [0, 1].
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
        n_asked = counts["asked"]
        records += [
            {
                **{"model": evaluation.model, "task": evaluation.task, "stage": stage},
                **{"estimator": estimator, "n": n, "share": n / n_asked if n_asked else np.nan},
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
        counts = {name: int(known.iloc[0][name]) for name in names}
        cut = known.iloc[0].get(CUT_STAGE)
        return counts if pd.isna(cut) else {**counts, CUT_STAGE: int(cut)}
    same = scores["model"].astype(str).eq(evaluation.model)
    own = scores[same & scores["task"].astype(str).eq(evaluation.task)]
    status = own.drop_duplicates("question_id")["status"]
    parsed, unknown = int(status.eq("parsed").sum()), int(status.eq("dont_know").sum())
    counts = dict(zip(names, (len(status), len(status), parsed, unknown), strict=True))
    cut = int(status.eq(CUT_STAGE).sum())
    return {**counts, CUT_STAGE: cut} if cut else counts


def compute_missing(
    data: ReportInput, rows: Rows = "all", evaluated: Sequence[Evaluation] | None = None
) -> pd.DataFrame:
    """Count the questions without a score by reason.

    Args:
        data: Scores and facts of a results folder.
        rows: Row convention, "all" or "paper"; only questions that it keeps are counted.
        evaluated: `evaluations(data, rows)`, if already computed.

    Returns:
        One row per model, task, estimator and reason, most frequent reasons first.
    """
    # Row indices instead of frames: frames would copy the rows of all models at once.
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
            by_reason = {why: n for (name, why), n in counts.items() if name == estimator}
            absent = len(evaluation.question_ids) - int(rows_stored.get(estimator, 0))
            if absent:
                by_reason[UNSTORED] = absent
            records += [
                {
                    **{"model": evaluation.model, "task": evaluation.task},
                    **{"estimator": estimator, "reason": why, "n": n},
                }
                for why, n in sorted(by_reason.items(), key=lambda item: (-item[1], item[0]))
            ]
    return pd.DataFrame.from_records(records, columns=list(MISSING_COLUMNS))


@task_analysis(file="missing_by_topic")
def compute_missing_by_topic(evaluation: Evaluation) -> pd.DataFrame:
    """Count the questions without answer or score, one row per topic and estimator.

    Columns: model, task, topic, estimator, n (questions kept), unparsed, dont_know, missing (no
    score by the estimator despite a parsed answer), cut_while_thinking (a part of unparsed).
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
            "cut_while_thinking": int(evaluation.cut[members].sum()),
        }
        missing = absent[members].sum(axis=0)
        records += [
            counts | {"estimator": name, "missing": int(n)}
            for name, n in zip(evaluation.estimators, missing, strict=True)
        ]
    return pd.DataFrame.from_records(records, columns=list(TOPIC_MISSING_COLUMNS))


@task_analysis(file="readings")
def compute_readings(evaluation: Evaluation) -> pd.DataFrame:
    """Count the answers of chains of thought by the rule that read them, per topic.

    Columns: model, task, topic, rule (its name; or no answer read, or cut while thinking), n,
    share (of the topic's questions), n_errors, accuracy (share of right answers among them),
    closed (how many of their thoughts a budget closed). Without rows where no rule is stored.
    """
    rules = evaluation.rules.copy()
    if not any(rule is not None for rule in rules) and not evaluation.cut.any():
        return pd.DataFrame(columns=list(READING_COLUMNS))
    rules[[rule is None for rule in rules]] = NO_RULE
    rules[evaluation.cut] = CUT
    records = []
    for topic, members in evaluation.groups.items():
        if "=" in topic and not topic.startswith("topic="):
            continue
        for rule, n in Counter(rules[members]).most_common():
            chosen = members[rules[members] == rule]
            errors = int(evaluation.errors[chosen].sum())
            records.append(
                {
                    **{"model": evaluation.model, "task": evaluation.task, "topic": topic},
                    **{"rule": rule, "n": n, "share": n / members.size, "n_errors": errors},
                    **{"accuracy": 1 - errors / n, "closed": int(evaluation.closed[chosen].sum())},
                }
            )
    return pd.DataFrame.from_records(records, columns=list(READING_COLUMNS))
