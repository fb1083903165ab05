"""Fuzzed: whatever comes in, a reader gives a result or an error of its own, never another.

Hypothesis draws the input; the examples are the corpus that once broke something or might.
APPREHEND_FUZZ_SECONDS (``make fuzz``) fuzzes each target for so long.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apprehend.benchmark.contract import upgraded
from apprehend.benchmark.errors import ApprehendError
from apprehend.benchmark.importers.lm_eval_samples import read_samples
from apprehend.benchmark.importers.mmlu_pro_results import read_results
from apprehend.benchmark.importers.table import TableColumns, read_table
from apprehend.benchmark.masking import mask_command, mask_text
from apprehend.benchmark.store import TaskStore
from apprehend.benchmark.verifying import findings
from apprehend.tasks.dataset import read_questions
from apprehend.tasks.errors import DataError
from apprehend.tasks.parsing import parse_marked_label
from apprehend.tasks.questionnaires import QUESTIONNAIRES, read_rating
from apprehend.tasks.self_reports import SELF_REPORTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SECONDS = float(os.environ.get("APPREHEND_FUZZ_SECONDS", "0"))
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
LABELS = list("ABCDEFGHIJ")
CORPUS = [
    "", "[[", "]]", "[[]]", "[[ ]]", "[[A]]", "[[a]]", "[[A]] [[Z]]", "[[10]]", "[[[A]]]",
    "[[A\n]]", "[[0.9]]", "0.9", "[[.5]]", "[[1e999]]", "[[-1]]", "[[nan]]", "[[1]] of [[10]]",
    "[[９]]", "[[½]]", "[[٣]]", "[[²]]", "[[0-100, 85]]", "[[high school or less]]",
    "[[knowledge: yes, reasoning: no]]",
    "[[knowledge: yes, reasoning: yes, number of reasoning steps: high]]", "\x00", "\ud800",
    "[[\u202eA]]", "<script>alert(1)</script>", "\\input{x} $\\frac{1}{2}$", "A" * 100_000,
    "[[" * 10_000, "[[100%]]", "[[101%]]", "[[A: 90%, B: 5%]]", "[[certain]]", "[[almost certain]]",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(CORPUS),
    st.text(max_size=200),
    st.lists(st.sampled_from([*CORPUS[:30], "[[", "]]", ",", ":", " ", "%", "\n"])).map("".join),
)
cells = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def fuzz(seconds: float, check: Callable[[], None]) -> None:
    """Run a hypothesis test once, or again and again for a time."""
    until = time.monotonic() + seconds
    check()
    while time.monotonic() < until:
        check()


def test_readers_of_judges_and_models() -> None:
    @FEW
    @given(text=texts)
    def check(text: str) -> None:
        for questionnaire in QUESTIONNAIRES.values():
            verdict = questionnaire.read(text)
            assert (verdict.value is None) != (verdict.reason is None)
            assert verdict.value is None or 0 <= verdict.value <= 1
            start = questionnaire.label_start(text)
            assert start is None or 0 <= start <= len(text)
        rating = read_rating(text)
        assert rating is None or 1 <= rating <= 10
        found = parse_marked_label(text, LABELS)
        assert found is None or (0 <= found.index < 10 and 0 <= found.start < len(text))
        for report in SELF_REPORTS.values():
            said = report.read(text, LABELS)
            assert (said.value is None) == (said.reason is not None)
            assert said.value is None or 0 <= said.value <= 1

    fuzz(SECONDS, check)


GOOD_ROW = {"id": 1, "gold": "A", "pred": "B", "h": 0.5, "p": [0.5, 0.5], "t": "law"}
COLUMNS = TableColumns(
    id="id", topic="t", answer="gold", prediction="pred", correct=None, scores={"h": "h"},
    option_logits=None, option_probs="p", question=None, options=None, where={},
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn, good: dict[str, Any]) -> dict[str, Any]:
    """A good row with some cells replaced or gone."""
    row = dict(good)
    for name in draw(st.lists(st.sampled_from(sorted(good)), max_size=2)):
        if draw(st.booleans()):
            row[name] = draw(cells)
        else:
            row.pop(name, None)
    return row


def lines(rows: list[Any]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


def files_of(good: dict[str, Any]) -> st.SearchStrategy[bytes]:
    rows = st.lists(spoilt(good) | cells, max_size=4).map(lines).map(str.encode)
    cut = st.tuples(rows, st.integers(0, 400)).map(lambda pair: pair[0][: pair[1]])
    return rows | cut | st.binary(max_size=200)


def one_line(error: Exception, file: Path) -> None:
    """The command line folds blanks, which foreign column names may bring in."""
    assert len(" ".join(str(error).split())) > 10
    assert len(str(error)) < 5000


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_tables(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"t{suffix}"

    @FEW
    @given(content=files_of(GOOD_ROW))
    def check(content: bytes) -> None:
        file.write_bytes(content)
        try:
            for question in read_table(file, COLUMNS):
                assert question.correct in (True, False, None)
        except ApprehendError as error:
            one_line(error, file)

    fuzz(SECONDS, check)


SAMPLE = {
    "doc_id": 0, "doc": {"question_id": 1, "question": "x", "options": ["a", "b"], "answer": "A",
                         "category": "law"},
    "target": "A", "resps": [[["-1.0", "True"]], [["-2.0", "False"]]],
    "filtered_resps": [["-1.0", "True"], ["-2.0", "False"]], "acc": "1.0", "exact_match": 1.0,
}  # fmt: skip


def test_lm_eval_samples(tmp_path: Path) -> None:
    file = tmp_path / "samples_mmlu_pro_direct_law_2026-01-01T00-00-00.000000.jsonl"

    @FEW
    @given(content=files_of(SAMPLE))
    def check(content: bytes) -> None:
        file.write_bytes(content)
        try:
            read_samples([file])
        except ApprehendError as error:
            one_line(error, file)

    fuzz(SECONDS, check)


RESULT = {"question_id": 1, "question": "x", "options": ["a", "b"], "answer": "A",
          "answer_index": 0, "category": "law", "pred": "B", "model_outputs": "so B"}  # fmt: skip


def test_published_results(tmp_path: Path) -> None:
    file = tmp_path / "model_outputs.json"

    @FEW
    @given(rows=st.lists(spoilt(RESULT) | cells, max_size=3) | cells, cut=st.integers(0, 600))
    def check(rows: Any, cut: int) -> None:
        file.write_text(json.dumps(rows)[:cut], encoding="utf-8")
        try:
            read_results(file)
        except ApprehendError as error:
            one_line(error, file)

    fuzz(SECONDS, check)


QUESTION = {"question_id": 1, "question": "x", "options": ["a", "b"], "answer": "A",
            "category": "law", "src": "s"}  # fmt: skip


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_data_files(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"d{suffix}"

    @FEW
    @given(content=files_of(QUESTION))
    def check(content: bytes) -> None:
        file.write_bytes(content)
        try:
            read_questions(file)
        except (ApprehendError, DataError) as error:
            one_line(error, file)

    fuzz(SECONDS, check)


MANIFEST = {"schema_version": 1, "created": "x", "model": {"engine": "hf"}, "task": {}, "data": {},
            "command": ["apprehend", "run"], "judges": {"j": {"engine": "hf"}},
            "costs": {}}  # fmt: skip


def test_manifests(tmp_path: Path) -> None:
    store = TaskStore(tmp_path / "m" / "t")
    store.path.mkdir(parents=True)
    file = store.path / "manifest.json"

    @FEW
    @given(content=files_of(MANIFEST))
    def check(content: bytes) -> None:
        file.write_bytes(content)
        store.forget()
        try:
            assert isinstance(store.manifest, dict)
            _ = store.contract
        except ApprehendError as error:
            one_line(error, file)
        assert all(str(finding) for finding in findings(store))

    fuzz(SECONDS, check)


@FEW
@given(row=spoilt(MANIFEST))
def test_older_manifests_are_upgraded_or_refused(row: dict[str, Any]) -> None:
    try:
        assert upgraded(row, Path("manifest.json"))["schema_version"] == 2
    except ApprehendError as error:
        one_line(error, Path())


@FEW
@given(text=texts, words=st.lists(texts, max_size=5))
def test_masking_never_fails_and_is_stable(text: str, words: list[str]) -> None:
    once = mask_text(text)
    assert mask_text(once) == once
    assert len(mask_command(words)) == len(words)
