"""The store under adverse conditions: damaged files, two writers, full disks, other versions."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apprehend.benchmark.cli.main import main
from apprehend.benchmark.console.errors import ApprehendError
from apprehend.benchmark.score.signal_loading import siblings, with_committee
from apprehend.benchmark.store.failures import note_failures
from apprehend.benchmark.store.manifest import new_manifest
from apprehend.benchmark.store.task_store import TaskStore, parts
from apprehend.estimators import Need, Signal
from helpers import Run, environment

GOLDEN = Path(__file__).parent / "stores"


def answer(question: int) -> dict[str, Any]:
    return {
        "question_id": question,
        "option_logprobs": [-1.0, -2.0],
        "entropy": question / 7,
        "answer": 0,
        "status": "parsed",
        "correct": 1,
    }


def question(number: int, **more: Any) -> dict[str, Any]:
    row = {"question_id": number, "topic": "law", "option_count": 2, "gold": "A",
           "question": f"q{number}", "options": ["a", "b"]}  # fmt: skip
    return {**row, **more}


def manifest(**more: Any) -> dict[str, Any]:
    return new_manifest(
        {"engine": "hf", "fingerprint": "f", "dtype": "float32", **more},
        {"name": "task", "num_fewshot": 0, "prompts": {"direct": "p"}},
        {"fingerprint": "d"},
    )


def make_store(folder: Path, count: int = 9, model: str = "model", **more: Any) -> TaskStore:
    store = TaskStore(folder / model / "task")
    store.write_manifest(manifest(**more))
    store.add_questions([question(i) for i in range(count)])
    for start in range(0, count, 3):
        store.append(Signal.ANSWER, [answer(i) for i in range(start, min(start + 3, count))])
    return store


def parts_of(store: TaskStore) -> list[Path]:
    return sorted((store.path / "signals" / "answer").glob("part-*"))


def cut(store: TaskStore) -> None:
    file = parts_of(store)[1]
    file.write_bytes(file.read_bytes()[:-25])


def empty(store: TaskStore) -> None:
    parts_of(store)[1].write_bytes(b"")


def flip_a_bit(store: TaskStore) -> None:
    file = parts_of(store)[1]
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 4
    file.write_bytes(bytes(content))


def rewrite(store: TaskStore) -> None:
    """Replace a file by another one that is valid by itself."""
    file = parts_of(store)[1]
    pq.write_table(pq.read_table(file).slice(1), file)


def copy_under_a_new_name(store: TaskStore) -> None:
    table = pq.read_table(parts_of(store)[1])
    parts.append_part(
        store.path / "signals" / "answer", 99, table, Signal.ANSWER, store.provenance(Signal.ANSWER)
    )


def with_other_columns(store: TaskStore) -> None:
    table = pa.table({"question_id": [3], "variant": [""], "source": [""], "surprise": [1.0]})
    parts.append_part(
        store.path / "signals" / "answer", 99, table, Signal.ANSWER, store.provenance(Signal.ANSWER)
    )


def with_text_for_numbers(store: TaskStore) -> None:
    table = pa.table({"question_id": [3], "variant": [""], "source": [""], "entropy": ["high"]})
    parts.append_part(
        store.path / "signals" / "answer", 99, table, Signal.ANSWER, store.provenance(Signal.ANSWER)
    )


def of_another_signal(store: TaskStore) -> None:
    store.append(Signal.HIDDEN_STATE, [{"question_id": 1, "state": [0.5]}])
    (file,) = (store.path / "signals" / "hidden_state").iterdir()
    file.rename(parts_of(store)[0].parent / file.name)


def of_another_model(store: TaskStore) -> None:
    other = make_store(store.path.parents[2] / "elsewhere", fingerprint="another")
    shutil.copy(parts_of(other)[0], parts_of(store)[0].parent)


def about_unknown_questions(store: TaskStore) -> None:
    rows = [answer(100), answer(101)]
    store.append(Signal.ANSWER, rows)


def of_an_unexpected_name(store: TaskStore) -> None:
    shutil.copy(parts_of(store)[0], parts_of(store)[0].with_name("part-mine.parquet"))


def of_an_unknown_signal(store: TaskStore) -> None:
    (store.path / "signals" / "feelings").mkdir()


DAMAGES: dict[Callable[[TaskStore], None], tuple[str, set[int]]] = {
    cut: ("truncated: not a readable Parquet file", {3, 4, 5}),
    empty: ("truncated: not a readable Parquet file", {3, 4, 5}),
    flip_a_bit: ("damaged: ", {3, 4, 5}),
    rewrite: ("damaged: changed after it was written", {3, 4, 5}),
    copy_under_a_new_name: ("duplicate: 3 of its 3 rows are also in part-", set()),
    with_other_columns: ("mismatched: unknown column 'surprise'", set()),
    with_text_for_numbers: ("mismatched: column 'entropy' holds string, expected double", set()),
    of_another_signal: ("mismatched: holds hidden_state, not answer", set()),
    of_another_model: ("unexpected: collected with another value of the model's weights", set()),
    about_unknown_questions: ("unexpected: 2 of its 2 rows are about questions", set()),
    of_an_unexpected_name: ("unexpected: not a name that apprehend gives", set()),
    of_an_unknown_signal: ("unexpected: not the folder of a signal", set()),
}


def run(*arguments: object) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
        pytest.raises(SystemExit) as stop,
    ):
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0), out.getvalue(), errors.getvalue()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_verify_names_damage_and_repair_sets_it_aside(
    tmp_path: Path, damage: Callable[[TaskStore], None]
) -> None:
    says, lost = DAMAGES[damage]
    results = tmp_path / "results"
    store = make_store(results)
    assert run("verify", results) == (
        0, f"{store.path}: 9 questions, answer of 9; nothing wrong\n", ""
    )  # fmt: skip
    good = {file.name: file.read_bytes() for file in parts_of(store)}
    damage(store)
    status, shown, error = run("verify", results)
    assert status == 1
    assert says in shown
    assert len(shown.splitlines()) == 1, shown
    assert len(error.splitlines()) == 1
    assert "--repair" in error
    status, shown, error = run("verify", results, "--repair")
    assert (status, error) == (0, ""), error
    assert f"{store.path}: set aside in " in shown
    if lost:
        assert f"collects answer of {len(lost)} of 9 questions" in shown
    aside = [path for path in (store.path / "set_aside").glob("*/signals/**/*") if path.is_file()]
    assert len(aside) == (damage is not of_an_unknown_signal)
    fresh = TaskStore(store.path)
    assert fresh.done(Signal.ANSWER) == set(map(str, set(range(9)) - lost))
    assert run("verify", results)[0] == 0
    kept = {file.name: file.read_bytes() for file in parts_of(store)}
    assert kept == {name: content for name, content in good.items() if name in kept}
    with fresh.writing():
        fresh.append(Signal.ANSWER, [answer(i) for i in sorted(lost)])
    assert TaskStore(store.path).done(Signal.ANSWER) == set(map(str, range(9)))


def test_verify_says_what_was_asked_in_vain(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    note_failures(store.path, Signal.JUDGEMENT, "complexity", "j", [1], {1: "HTTP 500: oh"})
    status, shown, _ = run("verify", tmp_path)
    assert status == 0
    assert "1 failed (first: HTTP 500: oh)" in shown


def test_rows_that_only_a_doubled_part_holds_are_kept(tmp_path: Path) -> None:
    store = make_store(tmp_path, 8)
    store.add_questions([question(8)])
    store.append(Signal.ANSWER, [answer(i) for i in (7, 8)])
    assert run("verify", tmp_path)[0] == 1
    status, shown, _ = run("verify", tmp_path, "--repair")
    assert status == 0
    assert "kept 1 rows of them that no other file has" in shown
    assert "collects" not in shown
    assert TaskStore(store.path).done(Signal.ANSWER) == set(map(str, range(9)))
    assert run("verify", tmp_path)[0] == 0


@pytest.mark.parametrize("damage", [cut, empty, flip_a_bit])
def test_damaged_signals_are_never_scored(
    tmp_path: Path, damage: Callable[[TaskStore], None]
) -> None:
    store = make_store(tmp_path)
    assert run("score", tmp_path, "--estimators", "token_entropy")[0] == 0
    before = (store.path / "scores.parquet").read_bytes()
    damage(store)
    status, _, error = run("score", tmp_path, "--estimators", "token_entropy")
    assert status == 1
    assert "verify" in error
    assert parts_of(store)[1].name in error
    assert (store.path / "scores.parquet").read_bytes() == before


def test_signals_collected_in_another_way_are_never_scored(tmp_path: Path) -> None:
    store = make_store(tmp_path / "results")
    of_another_model(store)
    status, _, error = run("score", tmp_path / "results")
    assert status == 1
    assert (
        "another value of the model's weights or tokenizer (stored: 'another', now: 'f')" in error
    )


@pytest.mark.parametrize("name", ["manifest.json", "questions.parquet", "scores.parquet"])
def test_other_files_are_verified_too(tmp_path: Path, name: str) -> None:
    store = make_store(tmp_path)
    assert run("score", tmp_path)[0] == 0
    file = store.path / name
    file.write_bytes(file.read_bytes()[:-25])
    status, shown, _ = run("verify", tmp_path)
    assert status == 1
    assert shown.startswith(f"{file}: ")
    assert len(shown.splitlines()) == 1
    assert run("verify", tmp_path, "--repair")[0] == 0
    assert not file.exists()
    assert len(parts_of(store)) == 3


# -- two writers ------------------------------------------------------------------------------

HOLD = """
import sys, time
from apprehend.benchmark.store.task_store import TaskStore
from pathlib import Path
with TaskStore(Path(sys.argv[1])).writing():
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def holder(store: TaskStore) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store.path)],
        stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_second_of_two_writers_is_refused(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with holder(store) as process:
        writer = store.writing()
        with pytest.raises(ApprehendError, match=f"by process {process.pid} on ") as refused:
            writer.__enter__()
        assert len(str(refused.value).splitlines()) == 1
        assert "--output_path" in str(refused.value)
        assert store.done(Signal.ANSWER) == set(map(str, range(9)))


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with holder(store) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (store.path / ".writer.json").exists()
        with store.writing():
            holds = json.loads((store.path / ".writer.json").read_text())
            assert holds["pid"] == os.getpid()
    assert not (store.path / ".writer.json").exists()


# -- versions ---------------------------------------------------------------------------------


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    content = {**store.manifest, "schema_version": 99}
    (store.path / "manifest.json").write_text(json.dumps(content))
    before = {f: f.read_bytes() for f in store.path.rglob("*") if f.is_file()}
    for command in (["score"], ["report"], ["verify"], ["verify", "--repair"]):
        status, shown, error = run(*command, tmp_path)
        assert status == 1
        assert "written by a newer apprehend (schema version 99" in shown + error
        assert len(error.splitlines()) == 1
    with pytest.raises(ApprehendError, match="newer"), store.writing():
        pass
    after = {f: f.read_bytes() for f in store.path.rglob("*") if f.is_file()}
    assert {f: after[f] for f in before} == before


@pytest.mark.parametrize("version", [None, 0, True, "1"])
def test_a_manifest_without_a_version_is_refused(tmp_path: Path, version: object) -> None:
    store = make_store(tmp_path)
    content = {**store.manifest, "schema_version": version}
    (store.path / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(ApprehendError, match="expected schema_version 1 to"):
        _ = store.manifest


@pytest.mark.parametrize("folder", sorted(GOLDEN.iterdir()), ids=lambda folder: folder.name)
def test_stores_of_every_released_schema_load_and_go_on(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "results")
    (manifest_file,) = (tmp_path / "results").glob("*/*/manifest.json")
    store = TaskStore(manifest_file.parent)
    ids = store.question_ids
    missing = [question for question in ids if question not in store.done(Signal.ANSWER)]
    before = store.load([Need.of(s) for s in (Signal.ANSWER, Signal.SAMPLES)], ids)
    assert before.answer.present.tolist() == [question not in missing for question in ids]
    assert before.answer.present.sum() >= 3
    assert run("verify", tmp_path / "results")[0] == 0
    out = ("--output_path", tmp_path / "report", "--formats", "svg")
    assert run("report", tmp_path / "results", *out)[0] == 0
    assert "sk-planted" in (
        folder / manifest_file.relative_to(tmp_path / "results")
    ).read_text() or (folder.name != "schema_1")
    with store.writing():
        store.append(Signal.ANSWER, [answer(int(question)) for question in missing])
        store.compact(Signal.ANSWER)
    assert "sk-planted" not in manifest_file.read_text()
    after = TaskStore(store.path).load([Need.of(Signal.ANSWER)], ids)
    assert after.answer.present.all()
    known = before.answer.present
    assert (after.answer.entropy[known] == before.answer.entropy[known]).all()
    assert run("score", tmp_path / "results")[0] == 0
    assert run("verify", tmp_path / "results")[0] == 0


# -- disks ------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", ",".join(["size=256k", *options]), "tmpfs", folder]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("no right to mount a small tmpfs here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_damages_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = make_store(disk / "results")
        with pytest.raises(ApprehendError, match="No space left on device") as error:
            for number in range(9, 9 + 4000):
                store.append(Signal.TRACE, [{"question_id": 0, "variant": str(number),
                                             "text": os.urandom(3000).hex()}])  # fmt: skip
        assert len(str(error.value).splitlines()) == 1
        assert "what was stored before is untouched" in str(error.value)
        with pytest.raises(ApprehendError, match="No space left on device"):
            store.compact(Signal.TRACE)
        fresh = TaskStore(store.path)
        assert fresh.done(Signal.ANSWER) == set(map(str, range(9)))
        assert fresh.variants(Signal.TRACE).keys() == {str(i) for i in range(9, number)}
        assert not list(disk.rglob(".tmp-*"))
        assert run("verify", disk / "results")[0] == 0
        shown = run("score", disk / "results")
        assert shown[0] in (0, 1)
        assert len(shown[2].splitlines()) == 1, shown[2]


def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        store = make_store(disk / "results")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for work in (
            lambda: store.append(Signal.ANSWER, [answer(1)]),
            lambda: store.compact(Signal.ANSWER),
            lambda: store.write_manifest({}),
            lambda: store.writing().__enter__(),
        ):
            with pytest.raises(ApprehendError, match="Read-only file system") as error:
                work()
            assert str(disk) in str(error.value)
            assert len(str(error.value).splitlines()) == 1
        assert TaskStore(store.path).done(Signal.ANSWER) == set(map(str, range(9)))
        assert run("verify", disk / "results")[0] == 0


# -- committees -------------------------------------------------------------------------------


def test_a_committee_takes_only_answers_to_the_same_questions(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(tmp_path)
    make_store(tmp_path, model="same")
    others = {
        "text": [question(i, question="other") for i in range(9)],
        "options": [question(i, options=["b", "a"]) for i in range(9)],
        "gold": [question(i, gold="B") for i in range(9)],
        "ids": [question(i + 50) for i in range(9)],
        "silent": [
            {"question_id": i, "topic": "law", "option_count": -1, "gold": None} for i in range(9)
        ],
        "less": [
            {"question_id": i, "topic": "law", "option_count": -1, "gold": "A"} for i in range(9)
        ],
    }
    for model, rows in others.items():
        other = TaskStore(tmp_path / model / "task")
        other.write_manifest(new_manifest({"name": model}, {}, {"source": "imported"}))
        other.add_questions(rows)
        other.append(Signal.ANSWER, [answer(row["question_id"]) for row in rows])
    assert [member.model for member in siblings(store)] == ["less", "same"]
    signals = with_committee(store, store.load([], list(range(9))), [Need.of(Signal.COMMITTEE)])
    assert signals.committee.sources == ("less", "same")
    said = {line.split(": ")[1].split(" is")[0]: line for line in caplog.messages}
    assert len(caplog.messages) == 5
    other = "answered other questions: 9 of 9 common questions differ, the first of them 0"
    assert f"{other} (in its question)" in said["text"]
    assert f"{other} (in its options)" in said["options"]
    assert f"{other} (in its gold)" in said["gold"]
    assert "answered none of these questions" in said["ids"]
    assert "nothing tells" in said["silent"]


def test_a_mended_question_costs_one_vote(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cli: Run
) -> None:
    """Releases of a data set differ in some questions; all others still count."""
    for model, name in (("a", "new text"), ("b", "old text")):
        store = TaskStore(tmp_path / model / "task")
        store.write_manifest(new_manifest({"name": model}, {}, {"source": "imported"}))
        texts = {5: {"question": name}}
        store.add_questions([question(i, **texts.get(i, {})) for i in range(40)])
        store.append(Signal.ANSWER, [answer(i) for i in range(40)])
    store = TaskStore(tmp_path / "a" / "task")
    signals = with_committee(store, store.load([], list(range(40))), [Need.of(Signal.COMMITTEE)])
    votes = signals.committee.tables["b"]
    assert np.flatnonzero(~votes.present).tolist() == [5]
    assert votes.answer[5] == -1
    assert np.isnan(votes.option_logprobs[5]).all()
    (line,) = caplog.messages
    assert "b has no vote on these in its committee: 1 of 40 common questions differ" in line
    assert "the first of them 5 (in its question)" in line
    done = cli("compare", tmp_path, "--output_path", tmp_path / "compared")
    assert "a and b are paired by question_id, but 1 of 40 common questions differ" in done.stderr


def test_a_second_writer_is_refused_at_once(tmp_path: Path) -> None:
    """A queue of jobs must not hang."""
    store = make_store(tmp_path)
    with holder(store):
        began = time.monotonic()
        with pytest.raises(ApprehendError), store.writing():
            pass
        assert time.monotonic() - began < 5
