"""Recorded runs of real models: published conformal results, and a committee of other models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.estimators import Panel, Signal, Signals, evaluate, load_estimator
from apprehend.estimators.core.prediction_sets import (
    calibration_scores,
    conformal_sets,
    conformal_threshold,
)
from apprehend.estimators.signals.batch import AnswerTable, CommitteeTable
from apprehend.estimators.signals.probabilities import softmax
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

MODELS = {
    "Llama-2-7b-hf": "llama-2-7b-hf",
    "Mistral-7B-v0.1": "mistral-7b-v0.1",
    "Qwen-14B": "qwen-14b",
    "Yi-34B": "yi-34b",
}
LETTERS = "ABCDEFGHIJ"


@pytest.fixture(scope="module")
def conformal_table(recorded_data: Path) -> pd.DataFrame:
    return pd.read_csv(recorded_data / "tables" / "lub_recomputed_per_prompt.csv")


def option_logits(recorded_data: Path, file: str) -> Iterator[tuple[str, str, Any, Any]]:
    """(task, prompt, logits, gold) of each run, without the demonstrations."""
    table = pd.read_parquet(recorded_data / f"llm_uncertainty_bench_{file}.parquet")
    for (task, prompt), rows in table.groupby(["task", "prompt_style"]):
        kept = rows.sort_values("id").iloc[
            [i for i in range(len(rows)) if i not in (1, 3, 5, 7, 9)]
        ]
        if kept["answer"].isna().any():
            continue
        gold = kept["answer"].map("ABCDEF".index).to_numpy()
        yield task, prompt, np.array(kept["logits"].to_list(), dtype=np.float64), gold


@pytest.mark.parametrize("model", MODELS)
def test_conformal_sets_agree_with_the_published_protocol(
    model: str, recorded_data: Path, conformal_table: pd.DataFrame
) -> None:
    expected = conformal_table[conformal_table["model"].str.lower() == model.lower()].set_index(
        ["task", "prompt"]
    )
    compared = 0
    for task, prompt, logits, gold in option_logits(recorded_data, MODELS[model]):
        # The published numbers were computed in single precision.
        p = softmax(logits.astype(np.float32)).astype(np.float64)
        calibration, test = train_test_split(np.arange(len(p)), train_size=0.5, random_state=42)
        row = expected.loc[(task, prompt)]
        assert len(calibration) == row["n_cal"]
        assert len(test) == row["n_test"]
        assert (p[test].argmax(axis=1) == gold[test]).mean() == pytest.approx(row["acc"], abs=1e-8)
        for rule in ("lac", "aps"):
            scores = calibration_scores(p[calibration], gold[calibration], rule)
            threshold = conformal_threshold(scores, 0.1, "higher")
            sets = conformal_sets(p[test], rule, threshold)
            assert threshold == pytest.approx(row[f"{rule}_qhat"], abs=1e-6)
            size, coverage = sets.sum(axis=1).mean(), sets[np.arange(len(test)), gold[test]].mean()
            assert size == pytest.approx(row[f"{rule}_set_size"], abs=1e-8)
            assert coverage == pytest.approx(row[f"{rule}_coverage"], abs=1e-8)
        compared += 1
    assert compared == 9


def test_option_families_run_on_real_logits(recorded_data: Path) -> None:
    """Error AUC of entropy, maximum probability and margin, as scikit-learn had it."""
    expected = pd.read_csv(recorded_data / "tables" / "lub_entropy_auc.csv")
    expected = expected[expected["model"].str.lower() == "llama-2-7b-hf"]
    expected = expected.set_index(["task", "prompt"])
    columns = {
        "option_entropy": "roc_auc_entropy",
        "max_probability": "roc_auc_1_minus_max_prob",
        "probability_margin": "roc_auc_neg_margin",
    }
    for task, prompt, logits, gold in option_logits(recorded_data, "llama-2-7b-hf"):
        table = AnswerTable.from_records(
            [{"option_logprobs": z, "answer": int(np.argmax(z))} for z in logits]
        )
        signals = Signals(
            question_id=np.arange(len(logits)),
            topic=np.full(len(logits), "all", dtype=object),
            option_count=np.full(len(logits), 6),
            tables={Signal.ANSWER: table},
        )
        wrong = table.answer != gold
        for name, column in columns.items():
            scores = evaluate(load_estimator(name), signals)
            auc = roc_auc_score(wrong, scores)
            assert auc == pytest.approx(expected.loc[(task, prompt)][column], abs=2e-5), (
                task,
                name,
            )


def test_committee_disagreement_equals_the_raw_columns(recorded_data: Path) -> None:
    answers = pd.read_parquet(recorded_data / "mmlu_pro_cot_answers.parquet")
    expected = pd.read_csv(recorded_data / "tables" / "expected_committee_auc.csv")
    members = sorted(expected["model"].unique())
    assert len(members) == 6
    wide = answers[answers["model"].isin(members)].pivot(
        index="question_id", columns="model", values=["prediction", "answer", "topic"]
    )
    columns = {model: _indices(wide["prediction"][model]) for model in members}
    compared = 0
    for model in members:
        outcome = AnswerTable.from_records([{"answer": int(i)} for i in columns[model]])
        others = {
            other: CommitteeTable.from_records([{"answer": int(i)} for i in columns[other]])
            for other in members
            if other != model
        }
        signals = Signals(
            question_id=wide.index.to_numpy(),
            topic=wide["topic"][model].to_numpy(dtype=object),
            option_count=np.full(len(wide), 10),
            tables={Signal.ANSWER: outcome, Signal.COMMITTEE: Panel(others)},
        )
        scores = evaluate(load_estimator("committee_disagreement"), signals)
        wrong = (wide["prediction"][model] != wide["answer"][model]).to_numpy()
        for row in expected[expected["model"] == model].itertuples():
            there = ~np.isnan(scores) & ((row.topic == "all") | (signals.topic == row.topic))
            assert there.sum() == row.n
            assert wrong[there].sum() == row.n_errors
            auc = roc_auc_score(wrong[there], scores[there])
            assert auc == pytest.approx(row.roc_auc, abs=1e-9)
            compared += 1
    assert compared == len(expected)


def _indices(letters: pd.Series) -> Any:
    return letters.map(lambda letter: LETTERS.find(letter) if isinstance(letter, str) else -1)
