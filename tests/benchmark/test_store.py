"""The store: atomic parts, no row lost or duplicated, columns read back as written."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from apprehend.benchmark.console.errors import ApprehendError, UsageError
from apprehend.benchmark.store import parts
from apprehend.benchmark.store.arrow import arrow_to_table, records_to_arrow
from apprehend.benchmark.store.derivation import DERIVED_FROM
from apprehend.benchmark.store.files import atomic_path, publish, temporary_file, write_text
from apprehend.benchmark.store.task_store import Results, TaskStore
from apprehend.estimators import Need, Signal
from apprehend.estimators.signals.batch import TABLES
from apprehend.estimators.signals.tables import Kind
from hypothesis import given, settings
from hypothesis import strategies as st


def new_store(folder: Path, count: int = 10) -> TaskStore:
    store = TaskStore(folder / "model" / "task")
    store.add_questions(
        [
            {"question_id": i, "topic": "law", "option_count": 4, "gold": "A", "question": f"q{i}"}
            for i in range(count)
        ]
    )
    return store


def answer(question: int, **more: object) -> dict[str, object]:
    record = {
        "question_id": question,
        "option_logprobs": [-1.0, -2.0, -math.inf],
        "entropy": question / 7,
        "answer": 0,
        "status": "parsed",
        "correct": 1,
    }
    return {**record, **more}


def test_rows_come_back_by_id_in_any_order(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.append(Signal.ANSWER, [answer(i) for i in (3, 1)])
    store.append(Signal.ANSWER, [answer(i) for i in (7,)])
    signals = TaskStore(store.path).load([Need.of(Signal.ANSWER)], [7, 2, 1, 3])
    assert signals.answer.present.tolist() == [True, False, True, True]
    np.testing.assert_allclose(signals.answer.entropy, [1, math.nan, 1 / 7, 3 / 7])
    assert signals.answer.option_logprobs[0].tolist() == [-1.0, -2.0, -math.inf]
    assert signals.answer.answer.tolist() == [0, -1, 0, 0]
    assert signals.topic.tolist() == ["law"] * 4


def test_compaction_keeps_every_row_once(tmp_path: Path) -> None:
    store = new_store(tmp_path, 30)
    for start in range(0, 30, 3):
        store.append(Signal.ANSWER, [answer(i) for i in range(start, start + 3)])
    store.compact(Signal.ANSWER)
    (part,) = (store.path / "signals" / "answer").glob("part-*.parquet")
    assert pq.read_table(part)["question_id"].to_pylist() == list(map(str, range(30)))
    assert TaskStore(store.path).done(Signal.ANSWER) == set(map(str, range(30)))


def test_a_kill_between_merging_and_deleting_doubles_nothing(tmp_path: Path) -> None:
    store = new_store(tmp_path, 6)
    for i in range(6):
        store.append(Signal.ANSWER, [answer(i)])
    folder = store.path / "signals" / "answer"
    before = {file.name: file.read_bytes() for file in folder.glob("part-*")}
    store.compact(Signal.ANSWER)
    for name, content in before.items():
        (folder / name).write_bytes(content)
    fresh = TaskStore(store.path)
    assert fresh.done(Signal.ANSWER) == set(map(str, range(6)))
    assert len(fresh.load([Need.of(Signal.ANSWER)], list(range(6)))) == 6
    (folder / ".tmp-half.parquet").write_bytes(b"half")
    with fresh.writing():
        assert len(list(folder.iterdir())) == 1
    assert len(fresh.load([Need.of(Signal.ANSWER)], list(range(6)))) == 6


def test_leftovers_go_and_files_in_the_making_stay(tmp_path: Path) -> None:
    store = new_store(tmp_path, 1)
    leftover = store.path / ".tmp-left.json"
    leftover.write_text("{")
    with temporary_file(store.path / "scores.parquet") as scores:
        with store.writing():
            assert not leftover.exists()
            assert scores.exists(), "another process is writing it"
        publish(scores, store.path / "scores.parquet")
    assert (store.path / "scores.parquet").exists()


def test_a_killed_writer_leaves_what_the_next_one_clears(tmp_path: Path) -> None:
    store = new_store(tmp_path, 1)
    program = (
        "import os, sys; from pathlib import Path\n"
        "from apprehend.benchmark.store.files import temporary_file\n"
        "with temporary_file(Path(sys.argv[1])) as file:\n"
        "    file.write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    target = store.path / "scores.parquet"
    done = subprocess.run([sys.executable, "-c", program, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(store.path.glob(".tmp-*"))
    with store.writing():
        assert not list(store.path.glob(".tmp-*"))
    assert not target.exists()


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="lists open files with Linux's /proc"
)
def test_a_file_is_closed_when_it_is_moved(tmp_path: Path) -> None:
    """Windows moves only closed files."""
    with temporary_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
        handles = Path("/proc/self/fd").iterdir()
        assert str(temporary) not in {
            str(handle.readlink()) for handle in handles if handle.exists()
        }
        publish(temporary, tmp_path / "a.txt")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_part_that_was_being_written_is_not_there(tmp_path: Path) -> None:
    target = tmp_path / "signals" / "part-1.parquet"
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError("killed")
    assert list((tmp_path / "signals").iterdir()) == []
    write_text(target, "old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        temporary.write_text("new")
        raise RuntimeError("killed")
    assert target.read_text() == "old"


def test_a_truncated_part_is_named(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.append(Signal.ANSWER, [answer(1)])
    (part,) = (store.path / "signals" / "answer").iterdir()
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(ApprehendError, match=part.name):
        TaskStore(store.path).done(Signal.ANSWER)


def test_variants_and_sources_are_apart(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    for source, value in (("b", 0.2), ("a", 0.4)):
        rows = [
            {"question_id": 1, "variant": "complexity", "source": source, "value": value},
            {"question_id": 2, "variant": "complexity", "source": source, "value": None},
        ]
        store.append(Signal.JUDGEMENT, rows)
    panel = store.load([Need.of(Signal.JUDGEMENT)], [2, 1]).judgement["complexity"]
    assert panel.sources == ("a", "b")
    np.testing.assert_array_equal(panel.stack("value"), [[math.nan, math.nan], [0.4, 0.2]])
    assert store.done(Signal.JUDGEMENT, "complexity", "a") == {"1", "2"}
    assert store.done(Signal.JUDGEMENT, "complexity", "c") == set()


def test_borrowing_copies_only_what_is_missing(tmp_path: Path) -> None:
    ours, theirs = new_store(tmp_path / "a"), new_store(tmp_path / "b")
    row = {"variant": "complexity", "source": "j", "value": 0.5, "labels": ["x"]}
    ours.append(Signal.JUDGEMENT, [{"question_id": 1, **row}])
    theirs.append(Signal.JUDGEMENT, [{"question_id": i, **row, "value": 0.9} for i in (1, 2, 3)])
    assert ours.borrow(theirs, Signal.JUDGEMENT, "complexity", "j", [1, 2]) == 1
    assert ours.borrow(theirs, Signal.JUDGEMENT, "complexity", "j", [1, 2]) == 0
    panel = ours.load([Need.of(Signal.JUDGEMENT)], [1, 2, 3]).judgement["complexity"]
    np.testing.assert_array_equal(panel.stack("value")[:, 0], [0.5, 0.9, math.nan])


def test_text_ids(tmp_path: Path) -> None:
    store = TaskStore(tmp_path / "m" / "t")
    rows = [{"question_id": i, "topic": "x", "option_count": 2} for i in ("a-1", "b-2")]
    store.add_questions(rows)
    store.append(Signal.ANSWER, [answer(0, question_id="b-2")])
    assert store.load([Need.of(Signal.ANSWER)], ["b-2"]).answer.present.tolist() == [True]


def test_results_without_anything(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results folder"):
        Results(tmp_path / "none").stores()
    with pytest.raises(UsageError, match="no results in it"):
        Results(tmp_path).stores()
    broken = tmp_path / "m" / "t"
    broken.mkdir(parents=True)
    (broken / "manifest.json").write_text("{", encoding="utf-8")
    with pytest.raises(ApprehendError, match="manifest"):
        _ = Results(tmp_path).stores()[0].manifest
    (broken / "manifest.json").write_text(json.dumps([1]), encoding="utf-8")
    with pytest.raises(ApprehendError, match="expected an object"):
        _ = Results(tmp_path).stores()[0].manifest


def _cells(kind: Kind) -> st.SearchStrategy[object]:
    numbers = st.floats(allow_nan=False, width=32)
    return {
        Kind.FLOAT: st.none() | numbers,
        Kind.INT: st.none() | st.integers(0, 10),
        Kind.TEXT: st.none() | st.text(max_size=5),
        Kind.FLOATS: st.none() | st.lists(numbers, max_size=4),
        Kind.INTS: st.none() | st.lists(st.integers(0, 5), max_size=4),
        Kind.TEXTS: st.none() | st.lists(st.text(max_size=3), max_size=3),
        Kind.FLOAT_LISTS: st.none() | st.lists(st.lists(numbers, max_size=3), max_size=3),
    }[kind]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), signal=st.sampled_from(sorted(TABLES)))
def test_every_table_survives_arrow(data: st.DataObject, signal: Signal) -> None:
    kinds = TABLES[signal].kinds()
    records = [
        {"question_id": i, **{name: data.draw(_cells(kind)) for name, kind in kinds.items()}}
        for i in range(data.draw(st.integers(1, 4)))
    ]
    table = records_to_arrow(signal, records)
    loaded = arrow_to_table(signal, table, [r["question_id"] for r in records])
    expected = TABLES[signal].from_records(records)
    for name in kinds:
        got, want = getattr(loaded, name), getattr(expected, name)
        assert got.shape == want.shape, name
        if got.dtype == object:
            assert got.tolist() == want.tolist(), name
        else:
            np.testing.assert_array_equal(got, want, err_msg=name)


def test_a_probe_reads_each_part_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = new_store(tmp_path, 3)
    store.append(Signal.ANSWER, [answer(i) for i in range(3)])
    marks = store.marks()
    for number in range(3):
        row = {"question_id": number, "variant": "p_true", DERIVED_FROM: marks[str(number)]}
        store.append(Signal.SELF_REPORT, [{**row, "value": 0.5}])
    read: list[Path] = []
    real = parts.read_parquet

    def counted(file: Path, *more: Any, **named: Any) -> Any:
        read.append(file)
        return real(file, *more, **named)

    monkeypatch.setattr(parts, "read_parquet", counted)
    assert store.drop_outdated(Signal.SELF_REPORT) == 0
    assert store.done(Signal.SELF_REPORT, "p_true") == {"0", "1", "2"}
    own = [file for file in read if file.parent.name == "self_report"]
    assert len(own) == len(set(own)) == 3


def test_outdated_rows_go_and_current_ones_stay(tmp_path: Path) -> None:
    store = new_store(tmp_path, 3)
    store.append(Signal.ANSWER, [answer(i) for i in range(3)])
    marks = {**store.marks(), "1": "of another answer"}
    rows = [
        {"question_id": i, "variant": "p_true", DERIVED_FROM: marks[str(i)], "value": 0.5}
        for i in range(3)
    ]
    store.append(Signal.SELF_REPORT, rows)
    assert store.drop_outdated(Signal.SELF_REPORT) == 1
    assert store.done(Signal.SELF_REPORT, "p_true") == {"0", "2"}
    fresh = TaskStore(store.path)
    assert fresh.done(Signal.SELF_REPORT, "p_true") == {"0", "2"}
    assert fresh.drop_outdated(Signal.SELF_REPORT) == 0
