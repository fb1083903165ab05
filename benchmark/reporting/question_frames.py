"""What each question of a store has besides scores: options, orders, ratings, replies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...estimators.signals.batch import Need, Signal
from ...tasks.questionnaires import QUESTIONNAIRES
from ..store.task_store import TaskStore


def lowest_ratings(store: TaskStore) -> pd.DataFrame:
    """Return the lowest rating per question over all stored judgements of it."""
    if not store.has(Signal.JUDGEMENT):
        return pd.DataFrame({"task": [], "question_id": [], "rating": []})
    signals = store.load([Need.of(Signal.JUDGEMENT)], store.question_ids)
    columns = [signals.judgement[name].stack("rating") for name in signals.judgement]
    lowest: npt.NDArray[np.float64] = np.concatenate(columns, axis=1)
    missing = np.isnan(lowest).all(axis=1)
    lowest = np.where(np.isnan(lowest), np.inf, lowest).min(axis=1)
    return pd.DataFrame(
        {
            "task": store.task,
            "question_id": signals.question_id,
            "rating": np.where(missing, np.nan, lowest),
        }
    )


def option_probabilities(store: TaskStore) -> pd.DataFrame:
    """Return the option probabilities of direct answers, with the index of the right option."""
    if not store.has(Signal.ANSWER):
        return pd.DataFrame()
    ids = store.question_ids
    signals = store.load([Need.of(Signal.ANSWER)], ids)
    probabilities = signals.answer.option_probs
    present = ~np.isnan(probabilities)
    known = np.flatnonzero(present.any(axis=1))
    gold = np.full(len(ids), -1) if signals.gold is None else signals.gold
    return pd.DataFrame(
        {
            "model": store.model,
            "task": store.task,
            "question_id": [ids[row] for row in known],
            "probabilities": [probabilities[row][present[row]] for row in known],
            "gold": gold[known],
        }
    )


def answers_by_order(store: TaskStore) -> pd.DataFrame:
    """Return the answers under every stored order of the options, as original option indices."""
    if not store.has(Signal.PERMUTED_ANSWERS):
        return pd.DataFrame()
    ids = store.question_ids
    signals = store.load([Need.of(Signal.PERMUTED_ANSWERS)], ids)
    if signals.gold is None:
        return pd.DataFrame()
    table = signals.permuted_answers
    rows, columns = np.nonzero((table.shifts >= 0) & table.present[:, None])
    return pd.DataFrame(
        {
            **{"model": store.model, "task": store.task},
            "question_id": [ids[row] for row in rows],
            **{"shift": table.shifts[rows, columns], "answer": table.answers[rows, columns]},
            "gold": signals.gold[rows],
        }
    )


def judge_replies(store: TaskStore) -> pd.DataFrame:
    """Return every judge's reply to every questionnaire on the questions themselves."""
    if not store.has(Signal.JUDGEMENT):
        return pd.DataFrame()
    signals = store.load([Need.of(Signal.JUDGEMENT)], store.question_ids)
    frames = []
    for name in signals.judgement:
        if name not in QUESTIONNAIRES:
            continue  # about one model's answer, not about the question
        for judge, table in signals.judgement[name].tables.items():
            labels = [
                ", ".join(str(label) for label in row if label is not None) or None
                for row in table.labels.tolist()
            ]
            frame = {
                **{"task": store.task, "question_id": signals.question_id},
                **{"questionnaire": name, "judge": judge},
                **{"value": table.value, "label": labels, "rating": table.rating},
            }
            frames.append(pd.DataFrame(frame)[table.present])
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
