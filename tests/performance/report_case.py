"""A results folder of the size that the report's speed bar names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from apprehend.benchmark.recordings.writing import ImportedQuestion, write_import
from apprehend.benchmark.score.scoring import score_store
from apprehend.benchmark.store.task_store import Results
from apprehend.estimators.signals.batch import Signal
from scipy.special import log_softmax

OPTIONS = 10
# Probabilities of an error, which are calibrated and drawn as such, and scores of any other unit.
PROBABILITIES = ("max_probability", "vote_share", "p_true", "verbalized_confidence", "platt")


def write_report_case(
    folder: Path,
    questions: int = 12_000,
    estimators: int = 25,
    topics: int = 16,
    model: str = "case",
    seed: int = 0,
) -> Path:
    """Write a scored results folder of one model, and return it.

    Every question has ten options with log-probabilities, so conformal sets and option positions
    are computed too. Scores are noisy copies of one doubt per question; every fifth estimator is
    rounded to tenths (ties), and every seventh lacks 3 % of its scores.
    """
    rng = np.random.default_rng(seed)
    gold = np.random.default_rng(0).integers(OPTIONS, size=questions)  # the same for all models
    logits = rng.normal(size=(questions, OPTIONS))
    logits[np.arange(questions), gold] += 2 * rng.random(questions)
    logprobs = log_softmax(logits, axis=1)
    answers = logits.argmax(axis=1)
    doubt = 1 - np.exp(logprobs.max(axis=1))
    names = [*PROBABILITIES, *(f"estimator_{k:02d}" for k in range(len(PROBABILITIES), estimators))]
    columns = {}
    for k, name in enumerate(names[:estimators]):
        values = doubt + rng.normal(scale=0.02 * (k + 1), size=questions)
        if name in PROBABILITIES:
            values = np.clip(values, 0, 1)
        if k % 5 == 4:
            values = np.round(values, 1)
        if k % 7 == 6:
            values[rng.random(questions) < 0.03] = np.nan
        columns[name] = values
    rows = [
        ImportedQuestion(
            question_id=i,
            topic=f"topic {i % topics:02d}",
            answer=int(answers[i]),
            correct=bool(answers[i] == gold[i]),
            gold=int(gold[i]),
            option_logprobs=logprobs[i].tolist(),
            scores={name: float(values[i]) for name, values in columns.items()},
            question=f"Which of these is number {i}?",
            options=[f"option {letter}" for letter in "ABCDEFGHIJ"],
        )
        for i in range(questions)
    ]
    origin = {"kind": "made up", "files": ["report_case.py"], "seed": seed}
    done = write_import(Results(folder), model, "mmlu_pro_direct", Signal.ANSWER, rows, origin)
    score_store(done.store, list(columns))
    return folder
