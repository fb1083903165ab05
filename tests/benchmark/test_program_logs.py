"""What other programs write in their stranger moods: taken as they state it, or refused."""

from __future__ import annotations

import json
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import format_files as files
import pandas as pd
import pyarrow as pa
import pytest
from apprehend.benchmark.importers import inspect_logs
from apprehend.benchmark.recordings import inspect_files
from format_files import Answers
from helpers import Done, in_process

ANSWERS = Answers.made(12)
RIGHT = 1 - ANSWERS.wrong.mean()


def imported(folder: Path, path: Path, *more: str) -> tuple[Done, pd.DataFrame]:
    """Import a path of any format; a row per question."""
    done = in_process(["import", "auto", path, "--model", "m", *more, "--output_path", "r"], folder)
    assert done.returncode == 0, done.stderr
    tables = [pd.read_parquet(file) for file in (folder / "r").rglob("scores.parquet")]
    return done, pd.concat(tables).drop_duplicates(["task", "question_id"])


def refused(folder: Path, path: Path, *says: str) -> None:
    done = in_process(["import", "auto", path, "--model", "m", "--output_path", "r"], folder)
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert (done.returncode, len(errors)) == (1, 1), done.stderr
    assert not (folder / "r").exists()
    for text in says:
        assert text in errors[0]


HALF = {"f": {"value": 0.5}}


def inspect_log(folder: Path, **changes: Any) -> tuple[Path, dict[str, Any]]:
    log = files.inspect_log(ANSWERS)
    log["samples"] = [{**sample, **changes} for sample in log["samples"]]
    return files.document(folder / "log.json", log), log


def zstandard(file: Path, members: dict[str, bytes]) -> Path:
    """A zip whose members are compressed by Zstandard, as Inspect writes its logs today."""
    codec = pa.Codec("zstd")
    packed = {n: codec.compress(c, asbytes=True) for n, c in members.items()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in packed.items():
            archive.writestr(name, content)
        places = {info.filename: info.header_offset for info in archive.infolist()}
    data = bytearray(file.read_bytes())
    entry = data.find(b"PK\1\2")
    for name, content in members.items():
        for at, shift in ((places[name], 0), (entry, 2)):
            struct.pack_into("<H", data, at + 8 + shift, 93)
            struct.pack_into("<I", data, at + 14 + shift, zlib.crc32(content))
            struct.pack_into("<I", data, at + 22 + shift, len(content))
        entry += 46 + len(name)
    file.write_bytes(data)
    return file


def eval_members() -> dict[str, bytes]:
    """Members of a log, those of the second epoch first, numbers as ids."""
    log = files.inspect_log(ANSWERS)
    samples = [{**s, "id": int(s["id"][2:])} for s in log.pop("samples")]
    for sample in samples:
        if sample["epoch"] == 2:
            sample["scores"]["choice"] = {"value": "I", "answer": ""}
    members = {
        f"samples/{s['id']}_epoch_{s['epoch']}.json": json.dumps(s).encode()
        for s in reversed(samples)
    }
    return {"header.json": json.dumps(log).encode(), **members}


def test_inspect_logs_compressed_as_today(tmp_path: Path) -> None:
    done, rows = imported(tmp_path, zstandard(tmp_path / "log.eval", eval_members()))
    assert "12 samples of further epochs left out" in done.stderr
    assert rows.correct.mean() == pytest.approx(RIGHT)


def test_a_damaged_inspect_log_is_named(tmp_path: Path) -> None:
    file = zstandard(tmp_path / "log.eval", eval_members())
    data = bytearray(file.read_bytes())
    data[200:260] = bytes(60)
    file.write_bytes(data)
    refused(tmp_path, file, "log.eval", "readable")


def test_an_inspect_log_of_many_samples(tmp_path: Path) -> None:
    (sample,) = files.inspect_log(Answers.made(1))["samples"][:1]
    with zipfile.ZipFile(tmp_path / "log.eval", "w") as archive:
        log = files.inspect_log(Answers.made(1))
        archive.writestr("header.json", json.dumps({**log, "samples": None}))
        for n in range(1200):
            archive.writestr(f"samples/{n}_epoch_1.json", json.dumps({**sample, "id": n}))
    assert len(inspect_files.read_by_ourselves(tmp_path / "log.eval")["samples"]) == 1200


@pytest.mark.parametrize("form", ["zstandard", "deflate", "json"])
def test_inspects_own_reader_gives_the_same(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("inspect_ai")
    if form == "json":
        file = files.inspect_json(tmp_path, ANSWERS)
    elif form == "deflate":
        file = files.inspect_eval(tmp_path, ANSWERS)
    else:
        file = zstandard(tmp_path / "log.eval", eval_members())
    log = inspect_files.read_log(file)
    found = []
    for content in (log, inspect_files.read_by_ourselves(file)):
        notes: list[str] = []
        questions = inspect_logs.read_samples_of(file, content, None, None, notes)
        found.append(([vars(question) for question in questions], notes, content["status"]))
    assert found[0] == found[1]


def test_inspect_logs_that_are_not_multiple_choice(tmp_path: Path) -> None:
    file, _ = inspect_log(tmp_path, choices=None, target="Paris")
    refused(tmp_path, file, "not multiple choice")


def test_inspect_logs_without_scores(tmp_path: Path) -> None:
    file, _ = inspect_log(tmp_path, scores=None)
    refused(tmp_path, file, "no sample has a score", "inspect score")


def test_options_that_inspect_shuffled_have_no_texts_and_probabilities(tmp_path: Path) -> None:
    log = files.inspect_log(ANSWERS)
    for sample in log["samples"]:
        sample["scores"]["choice"]["explanation"] = "Choices were shuffled before generating …"
    file = files.document(tmp_path / "log.json", log)
    done, rows = imported(tmp_path, file)
    assert "12 samples showed the model shuffled choices" in done.stderr
    assert rows.correct.mean() == pytest.approx(RIGHT)
    assert not rows.estimator.eq("option_entropy").any()


def test_several_selected_options_are_no_answer(tmp_path: Path) -> None:
    log = files.inspect_log(ANSWERS)
    for sample in log["samples"]:
        sample["scores"]["choice"] = {"value": "C", "answer": "A, B"}
        sample["target"] = ["A", "B"]
    _, rows = imported(tmp_path, files.document(tmp_path / "log.json", log))
    assert rows.correct.all()
    assert rows.answer.isna().all()


def test_an_answer_that_inspect_did_not_find_is_not_looked_for(tmp_path: Path) -> None:
    log = files.inspect_log(ANSWERS)
    for sample in log["samples"]:
        sample["scores"]["choice"] = {"value": "I", "answer": ""}
    done, rows = imported(tmp_path, files.document(tmp_path / "log.json", log))
    assert not rows.correct.any()
    assert rows.answer.isna().all()
    assert "12 of 12 answers (100%) cannot be read" in done.stderr


def helm_state(folder: Path, run: str, method: str) -> Path:
    """A state of two splits."""
    written = files.helm(folder / "w", ANSWERS)
    (source,) = written.glob("*law*/scenario_state.json")
    state = json.loads(source.read_text("utf-8"))
    state["adapter_spec"] = {"method": method}
    for place, request in enumerate(state["request_states"]):
        request["instance"] = {**request["instance"], "split": "valid" if place == 2 else "test"}
    return files.document(folder / run / "scenario_state.json", state)


@pytest.mark.parametrize("colon", [":", "-"])
def test_helm_takes_one_split_and_reads_any_folder_name(tmp_path: Path, colon: str) -> None:
    run = f"mmlu{colon}subject=us_law,method=multiple_choice_joint,model=x"
    file = helm_state(tmp_path, run, "multiple_choice_joint")
    done, rows = imported(tmp_path, file.parent)
    assert "5 questions of the split test taken, left out: 1 of valid" in done.stderr
    assert len(rows) == 5
    assert set(rows.topic) == {"us_law"}
    assert set(rows.task) == {"mmlu"}
    _, rows = imported(tmp_path, file.parent, "--split", "valid", "--task", "v")
    assert (rows.task == "v").sum() == 1


def test_helm_runs_that_are_not_multiple_choice(tmp_path: Path) -> None:
    file = helm_state(tmp_path, "narrative_qa:model=x", "generation")
    refused(tmp_path, file, "not multiple choice", "generation")


@pytest.mark.parametrize("kind", ["helm", "inspect", "inspect by shares"])
def test_other_tasks_in_a_folder_are_left_out(tmp_path: Path, kind: str) -> None:
    program, _, by_shares = kind.partition(" ")
    if program == "helm":
        helm_state(tmp_path / "all", "mmlu:subject=law,model=x", "multiple_choice_joint")
        helm_state(tmp_path / "all", "narrative_qa:model=x", "generation")
    else:
        other = {"choices": None, "target": "Paris"}
        file, _ = inspect_log(tmp_path, **({"scores": HALF} if by_shares else other))
        (tmp_path / "all").mkdir()
        file.rename(tmp_path / "all" / "a.json")
        files.document(tmp_path / "all" / "b.json", files.inspect_log(ANSWERS))
    done = in_process(["import", program, "all", "--model", "m", "--output_path", "r"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("left out: all/") == 1
    assert done.stderr.count("is the share 0.5" if by_shares else "not multiple choice") == 1
    assert (tmp_path / "r").exists()
    assert not list((tmp_path / "r").rglob("narrative_qa"))


def opencompass(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    content = {str(n): {"origin_prompt": "", **row} for n, row in enumerate(rows)}
    files.document(folder / "m" / name, content)


def test_opencompass_names_the_right_answer_otherwise(tmp_path: Path) -> None:
    """As older versions and forks do, and in a sentence."""
    letters = files.LETTERS
    rows = [
        {"prediction": f"[正确答案]{letters[p]}<eoa>", "refr": f"正确答案：{letters[g]}。"}
        for _, g, p, _ in ANSWERS
    ]
    opencompass(tmp_path, "quiz.json", rows)
    _, found = imported(tmp_path, tmp_path / "m")
    assert found.correct.mean() == pytest.approx(RIGHT)


def test_parts_of_a_data_set_of_opencompass_go_together(tmp_path: Path) -> None:
    rows = [{"prediction": files.LETTERS[p], "gold": files.LETTERS[g]} for _, g, p, _ in ANSWERS]
    for part in range(11):
        opencompass(tmp_path, f"lukaemon_mmlu_law_{part}.json", rows[part : part + 1])
    opencompass(tmp_path, "tmp_lukaemon_mmlu_math.json", rows)
    done, found = imported(tmp_path, tmp_path / "m")
    assert "as of unfinished runs: tmp_lukaemon_mmlu_math.json" in done.stderr
    assert set(found.topic) == {"law"}
    assert found.question_id.tolist() == [f"lukaemon_mmlu_law:{n}" for n in range(11)]
    assert found.correct.astype(bool).tolist() == (~ANSWERS.wrong[:11]).tolist()
    (tmp_path / "m" / "lukaemon_mmlu_law_4.json").unlink()
    done = in_process(["import", "opencompass", "m", "--model", "n"], tmp_path)
    assert "part lukaemon_mmlu_law_4.json is missing" in done.stderr


@pytest.mark.parametrize("kind", ["likelihoods", "probabilities", "perplexities", "numbers"])
def test_options_that_opencompass_scored(tmp_path: Path, kind: str) -> None:
    rows: list[dict[str, Any]] = []
    for _, gold, pred, values in ANSWERS:
        if kind == "probabilities":
            shares = [math.exp(value) for value in values]
            rows.append({"prediction": shares, "choices": [*files.LETTERS], "pred_label": pred,
                         "gold": files.LETTERS[gold]})  # fmt: skip
            continue
        labels: Any = range(4) if kind == "numbers" else files.LETTERS
        name = "PPL" if kind == "perplexities" else "Loglikelihood"
        scored = {f"label: {k}": {name: v} for k, v in zip(labels, values, strict=True)}
        rows.append({**scored, "prediction": labels[pred], "gold": labels[gold]})
    opencompass(tmp_path, "quiz.json", rows)
    _, found = imported(tmp_path, tmp_path / "m" / "quiz.json")
    assert found.correct.astype(bool).tolist() == (~ANSWERS.wrong).tolist()
    own = found[found.estimator == "option_entropy"]
    assert (len(own) == 0) == (kind == "perplexities")
    if len(own):
        assert own.score.tolist() == pytest.approx(ANSWERS.entropy.tolist())


@pytest.mark.parametrize("name", [
    "details_agieval:lsat-ar|0_2026-01-02T03-04-05.678", "details_agieval__lsat-ar__0_2026-01-02T1",
    "details_lighteval|agieval:lsat-ar|0_2026-01-02T1",
    "details_lighteval__agieval__lsat-ar__0_2026-01-02T1",
])  # fmt: skip
def test_names_of_lightevals_details(tmp_path: Path, name: str) -> None:
    (source,) = (files.lighteval(tmp_path / "w", ANSWERS)).rglob("*law*")
    file = tmp_path / f"{name}.parquet"
    file.write_bytes(source.read_bytes())
    _, rows = imported(tmp_path, file)
    assert set(rows.topic) == {"lsat-ar"}
    assert set(rows.task) == {"agieval"}


def test_log_probabilities_of_generated_tokens_are_none_of_options(tmp_path: Path) -> None:
    rows = [
        {"doc": {"id": str(i), "query": "q", "choices": [*files.LETTERS], "gold_index": gold},
         "metric": {"acc": int(pred == gold)},
         "model_response": {"text": [f"Answer: {files.LETTERS[pred]}"], "logprobs": row}}
        for i, gold, pred, row in ANSWERS
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "details_lighteval|quiz|0_2026-01-02T1.parquet")
    _, found = imported(tmp_path, tmp_path / "details_lighteval|quiz|0_2026-01-02T1.parquet")
    assert found.answer.tolist() == [files.LETTERS[k] for k in ANSWERS.pred]
    assert not found.estimator.eq("option_entropy").any()


def test_of_several_runs_of_lighteval_the_newest(tmp_path: Path) -> None:
    folder = files.lighteval(tmp_path, ANSWERS)
    for file in list(folder.rglob("*.parquet")):
        older = file.parent.with_name("2025-01-02T03-04-05.6")
        older.mkdir(exist_ok=True)
        name = file.name.replace(file.parent.name, older.name)
        pd.read_parquet(file).head(1).to_parquet(older / name)
    done, rows = imported(tmp_path, folder)
    assert "is the newest, left out: " in done.stderr
    assert len(rows) == 12


def test_write_out_of_tasks_with_true_and_false(tmp_path: Path) -> None:
    rows = [
        {"doc_id": i, "prompt_0": "q", "prompt_1": "q", "logit_0": row[0], "logit_1": row[1],
         "truth": " yes" if gold % 2 else " no", "acc": str(bool(pred == gold))}
        for i, gold, pred, row in ANSWERS
    ]  # fmt: skip
    file = files.document(tmp_path / "boolq_write_out_info.json", rows)
    _, found = imported(tmp_path, file)
    assert found.correct.mean() == pytest.approx(RIGHT)


def test_free_answers_are_named(tmp_path: Path) -> None:
    rows = [
        {"doc_id": i, "doc": {"problem": "x"}, "target": "17.5", "resps": [["It is 17.5"]],
         "filtered_resps": ["17.5"], "exact_match": 1.0}
        for i in range(4)
    ]  # fmt: skip
    done, _ = imported(tmp_path, files.lines(tmp_path / "samples_math_2026-01-02T1.jsonl", rows))
    assert "no sample has options" in done.stderr
