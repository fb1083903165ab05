"""Public files and spellings, where the cases are present: the right value, or a refusal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import ROOT, in_process
from sklearn.metrics import roc_auc_score

DATA = Path(os.environ.get("APPREHEND_RECORDED_DATA", ROOT.parent / "shared" / "data"))
CASES = DATA.parent / "cases"
TABLE = ("--id", "id", "--topic", "topic", "--answer", "gold", "--prediction", "pred")


@dataclass(frozen=True)
class Expected:
    """A command on a case, and what is right.

    Attributes:
        case: Folder of the case.
        words: Importer, path and options; the path is relative to the case.
        accuracy: Of the imported questions; None for a refusal.
        n: Number of imported questions.
        says: Parts of the messages.
        topics: Topic → accuracy.
        score: Name of a score → its ROC AUC of errors.
    """

    case: str
    words: Sequence[str]
    accuracy: float | None
    n: int = 0
    says: Sequence[str] = ()
    topics: tuple[tuple[str, float], ...] = ()
    score: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        return f"{self.case}: {' '.join(self.words)}"


def table(case: str, file: str, *more: str, a: float | None = None, **rest: Any) -> Expected:
    return Expected(case, ("table", file, *TABLE, *more), a, **rest)


FORTY, EIGHTY = {"a": 0.55, "n": 40}, {"a": 0.625, "n": 80}
EXPECTED = [
    Expected("b11-lmeval-mmlu-subjects", ("lm-eval", ".", "--task", "mmlu"), 7 / 30, 30,
             topics=(("management", 0.2), ("marketing", 4 / 15))),
    Expected("b11-lmeval-mmlu-subjects", ("auto", "."), 7 / 30, 30),
    Expected("b15-lmeval-u2028", ("lm-eval", "."), 0.25, 8),
    Expected("b16-lmeval-gen-two-filters", ("lm-eval", "."), None,
             says=("strict", "flexible", "--filter")),
    Expected("b16-lmeval-gen-two-filters", ("lm-eval", ".", "--filter", "flexible"), 10 / 15, 15),
    Expected("b16-lmeval-gen-two-filters", ("lm-eval", ".", "--filter", "strict"), 0.0, 15,
             says=("15 of 15 answers (100%) cannot be read",)),
    Expected("b17-lmeval-old-json", ("lm-eval", "*.json"), 3 / 15, 15),
    Expected("f17-lmeval-old-042-array", ("auto", "*.jsonl"), 8 / 40, 40),
    table("b20-probs-rounded", "t.jsonl", "--option_probs", "p", **FORTY, says=("renormalized",)),
    table("f75-probs-sum-1.01", "t.jsonl", "--option_probs", "p", **EIGHTY,
          says=("renormalized",)),
    table("b25-semicolon-decimal-comma", "t.csv", "--score", "u=unc", **FORTY),
    table("b25-semicolon-decimal-comma", "comma_only.csv", "--score", "u=unc", **FORTY),
    table("f53-semicolons", "t.csv", "--score", "h=h", **EIGHTY),
    table("f54-semicolon-decimal-comma", "t.csv", "--score", "h=h", **EIGHTY),
    table("f52-bom-jsonl", "t.jsonl", **EIGHTY),
    table("b28-leading-zero-ids", "t.csv", **FORTY),
    *(table("b30-huge-ids", name, **FORTY) for name in ("fl.jsonl", "t.csv", "t.jsonl", "t25.csv")),
    *(table("b33-boolean-strings", f"{name}.csv", "--correct", "correct", **FORTY)
      for name in ("f", "pm", "tf", "upper", "words", "yn")),
    table("b33-boolean-strings", "blank.csv", "--correct", "correct", a=21 / 39, n=39,
          says=("1 left out",)),
    *(table("b35-one-based", f"{name}.csv", **FORTY, says=("numbers count from 1",))
      for name in ("both", "gold_only")),
    table("b35-one-based", "gold_only_with_options.csv", "--options", "options", **FORTY),
    *(table("b37-lists-in-cells", name, "--option_probs", "p", **FORTY)
      for name in ("json.csv", "pyrepr.csv", "numpy.csv", "semi.csv", "dict.csv", "dict.jsonl")),
    table("b37-lists-in-cells", "columns.csv", "--option_probs", "prob_A,prob_B,prob_C,prob_D",
          **FORTY),
    table("b37-lists-in-cells", "options_pyrepr.csv", "--options", "options", **FORTY),
    table("b38-missing-logprobs", "null.jsonl", "--option_logits", "p", **FORTY,
          says=("missing mass", "outside the top k")),
    table("b38-missing-logprobs", "inf.jsonl", "--option_logits", "p", **FORTY),
    table("b38-missing-logprobs", "logprob_as_probs.jsonl", "--option_probs", "p",
          says=("log-probabilities", "--option_logits")),
    *(table("b47-containers", name, **FORTY)
      for name in ("t.csv.gz", "t.json", "t.jsonl.gz", "t.txt")),
    table("p23-gz", "t.csv.gz", **EIGHTY),
    table("b48-column-names", "t.csv", says=("no column 'gold'", "did you mean 'Gold'")),
    Expected("b48-column-names", ("table", "dup.csv", "--id", "id", "--answer", "gold",
             "--prediction", "pred"), None, says=("several columns 'pred'",)),
    *(Expected("b49-openai-batch", ("auto", name), None, says=("--gold FILE",))
      for name in ("batch_output.jsonl", "vllm.jsonl")),
    Expected("p31-openai-batch-logprobs", ("auto", "out.jsonl"), None, says=("--gold FILE",)),
    Expected("p30-opencompass", ("auto", "*.json"), 0.625, 80),
    Expected("p32-lighteval-details", ("auto", "details.parquet"), 0.625, 80),
    table("b60-crlf-latin1", "crlf.csv", **FORTY),
    table("b60-crlf-latin1", "quoted.csv", **FORTY),
    table("b60-crlf-latin1", "latin1.csv", says=("line 2", "Latin-1", "--encoding")),
    table("b60-crlf-latin1", "latin1.csv", "--encoding", "cp1252", **FORTY),
    table("b64-lfs-pointer", "t.csv", says=("Git LFS pointer",)),
    table("b64-lfs-pointer", "details_arc.parquet", says=("Git LFS pointer",)),
    *(Expected("b64-lfs-pointer", (kind, name), None, says=("Git LFS pointer",)) for kind, name in (
        ("lm-eval", "samples*.jsonl"), ("auto", "samples*.jsonl"), ("auto", "details_arc.parquet"),
        ("lighteval", "details_arc.parquet"), ("auto", "t.csv"), ("mmlu-pro", "t.csv"),
        ("opencompass", "t.csv"), ("helm", "t.csv"), ("inspect", "t.csv"))),
    Expected("b71-lmeval-hf-repeat", ("lm-eval", "."), 0.4, 5,
             says=("2026-01-02", "newest", "2026-01-01")),
    Expected("f02-mmlupro-llama2-zip-macos", ("mmlu-pro", "llama2.zip"), 31 / 150, 150),
    Expected("f04-mmlupro-folder-of-categories", ("mmlu-pro", "deepseek"), 0.625, 80,
             topics=(("biology", 0.8), ("law", 0.45))),
    Expected("f05-mmlupro-zip-with-summary", ("mmlu-pro", "deepseek.zip"), 0.625, 80),
    Expected("p04-mmlupro-pred-styles", ("mmlu-pro", "a.json"), 1.0, 6),
    table("f63-topic-none", "t.csv", **EIGHTY),
    table("f68-bool-missing", "t.csv", "--correct", "ok", a=43 / 72, n=72, says=("8 left out",)),
    table("f69-correct-and-answer-contradict", "t.csv", "--correct", "ok",
          says=("contradicts", "80 of 80 rows")),
    table("f71-confidence-as-score", "t.csv", "--score", "max_probability=conf", **EIGHTY,
          says=("warning", "--confidence max_probability"), score=(("max_probability", 0.306),)),
    table("f71-confidence-as-score", "t.csv", "--confidence", "max_probability=conf", **EIGHTY,
          score=(("max_probability", 0.694),)),
    table("f77-logprobs-as-probs", "t.jsonl", "--option_probs", "p",
          says=("log-probabilities", "--option_logits")),
    table("f77-logprobs-as-probs", "t.jsonl", "--option_logits", "p", **EIGHTY),
    table("f79-logits-json-cell", "t.csv", "--option_logits", "z", **EIGHTY),
    table("f82-logits-nan-cell", "t.jsonl", "--option_logits", "z", **EIGHTY,
          says=("outside the top k",)),
    table("f89-gold-letter-pred-1based", "t.csv", **EIGHTY, says=("numbers count from 1",)),
    table("f90-zero-based", "t.csv", **EIGHTY),
    table("f91-zero-based-with-gaps", "t.csv", a=0.525, n=80, says=("9 without a readable",)),
]  # fmt: skip


@pytest.fixture(scope="module")
def cases() -> Path:
    if not CASES.is_dir():
        pytest.skip(f"no cases at {CASES}")
    return CASES


@pytest.mark.parametrize("expected", EXPECTED, ids=str)
def test_a_case_gives_its_value_or_its_refusal(
    cases: Path, tmp_path: Path, expected: Expected
) -> None:
    importer, path, *options = expected.words
    folder = cases / expected.case
    (file,) = [folder] if path == "." else list(folder.glob(path))
    out = tmp_path / "results"
    done = in_process(
        ["import", importer, file, "--model", "m", *options, "--output_path", out], tmp_path
    )
    for text in expected.says:
        assert text in done.stderr
    assert "(unexpected;" not in done.stderr
    if expected.accuracy is None:
        assert done.returncode in (1, 2)
        assert not out.exists()
        return
    assert done.returncode == 0, done.stderr
    (scores_file,) = out.rglob("scores.parquet")
    scores = pd.read_parquet(scores_file)
    questions = scores.drop_duplicates("question_id")
    assert len(questions) == expected.n
    assert questions.correct.mean() == pytest.approx(expected.accuracy, abs=1e-9)
    for topic, accuracy in expected.topics:
        assert questions[questions.topic == topic].correct.mean() == pytest.approx(accuracy)
    for name, auc in expected.score:
        own = scores[scores.estimator == name]
        assert roc_auc_score(~own.correct.astype(bool), own.score) == pytest.approx(auc, abs=5e-4)


def test_ids_of_two_types_are_joined(cases: Path, tmp_path: Path) -> None:
    folder = cases / "b73-id-type-across-models"
    for model, name in (("a", "a.csv"), ("b", "b.jsonl")):
        done = in_process(
            ["import", "table", folder / name, "--model", model, *TABLE, "--output_path", "r"],
            tmp_path,
        )
        assert done.returncode == 0, done.stderr
    for command in (["report", "r", "--formats", "svg"], ["verify", "r"]):
        done = in_process(command, tmp_path)
        assert done.returncode == 0, done.stderr


def test_top_logprobs_give_what_the_table_gives(cases: Path, tmp_path: Path) -> None:
    """The 40 questions of b49 stand in b20 with their right answers."""
    key = pd.read_json(cases / "b20-probs-rounded" / "t.jsonl", lines=True)
    exact = pd.read_json(cases / "b37-lists-in-cells" / "dict.jsonl", lines=True)
    probs = np.array([[row[letter] for letter in "ABCD"] for row in exact.p])
    entropy = -(probs * np.log(probs)).sum(axis=1)
    wrong = key.pred != key.gold
    for kind, name, prefix in (("openai", "batch_output.jsonl", "q-"), ("vllm", "vllm.jsonl", "")):
        gold = tmp_path / f"{kind}.csv"
        ids = [f"{prefix}{number}" for number in range(40)]
        pd.DataFrame({"id": ids, "answer": key.gold, "topic": key.topic}).to_csv(gold, index=False)
        done = in_process(
            ["import", kind, cases / "b49-openai-batch" / name, "--model", kind, "--gold", gold,
             "--output_path", "r"], tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        scores = pd.read_parquet(tmp_path / "r" / kind / "imported" / "scores.parquet")
        own = scores[scores.estimator == "option_entropy"].set_index("question_id").loc[ids]
        assert (~own.correct.astype(bool)).tolist() == wrong.tolist()
        np.testing.assert_allclose(own.score, entropy, atol=1e-9)
        assert roc_auc_score(wrong, own.score) == pytest.approx(roc_auc_score(wrong, entropy))
