"""Every importer on files as other programs write them: outcomes and scores as by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import format_files as files
import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.importers.importer import importers, recognizing
from format_files import Answers, Writer
from helpers import in_process
from sklearn.metrics import roc_auc_score

ANSWERS = Answers.made()
GOLD = ("--gold", "key.csv")
FORMATS: list[tuple[str, Writer, tuple[str, ...], bool, tuple[str, ...]]] = [
    ("lm-eval", files.lm_eval, (), True, ()),
    ("lm-eval", files.lm_eval_array, (), True, ()),
    ("lm-eval", files.lm_eval_write_out, (), True, ()),
    ("lm-eval", files.lm_eval_generated, ("--filter", "flexible"), False, ()),
    ("mmlu-pro", files.mmlu_pro, (), False, ()),
    ("openai", files.openai, GOLD, True, ()),
    ("openai", files.openai_texts, GOLD, True, ()),
    ("vllm", files.vllm, GOLD, True, ()),
    ("opencompass", files.opencompass, (), False, ()),
    ("lighteval", files.lighteval, (), True, ()),
    ("lighteval", files.lighteval_old, (), True, ()),
    ("helm", files.helm, (), True, ("1 requests of perturbed copies",)),
    ("helm", files.helm_separate, (), True, ()),
    ("inspect", files.inspect_json, (), True, ("60 samples of further epochs",)),
    ("inspect", files.inspect_eval, (), True, ("60 samples of further epochs",)),
]
"""(importer, its files, options, whether options have probabilities, what is said)."""


def scores_of(out: Path) -> pd.DataFrame:
    (file,) = out.rglob("scores.parquet")
    return pd.read_parquet(file)


@pytest.mark.parametrize("by", ["name", "auto"])
@pytest.mark.parametrize("case", FORMATS, ids=lambda case: case[1].__name__)
def test_a_format_gives_what_its_file_says(tmp_path: Path, case: Any, by: str) -> None:
    importer, write, options, scored, says = case
    path = write(tmp_path, ANSWERS)
    files.key(tmp_path, ANSWERS)
    name = importer if by == "name" else "auto"
    done = in_process(
        ["import", name, path, "--model", "m", *options, "--output_path", "r"], tmp_path
    )
    assert done.returncode == 0, done.stderr
    for text in says:
        assert text in done.stderr
    scores = scores_of(tmp_path / "r")
    questions = scores.drop_duplicates("question_id")
    assert len(questions) == len(ANSWERS.gold)
    assert questions.correct.mean() == pytest.approx(1 - ANSWERS.wrong.mean(), abs=1e-12)
    assert (
        questions.answer.value_counts().to_dict()
        == pd.Series([files.LETTERS[k] for k in ANSWERS.pred]).value_counts().to_dict()
    )
    by_topic = questions.groupby("topic").size()
    assert by_topic.sum() == len(questions)
    if importer not in ("lm-eval",) and write is not files.lighteval_old:
        assert by_topic.to_dict() == {"law": 30, "math": 30}
    own = scores[scores.estimator == "option_entropy"]
    assert (len(own) > 0) == scored
    if scored:
        np.testing.assert_allclose(sorted(own.score), sorted(ANSWERS.entropy), atol=1e-9)
        assert roc_auc_score(~own.correct.astype(bool), own.score) == pytest.approx(
            roc_auc_score(ANSWERS.wrong, ANSWERS.entropy), abs=1e-9
        )


def test_every_importer_has_a_file_here() -> None:
    assert {case[0] for case in FORMATS} | {"table", "auto"} == importers().keys()


@pytest.mark.parametrize("case", FORMATS, ids=lambda case: case[1].__name__)
def test_a_file_is_recognized_by_its_own_importer_first(tmp_path: Path, case: Any) -> None:
    importer, write, *_ = case
    path = write(tmp_path, ANSWERS)
    inside = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    found = [recognizing([file]) for file in inside if not file.name.startswith("results_")]
    assert {others[0].name for others in found} == {importer}


def test_a_dry_run_shows_and_writes_nothing(tmp_path: Path) -> None:
    files.table(tmp_path, ANSWERS)
    done = in_process(
        ["import", "table", "answers.csv", "--model", "m", "--id", "id", "--topic", "subject",
         "--answer", "gold", "--prediction", "said", "--option_probs", "probs",
         "--confidence", "stated=confidence", "--output_path", "r", "--dry_run"], tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "r").exists()
    accuracy = 1 - ANSWERS.wrong.mean()
    auc = roc_auc_score(ANSWERS.wrong, -ANSWERS.logprobs.max(axis=1))
    for text in (
        "60 rows, 0 left out", f"accuracy {accuracy:.4f}", "0 answers cannot be read",
        "topic law: 30", "options per question: 4: 60", "60 have probabilities",
        "score stated (1 - confidence): 60 values, ", f"ROC AUC of errors {auc:.3f}",
    ):  # fmt: skip
        assert text in done.stdout


def test_a_dry_run_shows_answers_that_cannot_be_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": range(10), "gold": "A", "said": ["A", "huh", "", "E?"] + ["A"] * 6})
    frame.to_csv(tmp_path / "t.csv", index=False)
    done = in_process(
        ["import", "table", "t.csv", "--model", "m", "--id", "id", "--answer", "gold",
         "--prediction", "said", "--dry_run"], tmp_path,
    )  # fmt: skip
    assert "3 answers cannot be read" in done.stdout
    assert "line 3: 'huh'" in done.stdout
    assert "3 of 10 answers (30%) cannot be read, 1 of them are empty" in done.stderr
