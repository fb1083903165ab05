"""Kinds of files that come in right: each kind with an input of its own and an oracle by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bad_imports import SAMPLE, SAMPLES, changed, lines
from helpers import Done, in_process, rows
from sklearn.metrics import roc_auc_score

RNG = np.random.default_rng(1)
N = 60
PROBS = RNG.dirichlet(np.ones(4) * 0.7, size=N)
GOLD = np.array([RNG.choice(4, p=p) for p in PROBS])
PRED = PROBS.argmax(axis=1)
FRAME = pd.DataFrame({"id": range(N), "gold": [*"ABCD"] * 15})
FRAME["gold"], FRAME["pred"] = np.array([*"ABCD"])[GOLD], np.array([*"ABCD"])[PRED]


def table(folder: Path, frame: pd.DataFrame, *more: str) -> Done:
    frame.to_json(folder / "t.jsonl", orient="records", lines=True)
    return in_process(
        ["import", "table", "t.jsonl", "--model", "m", "--id", "id", "--answer", "gold",
         "--prediction", "pred", *more, "--output_path", "r"], folder,
    )  # fmt: skip


def scores(folder: Path, name: str) -> pd.DataFrame:
    (file,) = (folder / "r").rglob("scores.parquet")
    frame = pd.read_parquet(file)
    return frame[frame.estimator == name].reset_index(drop=True)


def entropy(probs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    p = probs / probs.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.where(p > 0, p * np.log(p), 0).sum(axis=1)


@pytest.mark.parametrize("how", ["two digits", "half precision", "percent", "top two", "columns"])
def test_probabilities_that_do_not_sum_to_one(tmp_path: Path, how: str) -> None:
    shown: Any = PROBS.round(2)
    expected = PROBS.round(2)
    if how == "half precision":
        shown = expected = PROBS.astype(np.float16).astype(float)
    elif how == "percent":
        shown, expected = (PROBS * 100).round(1), (PROBS * 100).round(1)
    elif how == "top two":
        second = np.sort(PROBS, axis=1)[:, 2:3]
        shown = np.where(second <= PROBS, PROBS, np.nan)
        expected = np.nan_to_num(shown)
    cells = [[None if np.isnan(v) else float(v) for v in row] for row in shown]
    if how == "columns":
        more = FRAME.assign(**{f"p_{k}": shown[:, n] for n, k in enumerate("ABCD")})
        done = table(tmp_path, more, "--option_probs", "p_A,p_B,p_C,p_D")
    else:
        done = table(tmp_path, FRAME.assign(p=cells), "--option_probs", "p")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if "renormalized" in line]
    assert len(said) == 1
    own = scores(tmp_path, "option_entropy")
    np.testing.assert_allclose(own.score, entropy(np.asarray(expected)), atol=1e-9)
    assert roc_auc_score(~own.correct.astype(bool), own.score) == pytest.approx(
        roc_auc_score(PRED != GOLD, entropy(np.asarray(expected))), abs=1e-9
    )
    stored = rows(tmp_path / "r" / "m" / "imported", "answer")
    mass = np.maximum(0, 1 - np.asarray(expected).sum(axis=1) / (100 if how == "percent" else 1))
    np.testing.assert_allclose(stored.missing_mass, mass, atol=1e-9)


@pytest.mark.parametrize("scale", ["share", "percent", "marked"])
def test_a_confidence_is_turned_around(tmp_path: Path, scale: str) -> None:
    confidence = PROBS.max(axis=1)
    cells: Any = confidence
    if scale == "percent":
        cells = confidence * 100
    elif scale == "marked":
        cells = [f"{100 * value!r}%" for value in confidence.tolist()]
    done = table(tmp_path, FRAME.assign(c=cells), "--confidence", "stated=c")
    assert done.returncode == 0, done.stderr
    own = scores(tmp_path, "stated")
    np.testing.assert_allclose(own.score, 1 - confidence, atol=1e-9)
    assert "warning" not in done.stderr
    wrong_way = table(tmp_path, FRAME.assign(c=cells if scale != "marked" else confidence),
                      "--score", "stated=c", "--task", "other")  # fmt: skip
    assert "warning" in wrong_way.stderr
    assert "--confidence stated=" in wrong_way.stderr


def test_few_contradictions_warn_and_many_refuse(tmp_path: Path) -> None:
    outcome = (GOLD == PRED).astype(int)
    for flipped, status in ((2, 0), (20, 1)):
        said = outcome.copy()
        said[:flipped] = 1 - said[:flipped]
        done = table(tmp_path, FRAME.assign(ok=said), "--correct", "ok", "--task", f"t{flipped}")
        assert done.returncode == status, done.stderr
        assert f"in {flipped} of {N} rows (line 1, line 2" in done.stderr
    own = pd.read_parquet(tmp_path / "r" / "m" / "t2" / "scores.parquet")
    assert own.drop_duplicates("question_id").correct.sum() == (
        outcome.sum() + 2 - 2 * outcome[:2].sum()
    )


def test_unread_answers_warn_with_their_rows(tmp_path: Path) -> None:
    said = FRAME.pred.where(FRAME.index >= 15, "no idea")
    done = table(tmp_path, FRAME.assign(pred=said))
    assert "15 of 60 answers (25%) cannot be read" in done.stderr
    assert "line 1: 'no idea'" in done.stderr


def lm_eval(folder: Path, *samples: dict[str, Any], name: str = SAMPLES, words: Any = ()) -> Done:
    (folder / name).write_text(lines(*samples), "utf-8")
    return in_process(
        ["import", "lm-eval", folder, "--model", "m", *words, "--output_path", "r"], folder
    )


def test_mutual_information_logs_use_the_conditional_likelihoods(tmp_path: Path) -> None:
    pairs = [["-3.0", "False"], ["-1.0", "True"], ["-0.1", "False"], ["-0.2", "False"]]
    done = lm_eval(tmp_path, changed(
        SAMPLE, filtered_resps=pairs, target="1", acc_mutual_info=0.0, doc={"question": "q"}
    ))  # fmt: skip
    assert done.returncode == 0, done.stderr
    (stored,) = rows(tmp_path / "r" / "m" / "quiz", "answer").itertuples()
    assert stored.option_logprobs.tolist() == [-3.0, -1.0]
    assert (stored.answer, stored.correct) == (1, 1)


def test_the_newest_of_two_runs_is_taken_and_said(tmp_path: Path) -> None:
    (tmp_path / SAMPLES).write_text(lines(changed(SAMPLE, acc=0.0, target="1")), "utf-8")
    newer = SAMPLES.replace("2026-01-01", "2026-01-02")
    done = lm_eval(tmp_path, SAMPLE, name=newer)
    assert done.returncode == 0, done.stderr
    assert f"{newer} is the newest, left out: {SAMPLES}" in done.stderr
    assert rows(tmp_path / "r" / "m" / "quiz", "answer").correct.tolist() == [1]


def test_tasks_of_a_group_are_topics_and_others_stay_apart(tmp_path: Path) -> None:
    stamp = "2026-01-01T00-00-00.000000"
    for name in ("mmlu_law", "mmlu_anatomy", "mmlu_pro", "arc_easy"):
        (tmp_path / f"samples_{name}_{stamp}.jsonl").write_text(lines(SAMPLE), "utf-8")
    done = in_process(["import", "lm-eval", ".", "--model", "m", "--output_path", "r"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "r" / "m").iterdir()} == {"mmlu", "mmlu_pro", "arc_easy"}
    table = pd.read_parquet(tmp_path / "r" / "m" / "mmlu" / "questions.parquet")
    assert table.set_index("question_id").topic.to_dict() == {
        "mmlu_anatomy:0": "mmlu_anatomy", "mmlu_law:0": "mmlu_law",
    }  # fmt: skip


def test_free_answers_have_an_outcome_and_no_option(tmp_path: Path) -> None:
    rows_ = [
        changed(SAMPLE, doc_id=i, doc={"question": "2 + 2?"}, target="2 + 2 makes four. #### 4",
                resps=[["It is 4."]], filtered_resps=["4" if i else "5"], filter="strict-match",
                exact_match=float(i > 0))
        for i in range(3)
    ]  # fmt: skip
    for row in rows_:
        del row["acc"]
    done = lm_eval(tmp_path, *rows_)
    assert done.returncode == 0, done.stderr
    stored = rows(tmp_path / "r" / "m" / "quiz", "trace")
    assert stored.correct.tolist() == [0, 1, 1]
    assert stored.status.tolist() == ["parsed"] * 3
    assert stored.answer.isna().all()


def test_a_refusal_of_the_second_task_leaves_the_first_unwritten(tmp_path: Path) -> None:
    other = SAMPLES.replace("quiz", "zoo")
    (tmp_path / other).write_text(lines(*[changed(SAMPLE, filter="none")] * 2), "utf-8")
    done = lm_eval(tmp_path, SAMPLE)
    assert done.returncode == 1
    assert "duplicate id 0" in done.stderr
    assert not (tmp_path / "r").exists()


def test_replies_outside_the_top_tokens_keep_the_missing_mass(tmp_path: Path) -> None:
    body = {"choices": [{"message": {"content": "B"}, "logprobs": {"content": [
        {"token": "B", "logprob": -0.5, "top_logprobs": [
            {"token": "B", "logprob": -0.5}, {"token": " B", "logprob": -2.0},
            {"token": "The", "logprob": -3.0}]}]}}]}  # fmt: skip
    (tmp_path / "b.jsonl").write_text(
        lines(*({"custom_id": f"q{i}", "response": {"status_code": 200, "body": body}}
                for i in range(3)),
              {"custom_id": "q3", "response": None, "error": {"message": "x"}}), "utf-8",
    )  # fmt: skip
    (tmp_path / "k.csv").write_text("id,answer\nq0,B\nq1,A\nq2,D\nq3,A\n")
    done = in_process(["import", "openai", "b.jsonl", "--gold", "k.csv", "--model", "m",
                       "--output_path", "r"], tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 requests have no reply (line 4)" in done.stderr
    assert "9 options are not among the top tokens" in done.stderr
    stored = rows(tmp_path / "r" / "m" / "imported", "answer")
    known = np.exp(-0.5) + np.exp(-2.0)
    np.testing.assert_allclose(
        stored.option_logprobs[0], [-np.inf, np.log(known), -np.inf, -np.inf]
    )
    np.testing.assert_allclose(stored.missing_mass[:3], 1 - known - np.exp(-3.0))
    assert stored.correct.tolist() == [1, 0, 0, 0]
    assert stored.status.tolist() == ["parsed"] * 3 + ["unparsed"]


def test_lists_and_letters_survive_every_writer(tmp_path: Path) -> None:
    """pandas' own CSV of lists, of arrays and of objects."""
    for number, write in enumerate((list, np.array, lambda p: dict(zip("ABCD", p, strict=True)))):
        frame = FRAME.assign(p=[write([float(v) for v in row]) for row in PROBS])
        frame.to_csv(tmp_path / "t.csv", index=False)
        done = in_process(
            ["import", "table", "t.csv", "--model", "m", "--task", f"t{number}", "--id", "id",
             "--answer", "gold", "--option_probs", "p", "--output_path", "r"], tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        own = pd.read_parquet(tmp_path / "r" / "m" / f"t{number}" / "scores.parquet")
        own = own[own.estimator == "option_entropy"]
        np.testing.assert_allclose(own.score, entropy(PROBS), atol=1e-6 if number == 1 else 1e-9)
        assert json.loads((tmp_path / "r/m" / f"t{number}" / "manifest.json").read_text())
