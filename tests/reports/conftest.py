"""Recorded data and small made-up frames."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.reporting.option_sets import with_option_sets
from apprehend.benchmark.score.estimator_traits import traits_of
from apprehend.estimators import builtin_estimators
from apprehend.reports import EstimatorTraits, ReportInput

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def recorded_folder() -> Path:
    """The folder of recorded data, from APPREHEND_RECORDED_DATA or beside the repository."""
    folder = Path(os.environ.get("APPREHEND_RECORDED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "recorded_qwen2.5-3b.parquet").is_file():
        pytest.skip(f"recorded data are not in {folder}; set APPREHEND_RECORDED_DATA")
    return folder


@pytest.fixture(scope="session")
def recorded(recorded_folder: Path) -> pd.DataFrame:
    """Qwen2.5-3B on MMLU-Pro: question_id, category, response, entropy, correct."""
    return pd.read_parquet(recorded_folder / "recorded_qwen2.5-3b.parquet")


@pytest.fixture(scope="session")
def recorded_input(recorded: pd.DataFrame) -> ReportInput:
    """The recorded answers as a report's input."""
    return ReportInput(
        pd.DataFrame(
            {
                "model": "Qwen2.5-3B",
                "task": "mmlu_pro_direct",
                "question_id": recorded["question_id"],
                "topic": recorded["category"],
                "estimator": "token_entropy",
                "score": recorded["entropy"],
                "answer": recorded["response"].str.upper(),
                "correct": recorded["correct"],
                "status": "parsed",
                "reason": None,
            }
        )
    )


@pytest.fixture(scope="session")
def builtin_traits() -> dict[str, EstimatorTraits]:
    """What every built-in estimator says of itself, by name."""
    return {name: traits_of(cls) for name, cls in builtin_estimators().items()}


def score_frame(
    n: int = 120,
    estimators: tuple[str, ...] = ("token_entropy", "max_probability"),
    model: str = "m",
    task: str = "t",
    seed: int = 0,
) -> pd.DataFrame:
    """Scores of n questions in three topics, all parsed and scored, errors scoring higher."""
    rng = np.random.default_rng(seed)
    correct = rng.random(n) < 0.5
    frames = [
        pd.DataFrame(
            {
                "model": model,
                "task": task,
                "question_id": np.arange(n),
                "topic": np.array(["law", "math", "physics"])[np.arange(n) % 3],
                "estimator": name,
                "score": np.round(rng.random(n) + 0.4 * ~correct, 2),
                "answer": pd.Series(["A"] * n, dtype=object),
                "correct": correct,
                "status": pd.Series(["parsed"] * n, dtype=object),
                "reason": pd.Series([None] * n, dtype=object),
            }
        )
        for name in estimators
    ]
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="session")
def make_scores() -> Callable[..., pd.DataFrame]:
    """The function `score_frame`, for tests."""
    return score_frame


@pytest.fixture(scope="session")
def full_input() -> dict[str, Any]:
    """Keyword arguments of a `ReportInput` with every frame and hostile names."""
    models = ("plain-model", "Evil/<script>alert(1)</script> & $x_2$ 100% #{}~^\\ é模型\x07")
    scores = pd.concat(
        [
            score_frame(90, ("token_entropy", "<b>mine</b>"), model, seed=i)
            for i, model in enumerate(models)
        ],
        ignore_index=True,
    )
    silent = scores["question_id"].lt(6) & scores["estimator"].eq("<b>mine</b>")
    scores.loc[silent, "score"] = np.nan
    scores.loc[silent, "reason"] = "judge said <img src=x onerror=alert(2)>"
    unparsed = scores["question_id"].isin((7, 8))
    scores.loc[unparsed, "status"] = "unparsed"
    scores.loc[unparsed, "answer"] = None
    ids = np.arange(90)
    given: dict[str, Any] = {
        "scores": scores,
        "strata": pd.DataFrame(
            {
                "task": "t",
                "question_id": ids,
                "stratum": "reasoning_steps",
                "value": np.array(["low", "medium", "high"])[ids % 3],
            }
        ),
        "questions": pd.DataFrame(
            {
                "task": "t",
                "question_id": ids,
                "topic": "law",
                "question": "</td><script>alert(3)</script> why?",
                "options": [["<i>one</i>", "two"]] * 90,
                "gold": "B",
            }
        ),
        "ratings": pd.DataFrame({"task": "t", "question_id": ids, "rating": 7.0 + ids % 4}),
        "options": pd.DataFrame(
            {
                "model": models[0],
                "task": "t",
                "question_id": ids,
                "probabilities": [[0.3, 0.7] if i % 3 else [0.6, 0.4] for i in ids],
                "gold": ids % 2,
            }
        ),
        "judgements": pd.DataFrame(
            {
                "task": "t",
                "question_id": np.concatenate([ids, ids]),
                "questionnaire": "reasoning <i>steps</i>",
                "judge": ["judge one"] * 90 + ["<b>judge</b> two"] * 90,
                "value": np.concatenate([ids % 3 / 4 + 0.25, ids % 2 / 2 + 0.25]),
                "label": None,
                "rating": 10.0,
            }
        ),
        "costs": pd.DataFrame(
            {
                "model": models[0],
                "task": "t",
                "item": ["answer", "token_entropy"],
                "kind": ["signal", "estimator"],
                "questions": 90,
                "seconds": 12.5,
                "tokens": 900,
                "needs": [None, "answer"],
            }
        ),
        "flow": pd.DataFrame(
            {
                "model": list(models),
                "task": "t",
                "asked": 92,
                "answered": 90,
                "parsed": 88,
                "dont_know": 0,
            }
        ),
        "manifests": [{"model": models[1], "task": "t", "note": "</pre><script>alert(4)</script>"}],
        "traits": {"token_entropy": EstimatorTraits("Entropy & <nats>.", look=("blue", "-"))},
    }
    return {**given, "sets": with_option_sets(ReportInput(**given)).sets}
