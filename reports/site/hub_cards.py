"""Cards for the Hugging Face hub, written by its own classes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from huggingface_hub import DatasetCardData, EvalResult, ModelCardData

from ..frames.formatting import interval, number, plain
from ..frames.markup import markdown
from .standings import Standings

METRIC = "roc_auc"


def model_index(standings: Standings, model: str) -> str:
    """Return a model card's front matter (YAML) whose `model-index` holds the model's results.

    Per task its accuracy, and per estimator the mean over topics of the ROC AUC of errors.
    """
    results = []
    for task in standings.tasks:
        ranked = standings.ranked(model, task)
        if ranked.empty:
            continue
        accuracy = float(standings.pooled(model, task)["accuracy"].iloc[0])
        results.append(
            EvalResult(
                task_type="question-answering",
                dataset_type=task,
                dataset_name=task,
                metric_type="accuracy",
                metric_value=accuracy,
                metric_name="accuracy",
                task_name="Multiple-choice question answering",
            )
        )
        for name, area in zip(ranked["estimator"], ranked["roc_auc"], strict=True):
            if not math.isnan(area):
                results.append(
                    EvalResult(
                        task_type="question-answering",
                        dataset_type=task,
                        dataset_name=task,
                        metric_type=METRIC,
                        metric_value=float(area),
                        metric_name=f"ROC AUC of errors by {plain(name)}, mean over topics",
                        task_name="Uncertainty estimation",
                    )
                )
    data = ModelCardData(model_name=model, eval_results=results, tags=["uncertainty-estimation"])
    return f"---\n{data.to_yaml()}\n---\n"


def data_set_card(standings: Standings, names: Sequence[str]) -> str:
    """Return the card of a data set that holds the leaderboard's files.

    Args:
        standings: What the files hold.
        names: Names of the files.
    """
    data = DatasetCardData(
        pretty_name="Uncertainty of language models on multiple-choice questions",
        task_categories=["question-answering", "multiple-choice"],
        tags=["uncertainty-estimation", "calibration", "evaluation"],
        configs=[{"config_name": "metrics", "data_files": "metrics.csv"}],
    )
    lines = [
        f"---\n{data.to_yaml()}\n---",
        "# Uncertainty of language models on multiple-choice questions",
        "How well scores of uncertainty predict that an answer is wrong: ROC AUC of errors (the "
        "positive class; a higher score means more uncertain), with 95 % bootstrap intervals.",
        f"Files: {', '.join(names)}.",
        "| task | model | questions | accuracy | best estimator (mean over topics) | ROC AUC |",
        "|---|---|--:|--:|---|--:|",
    ]
    rows = []
    for task in standings.tasks:
        for model in standings.models_of(task):
            ranked = standings.ranked(model, task)
            own, top = standings.pooled(model, task).iloc[0], ranked.iloc[0]
            area = f"{number(top['roc_auc'])} {interval(top['roc_auc_low'], top['roc_auc_high'])}"
            rows.append(
                f"| {markdown(task)} | {markdown(model)} | {int(own['n'])} | "
                f"{number(own['accuracy'])} | {markdown(top['estimator'])} | {area} |"
            )
    return "\n\n".join(lines[:4]) + "\n\n" + "\n".join([*lines[4:], *rows]) + "\n"
