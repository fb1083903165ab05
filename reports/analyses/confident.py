"""Confident errors: wrong answers with the lowest uncertainty scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..frames.inputs import ReportInput
from ..metrics.evaluation import Evaluation, keys

SHORTLIST = 10


@dataclass(frozen=True)
class ConfidentError:
    """Wrong answer with a low uncertainty score; texts are empty where unknown."""

    question_id: str
    topic: str
    score: float
    answer: str
    answer_text: str
    gold: str
    gold_text: str
    question: str


def confident_errors(
    data: ReportInput, evaluation: Evaluation, estimator: str, limit: int = SHORTLIST
) -> list[ConfidentError]:
    """List the parsed wrong answers with the lowest scores of `estimator`, lowest first."""
    scores = evaluation.raw[:, evaluation.estimators.index(estimator)]
    candidates = np.flatnonzero(evaluation.errors & ~evaluation.unparsed & ~np.isnan(scores))
    chosen = candidates[np.argsort(scores[candidates], kind="stable")][:limit]
    questions = data.questions[data.questions["task"].astype(str) == evaluation.task]
    by_id = questions.set_axis(keys(questions["question_id"]), axis=0)
    by_id = by_id[~by_id.index.duplicated()]
    topics = {int(row): name for name, rows in evaluation.topics.items() for row in rows}
    result = []
    for row in chosen:
        name = str(evaluation.question_ids[row])
        known = by_id.loc[name].to_dict() if name in by_id.index else {}
        answer, gold = _text(evaluation.answers[row]), _text(known.get("gold"))
        result.append(
            ConfidentError(
                question_id=name,
                topic=topics.get(int(row), ""),
                score=float(scores[row]),
                answer=answer,
                answer_text=_option(known.get("options"), answer),
                gold=gold,
                gold_text=_option(known.get("options"), gold),
                question=_text(known.get("question")),
            )
        )
    return result


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _option(options: Any, letter: str) -> str:
    """Return the text of the option with a letter (A, B, …); empty where unknown."""
    if isinstance(options, str) or not hasattr(options, "__len__") or len(letter) != 1:
        return ""
    index = ord(letter.upper()) - ord("A")
    return str(options[index]) if 0 <= index < len(options) else ""
