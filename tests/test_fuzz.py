"""Fuzzing: for any input, a parser returns a result or raises an error of its own, never another.

Hypothesis draws the input from the shapes that a parser expects, partly corrupted; the seeds of
``fuzz_targets.py`` are tried too. ``make fuzz`` searches further, with atheris.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apprehend.benchmark.console.errors import ApprehendError
from apprehend.benchmark.console.masking import mask_command, mask_text
from apprehend.benchmark.store.contract import SCHEMA_VERSION, upgraded
from fuzz_targets import (
    CHAT_REPLY,
    CORPUS,
    GOOD_ROW,
    MANIFEST,
    QUESTION,
    RESULT,
    SAMPLE,
    TARGETS,
    TEXT_REPLY,
    one_line,
    read_replies,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

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


@FEW
@given(text=texts)
def test_replies_of_judges_and_models(text: str) -> None:
    read_replies(text)


@st.composite
def spoilt(draw: st.DrawFn, good: dict[str, Any]) -> dict[str, Any]:
    """A valid row with some cells replaced or removed."""
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


GOOD = {
    "table.jsonl": GOOD_ROW,
    "table.csv": GOOD_ROW,
    "table.parquet": GOOD_ROW,
    "lm_eval": SAMPLE,
    "data.jsonl": QUESTION,
    "data.parquet": QUESTION,
    "manifest": MANIFEST,
}


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(tmp_path: Path, name: str) -> None:
    check = TARGETS[name].make(tmp_path)
    for seed in TARGETS[name].seeds:
        check(seed)
        check(seed[: len(seed) // 2])


@pytest.mark.parametrize("name", GOOD)
def test_files_of_spoilt_rows(tmp_path: Path, name: str) -> None:
    read = TARGETS[name].make(tmp_path)

    @FEW
    @given(content=files_of(GOOD[name]))
    def check(content: bytes) -> None:
        read(content)

    check()


ODD = ["null", "true", "-1", "7", "0.5", "NaN", "-Infinity", "1e999", "9" * 400, '"A"', '"\\ud83d"',
       "[]", "{}", '{"A": -1, "A": -2}', "[[]]", '"', "", "[", "]", "}", ",", ":"]  # fmt: skip


@FEW
@given(
    reply=st.sampled_from([TEXT_REPLY, CHAT_REPLY]),
    # Where its values begin, more often than not.
    changes=st.lists(st.tuples(st.integers(0, 40), st.sampled_from(ODD)), min_size=1, max_size=3),
)
def test_replies_of_endpoints(reply: dict[str, Any], changes: list[tuple[int, str]]) -> None:
    words = re.findall(r'"[^"]*"|[-.\w]+|.', json.dumps(reply))
    for place, odd in changes:
        words[place * 7 % len(words)] = odd
    TARGETS["endpoint"].make(Path())("".join(words).encode("utf-8", "surrogatepass"))


def test_published_results(tmp_path: Path) -> None:
    read = TARGETS["mmlu_pro.json"].make(tmp_path)

    @FEW
    @given(rows=st.lists(spoilt(RESULT) | cells, max_size=3) | cells, cut=st.integers(0, 600))
    def check(rows: Any, cut: int) -> None:
        read(json.dumps(rows)[:cut].encode())

    check()


@pytest.mark.slow
def test_guided_fuzzing_runs_and_reports() -> None:
    """`make fuzz` for a second; it needs atheris."""
    root = Path(__file__).resolve().parents[1]
    if not (root / ".venv" / "fuzz" / "done").is_file():
        pytest.skip("atheris is not installed (`make fuzz` does)")
    done = subprocess.run(
        [sys.executable, "tests/fuzz_guided.py", "1", "replies"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "inputs in 1 s, no crash" in done.stdout


@FEW
@given(row=spoilt(MANIFEST))
def test_older_manifests_are_upgraded_or_refused(row: dict[str, Any]) -> None:
    try:
        assert upgraded(row, Path("manifest.json"))["schema_version"] == SCHEMA_VERSION
    except ApprehendError as error:
        one_line(error)


@pytest.mark.parametrize(
    "piece",
    ["A", "[[", "]] ", "key", "key=", "token: ", "://", "://a@", "bearer ", "eyJ-", "eyJ.", "sk-",
     "a.", "'", '"key": "', "Authorization: ", " ", "\n", "[[A: 9%, ", "9", "%, ", "yes, "],
)  # fmt: skip
def test_long_texts_take_no_longer_than_their_length_asks_for(piece: str) -> None:
    """A pattern that backtracks over the text for every character would take hours here."""
    text = piece * (300_000 // len(piece))
    mask_text(text)
    read_replies(text)
    read_replies(f"[[{text}]]")


@FEW
@given(text=texts, words=st.lists(texts, max_size=5))
def test_masking_never_fails_and_is_stable(text: str, words: list[str]) -> None:
    once = mask_text(text)
    assert mask_text(once) == once
    assert len(mask_command(words)) == len(words)
