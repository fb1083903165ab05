"""The explorer of stored results: what it holds is what the stores hold, read without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from apprehend.benchmark.engines.shared.places import token_ends
from apprehend.benchmark.reporting.exploring import stored_columns
from apprehend.benchmark.reporting.exploring.explored_stores import explored_stores
from apprehend.benchmark.store.task_store import Results
from browser import chromium
from explored_cases import Written
from helpers import in_process, rows
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

LETTERS = "ABCDEFGHIJ"
SHOWN = """new Promise((done) => { const look = () => {
  const head = document.querySelector('#x-question h3');
  head ? done(document.getElementById('x-question').textContent) : setTimeout(look, 5); };
  look(); })"""
TASKS = "mmlu_pro_cot_law,mmlu_pro_cot_math,mmlu_pro_direct_law,mmlu_pro_direct_math"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded model's answers with samples, orders, prompts, statements and judgements."""
    folder = tmp_path_factory.mktemp("explored")
    done = in_process(
        ["run", "--model_args", "pretrained=embedded", "--device", "cpu", "--data", "embedded",
         "--limit", 3, "--tasks", TASKS, "--no_report", "--judge", "hf", "--judge_args",
         "pretrained=embedded", "--samples", 3, "--output_path", folder / "results",
         "--estimators", "token_entropy,cot_mean_entropy,masj_complexity,verbalized_confidence,"
         "permutation_entropy,prompt_consistency,vote_share"],
        folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def written(folder: Path) -> Written:
    done = in_process(["report", "results", "--formats", "svg", "--replicates", 100], folder)
    assert done.returncode == 0, done.stderr
    return Written(folder / "report" / "index.html")


def entry_of(written: Written, task: str) -> dict[str, Any]:
    return next(entry for entry in written.entries if entry["task"] == task)


@pytest.mark.parametrize("task", ["mmlu_pro_direct", "mmlu_pro_cot"])
def test_the_index_is_that_of_the_store(folder: Path, written: Written, task: str) -> None:
    store, entry = folder / "results" / "embedded" / task, entry_of(written, task)
    questions = pd.read_parquet(store / "questions.parquet").set_index("question_id")
    ids = written.json(entry["ids"])
    assert ids == list(questions.index)
    gold = written.array(entry["gold"], "<i1")
    assert [LETTERS[g] for g in gold] == list(questions["gold"])
    topics = [entry["topics"]["names"][c] for c in written.array(entry["topics"]["codes"], "<i2")]
    assert topics == list(questions["topic"])
    scores = pd.read_parquet(store / "scores.parquet")
    shown = written.scores(entry)
    for name, part in scores.groupby("estimator"):
        stored = part.set_index("question_id")["score"].reindex(ids)
        np.testing.assert_array_equal(shown[name], stored.to_numpy(dtype=np.float32))
    one = scores.drop_duplicates("question_id").set_index("question_id").loc[ids]
    answers = [LETTERS[a] if a >= 0 else None for a in written.array(entry["answer"], "<i1")]
    assert answers == [a if isinstance(a, str) else None for a in one["answer"]]
    assert list(written.array(entry["correct"], "<i1") == 1) == list(one["correct"])
    strata = pd.read_parquet(store / "strata.parquet")
    for stratum in entry["strata"]:
        own = strata[strata["stratum"] == stratum["name"]].set_index("question_id")["value"]
        names = [*stratum["values"], None]
        codes = written.array(stratum["codes"], "<i2")
        assert [names[c] for c in codes] == [own.get(i) for i in ids]
    assert len(entry["strata"]) == strata["stratum"].nunique() > 0


def test_details_are_those_of_the_store(folder: Path, written: Written) -> None:
    for task in ("mmlu_pro_direct", "mmlu_pro_cot"):
        store, entry = folder / "results" / "embedded" / task, entry_of(written, task)
        ids = written.json(entry["ids"])
        details = dict(zip(ids, written.rows(entry["details"]), strict=True))
        outcome = rows(store, "answer" if task.endswith("direct") else "trace")
        for row in outcome.itertuples():
            p = (
                np.exp(np.array(row.option_logprobs, dtype=float))
                if row.option_logprobs is not None
                else []
            )
            shown = details[str(row.question_id)].get("probabilities", [])
            np.testing.assert_allclose(shown, p / np.sum(p) if len(p) else [], rtol=2e-3, atol=1e-9)
        for row in rows(store, "judgement").itertuples():
            (judged,) = [
                j for j in details[str(row.question_id)]["judgements"]
                if (j["questionnaire"], j["judge"]) == (row.variant, row.source)
            ]  # fmt: skip
            assert judged["text"] == row.text
            assert judged["labels"] == [label for label in row.labels if label is not None]
        texts = written.rows(entry["texts"])
        questions = pd.read_parquet(store / "questions.parquet")
        assert [text for text, _ in texts] == list(questions["question"])
        assert [options for _, options in texts] == [list(o) for o in questions["options"]]


def test_samples_orders_and_prompts_are_those_of_the_store(folder: Path, written: Written) -> None:
    store = folder / "results" / "embedded" / "mmlu_pro_direct"
    entry = entry_of(written, "mmlu_pro_direct")
    ids = written.json(entry["ids"])
    details = dict(zip(ids, written.rows(entry["details"]), strict=True))
    for row in rows(store, "samples").itertuples():
        (sample,) = details[str(row.question_id)]["samples"]
        assert sample["answers"] == [int(a) for a in row.answers]
    for row in rows(store, "permuted_answers").itertuples():
        orders = details[str(row.question_id)]["orders"]
        assert [(int(name), answer) for name, answer, _ in orders] == [
            (int(shift), int(answer)) for shift, answer in zip(row.shifts, row.answers, strict=True)
        ]
    stored = rows(store, "prompted_answers")
    assert len(stored)
    for one in entry["prompted"]:
        own = stored[stored["variant"] == one["name"]].set_index("question_id")["answer"]
        shown = written.array(one["answer"], "<i1")
        assert list(shown) == [int(own[int(i)]) for i in ids]


def test_tokens_and_the_answer_of_a_text(folder: Path, written: Written) -> None:
    store, entry = folder / "results/embedded/mmlu_pro_cot", entry_of(written, "mmlu_pro_cot")
    details = dict(zip(written.json(entry["ids"]), written.rows(entry["details"]), strict=True))
    marked = 0
    for row in rows(store, "trace").itertuples():
        trace = details[str(row.question_id)]["trace"]
        assert trace["text"] == row.text
        assert len(trace["lengths"]) == len(trace["values"]) == len(row.token_entropies)
        assert sum(trace["lengths"]) == len(row.text)
        np.testing.assert_allclose(
            np.array(trace["values"]) / 100, row.token_entropies, atol=0.0051
        )
        if row.answer_position >= 0:
            place = int(row.answer_position)
            assert trace["answerToken"] == place
            begin = sum(trace["lengths"][:place])
            first, last = trace["answerSpan"]
            assert row.text[first:last] == LETTERS[int(row.answer)]
            assert begin <= first < begin + trace["lengths"][place]
            marked += 1
    assert marked


def test_batches_do_not_change_what_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = Results(folder / "results").stores()
    scores = pd.concat([pd.read_parquet(s.path / "scores.parquet") for s in stores])
    whole = [list(one.details()) for one in explored_stores(stores, scores)]
    monkeypatch.setattr(stored_columns, "READ_AT_ONCE", 1)
    monkeypatch.setattr(stored_columns, "ROWS_AT_ONCE", 2)
    parts = [list(one.details()) for one in explored_stores(stores, scores)]
    assert repr(whole) == repr(parts)


def test_a_question_of_the_demo_is_shown_in_the_page(folder: Path, written: Written) -> None:
    entry = entry_of(written, "mmlu_pro_cot")
    question = written.json(entry["ids"])[0]
    with chromium() as browser:
        browser.open(
            folder / "report/index.html", f"#q={question}&model=embedded&task=mmlu_pro_cot"
        )
        text = browser.value(SHOWN)
        assert written.rows(entry["texts"])[0][0] in text
        assert "What judges say" in text
        assert browser.complaints() == []


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded answers without texts, one of them without a score."""
    folder = tmp_path_factory.mktemp("imported")
    answers = {"id": ["a/1", "b<2>", "c"], "gold": ["A", "B", "C"], "pred": ["B", None, "C"]}
    frame = pd.DataFrame({**answers, "h": [0.5, 1, None]})
    frame.to_json(folder / "t.jsonl", orient="records", lines=True)
    done = in_process(
        ["import", "table", "t.jsonl", "--model", "m", "--id", "id", "--answer", "gold",
         "--prediction", "pred", "--score", "h=h", "--output_path", "r"],
        folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = in_process(["report", "r", "--formats", "svg", "--replicates", 100], folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_imported_answers_say_what_is_missing(imported: Path) -> None:
    written = Written(imported / "report" / "index.html")
    (entry,) = written.entries
    assert "The texts of the questions are not stored." in entry["notes"]
    assert any("samples" in note and "judgements" in note for note in entry["notes"])
    (file,) = (imported / "r").glob("m/*/scores.parquet")
    scores = pd.read_parquet(file)
    missing = scores[scores["score"].isna() & scores["reason"].notna()]
    assert "c" in set(missing["question_id"])
    details = dict(zip(written.json(entry["ids"]), written.rows(entry["details"]), strict=True))
    for row in missing.itertuples():
        assert details[row.question_id]["reasons"][row.estimator] == row.reason
    assert sum(len(detail.get("reasons", {})) for detail in details.values()) == len(missing)


def test_a_question_without_texts_is_shown(imported: Path) -> None:
    with chromium() as browser:
        browser.open(imported / "report" / "index.html", "#q=b%3C2%3E")
        text = browser.value(SHOWN)
        assert "Question b<2>" in text
        assert "The text of the question is not stored." in text
        assert "No answer; the right option is B. Status: unparsed." in text
        assert browser.complaints() == []


def test_the_explorer_can_be_left_out(folder: Path) -> None:
    report = ["report", "results", "--formats", "svg", "--replicates", 100]
    done = in_process([*report, "--output_path", "without", "--no_explorer"], folder)
    assert done.returncode == 0, done.stderr
    assert 'id="explorer' not in (folder / "without/index.html").read_text(encoding="utf-8")
    both = in_process([*report, "--no_explorer", "--embed"], folder)
    assert both.returncode == 2
    assert "--embed and --no_explorer exclude each other" in both.stderr


def byte_level() -> Tokenizer:
    """A tokenizer whose tokens may be parts of characters."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(["the answer is the answer"], trainer)
    return tokenizer


def metaspace() -> Tokenizer:
    """A tokenizer that drops the blank before a text's first word, as SentencePiece does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=60, show_progress=False)
    tokenizer.train_from_iterator(["the answer is (B), so the answer is (C) é"], trainer)
    return tokenizer


@pytest.mark.parametrize("make", [byte_level, metaspace])
@pytest.mark.parametrize("text", ["the answer is (B)", "é the 模型 𝒳 answer 👩‍🔬 is", "", "é"])
def test_tokens_end_where_their_text_ends(make: Any, text: str) -> None:
    tokenizer = make()
    ids = tokenizer.encode(text).ids
    spelled = tokenizer.decode(ids)
    ends = token_ends(tokenizer.decode, ids, spelled)
    assert len(ends) == len(ids)
    assert ends == sorted(ends)
    for count, end in enumerate(ends, 1):
        before = tokenizer.decode(ids[:count])
        assert end == len(before.rstrip("\ufffd")) or count == len(ids)
    assert ends[-1:] == ([len(spelled)] if ids else [])
    cut = spelled[: len(spelled) // 2]
    assert token_ends(tokenizer.decode, ids, cut) == [min(end, len(cut)) for end in ends]


def test_tokens_of_another_text_have_no_ends() -> None:
    tokenizer = byte_level()
    assert token_ends(tokenizer.decode, tokenizer.encode("the answer").ids, "something else") == []


def test_an_older_text_has_values_without_ends() -> None:
    """A part without the column is read as one in which it is null."""
    stores = Results(Path(__file__).parent / "trace_stores" / "schema_3").stores()
    scores = pd.DataFrame({name: [] for name in ("model", "task", "question_id", "score")})
    scores = scores.assign(estimator="", reason=None)
    for store in stores:
        (one,) = explored_stores([store], scores)
        traces = [detail.trace for detail in one.details() if detail.trace is not None]
        assert traces
        assert all(not trace.token_ends for trace in traces)
        assert any(len(trace.token_values) for trace in traces)
