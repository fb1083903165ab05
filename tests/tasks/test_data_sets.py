"""Files of questions: the schemas that people have, column maps, and rows that are no questions."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from apprehend.tasks import DataError
from apprehend.tasks.data_sets.column_map import FIELDS, parse_columns
from apprehend.tasks.data_sets.data_set import read_data_set
from apprehend.tasks.data_sets.naming import name_of_file, slugs
from apprehend.tasks.data_sets.preset import presets
from apprehend.tasks.data_sets.understood import DataSet
from apprehend.tasks.dataset import read_questions
from own_data import PLANTS, Q1, Q2, SAMPLES, SUMS, written


def lines(folder: Path, *rows: Any, name: str = "d.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def reads(data_set: DataSet) -> list[tuple[str, str, str]]:
    return [(q.question, q.options[q.answer], q.topic) for q in data_set.questions]


def test_every_schema_has_a_sample() -> None:
    assert SAMPLES.keys() == presets().keys()


@pytest.mark.parametrize("preset", SAMPLES)
def test_rows_of_every_schema_become_questions(preset: str, tmp_path: Path) -> None:
    sample = SAMPLES[preset]
    read = read_data_set(written(tmp_path, sample))
    assert read.preset is not None
    assert read.preset.name == preset
    assert reads(read) == sample.reads
    assert read.name == sample.name
    assert {why: len(places) for why, places in read.left_out.items()} == sample.left_out
    for question in read.questions:
        assert len(question.options) == len(set(question.options)) >= 2
        assert not any(option.startswith(("(", "A.")) for option in question.options)


@pytest.mark.parametrize("preset", [name for name, s in SAMPLES.items() if "jsonl" in s.file])
def test_other_columns_are_another_data_set(preset: str, tmp_path: Path) -> None:
    """A file with the columns of a data set and more of them does not claim to be it."""
    file = lines(tmp_path, *({**row, "my_note": "x"} for row in SAMPLES[preset].rows))
    read = read_data_set(file)
    assert read.name == "d"
    assert reads(read) == [
        (*of_row, "d" if topic == name_of_file(Path(SAMPLES[preset].file)) else topic)
        for *of_row, topic in SAMPLES[preset].reads
    ]


def test_the_same_rows_from_every_format(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"q": [Q1, Q2], "A": [PLANTS[0], SUMS[0]], "B": [PLANTS[2], SUMS[1]], "gold": ["B", "B"]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    frame.to_csv(tmp_path / "s.csv.gz", sep=";", index=False)
    frame.to_json(tmp_path / "t.json", orient="records")
    frame.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    frame.to_parquet(tmp_path / "t.parquet")
    columns = "question=q,options=A+B,answer=gold,topic='trees, sums'"
    for file in sorted(tmp_path.iterdir()):
        read = read_data_set(file, columns)
        assert reads(read) == [(Q1, "oak", "trees, sums"), (Q2, "four", "trees, sums")], file
        assert [q.question_id for q in read.questions] == ["0", "1"]


def test_an_object_written_as_text_is_read(tmp_path: Path) -> None:
    """What pandas writes to CSV of a Parquet file of the hub."""
    file = written(tmp_path, SAMPLES["arc"])
    pd.read_parquet(file).to_csv(tmp_path / "arc.csv", index=False)
    assert "array(" in (tmp_path / "arc.csv").read_text(encoding="utf-8")
    assert reads(read_data_set(tmp_path / "arc.csv")) == SAMPLES["arc"].reads


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("question=stem,options=A+B", {"question": "stem", "options": "A+B"}),
        ("topic=High-level domain, answer=Right, or not", {
            "topic": "High-level domain", "answer": "Right, or not"}),
        ("topic='law, old'", {"topic": "'law, old'"}),
        ("id=body.custom.0.id", {"id": "body.custom.0.id"}),
    ],
)  # fmt: skip
def test_column_maps(given: str, expected: dict[str, str]) -> None:
    assert parse_columns(given).columns == expected


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("question", "expected field=column, got 'question'"),
        ("question=", "expected field=column"),
        ("questoin=stem", "did you mean 'question'?"),
        ("question=a,question=b", "'question' is given twice"),
        ("index_base=2", "index_base: expected 0 or 1, got '2'"),
        ("bad_rows=no", "bad_rows: expected refuse or skip"),
    ],
)
def test_column_maps_that_are_none(given: str, says: str) -> None:
    with pytest.raises(DataError, match=says.replace("?", r"\?")):
        parse_columns(given)


def test_columns_of_all_kinds(tmp_path: Path) -> None:
    row = {
        "meta": {"key": "k-1", "areas": ["trees", "x"]}, "body": {"stem": Q1, "before": "Read."},
        "right": "oak", "wrong": ["moss", "fern"], "origin": "exam", "why": "Oaks do.",
    }  # fmt: skip
    columns = (
        "id=meta.key,topic=meta.areas.0,question=body.stem,context=body.before,answer=right,"
        "incorrect=wrong,source=origin,explanation=why"
    )
    (question,) = read_questions(lines(tmp_path, row), columns)
    assert sorted(question["options"]) == ["fern", "moss", "oak"]
    assert question["options"]["ABC".index(question["answer"])] == "oak"
    assert {key: question[key] for key in ("question_id", "question", "category", "src")} == {  # type: ignore[literal-required]
        "question_id": "k-1", "question": f"Read.\n\n{Q1}", "category": "trees", "src": "exam",
    }  # fmt: skip
    assert question["cot_content"] == "Oaks do."
    assert set(parse_columns(columns).columns) <= FIELDS.keys()


def test_a_known_schema_with_another_topic(tmp_path: Path) -> None:
    file = written(tmp_path, SAMPLES["supergpqa"])
    read = read_data_set(file, "topic=subfield")
    assert (read.name, read.topics) == ("supergpqa_all", ["Trees"])
    file = file.rename(tmp_path / "mine.jsonl")
    assert read_data_set(file, "topic=subfield").name == "supergpqa"
    assert read_data_set(file, "answer=answer").name == "mine"  # no longer as published
    assert read_data_set(file, "name=mine").name == "mine"


def test_the_order_of_shuffled_options_depends_on_the_id_alone(tmp_path: Path) -> None:
    row = dict(SAMPLES["gpqa"].rows[0])
    rows = [{**row, "Record ID": f"rec{i}"} for i in range(400)]
    read = {q.question_id: q for q in read_data_set(lines(tmp_path, *rows)).questions}
    again = read_data_set(lines(tmp_path, *rows[::-1][:100], name="other.jsonl"))
    for question in again.questions:
        assert read[question.question_id].options == question.options
    for name, question in read.items():
        digests = [hashlib.sha256(f"{name}\n{place}".encode()).hexdigest() for place in range(4)]
        order = sorted(range(4), key=digests.__getitem__)
        assert question.options == [["oak", "moss", "fern", "pine"][place] for place in order]
        assert question.options[question.answer] == "oak"
    counts = Counter(question.answer for question in read.values())
    assert min(counts[place] for place in range(4)) > 70  # 100 each, 8.7 standard deviation


GOOD = {"question": Q1, "options": PLANTS, "answer": "C"}


@pytest.mark.parametrize("answer", ["C", "c", "(C)", "C.", "[[C]]", "oak", "C) oak", "ｃ", ["C"]])
def test_spellings_of_the_right_option(answer: object, tmp_path: Path) -> None:
    (question,) = read_data_set(lines(tmp_path, {**GOOD, "answer": answer})).questions
    assert question.answer == 2


@pytest.mark.parametrize(
    ("answers", "columns", "places"),
    [
        ([0, 2], "", [0, 2]),
        ([4, 2], "", [3, 1]),
        (["4.0", "2.0"], "", [3, 1]),
        ([1, 2], "index_base=1", [0, 1]),
        ([1, 2], "index_base=0", [1, 2]),
    ],
)
def test_numbers_count_from_0_or_1(
    answers: list[object], columns: str, places: list[int], tmp_path: Path
) -> None:
    file = lines(tmp_path, *({**GOOD, "answer": answer} for answer in answers))
    assert [q.answer for q in read_data_set(file, columns).questions] == places


def test_options_of_numbers_are_named_by_text_where_nothing_else_fits(tmp_path: Path) -> None:
    rows = [{"question": Q2, "options": ["12", "10", "11"], "answer": "11"}] * 2
    assert [q.answer for q in read_data_set(lines(tmp_path, *rows)).questions] == [2, 2]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["a", "b", None], 2),
        (["a", "b", "N/A", "N/A"], 2),
        (["K", "Na"], 2),
        (["some", "all", "None"], 3),
    ],
)
def test_places_without_an_option(options: list[str], kept: int, tmp_path: Path) -> None:
    read = read_data_set(lines(tmp_path, {**GOOD, "options": options, "answer": "A"}))
    assert len(read.questions[0].options) == kept
    assert bool(read.notes) == (kept < len(options))


def test_two_columns_of_answers_that_rarely_differ(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"question_id": i, **GOOD, "category": "x", "answer_index": 2} for i in range(200)
    ]
    rows[7]["answer_index"] = 1
    read = read_data_set(lines(tmp_path, *rows))
    assert "column 'answer_index' contradicts column 'answer' in line 8" in read.notes[0]
    assert {q.answer for q in read.questions} == {2}
    for row in rows[:3]:
        row["answer_index"] = 1
    with pytest.raises(DataError, match="line 1, column 'answer_index': 1 contradicts 'C'"):
        read_data_set(lines(tmp_path, *rows, name="more.jsonl"))
    read = read_data_set(tmp_path / "more.jsonl", "check='none'")
    assert len(read.questions) == 200


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "one option": ({"options": ["a"]}, "options", "expected 2 to 25 options, got 1"),
    "26 options": ({"options": [str(i) for i in range(26)]}, "options", "got 26"),
    "empty option": ({"options": ["a", "", "c"]}, "options", "option 2 of 3 is empty"),
    "no options": ({"options": []}, "options", "got 0"),
    "option no text": ({"options": ["a", [1], "c"]}, "options", "option 2 of 3 is no text"),
    "options as text": ({"options": "a, b"}, "options", "expected a list of texts, got str"),
    "letter too far": ({"answer": "E"}, "answer", "expected a letter from A to D"),
    "text of none": ({"answer": "birch"}, "answer", "got 'birch'"),
    "empty question": ({"question": " "}, "question", "expected text, got nothing"),
    "question no text": ({"question": [Q1]}, "question", "expected text"),
    "surrogate": ({"question": "\ud800"}, "question", "invalid Unicode"),
    "no topic": ({"category": ""}, "category", "expected a topic"),
    "no id": ({"question_id": None}, "question_id", "is missing"),
    "same id": ({"question_id": "1"}, "question_id", "duplicate id 1, first in line 1"),
}


@pytest.mark.parametrize("kind", BAD)
def test_rows_that_are_no_questions(kind: str, tmp_path: Path) -> None:
    """Refused with file, line, column and what to do, or left out and counted if so asked."""
    change, column, says = BAD[kind]
    good = {"question_id": 1, **GOOD, "category": "x"}
    file = lines(tmp_path, good, {**good, "question_id": 2, **change})
    with pytest.raises(DataError) as refused:
        read_data_set(file)
    line = str(refused.value)
    assert line.startswith(f"{file}, line 2, column {column!r}: ")
    assert says in line
    assert "bad_rows=skip" in line
    assert "\n" not in line
    read = read_data_set(file, "bad_rows=skip")
    assert [q.place for q in read.questions] == ["line 1"]
    assert read.left_out == {f"column {column!r} cannot be read": ["line 2"]}


@pytest.mark.parametrize(
    ("rows", "columns", "says"),
    [
        ([{**GOOD, "answer": 1}, {**GOOD, "answer": 2}], "", "may count options from 0 or from 1"),
        ([{**GOOD, "answer": 0}, {**GOOD, "answer": 4}], "", "neither from 0"),
        ([{"stem": Q1, "choises": PLANTS}], "", "say which columns hold what"),
        ([GOOD], "question=stem", "no column 'stem'"),
        ([GOOD], "preset=arcc", "did you mean 'arc'"),
        ([{**GOOD, "answer": None}], "", "no question is left: no right option is given"),
        ([{"question": Q1, "subject": "x", "choices": PLANTS, "answer": 1 + i % 3}
          for i in range(40)], "", "none of 40 is 0"),
    ],
)  # fmt: skip
def test_files_that_are_not_understood(
    rows: list[dict[str, Any]], columns: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refused:
        read_data_set(lines(tmp_path, *rows), columns)
    assert says in str(refused.value)
    assert "index_base" not in says or "--data_columns index_base" in str(refused.value)


def test_what_is_noticed(tmp_path: Path) -> None:
    rows = [{**GOOD, "options": ["a", "a", "b"]}] * 25
    notes = " ".join(read_data_set(lines(tmp_path, *rows)).lines)
    assert "the right option is C in all 25 questions" in notes
    assert "questions with an earlier one's text: 24 (line 2, line 3, line 4 and 21 more)" in notes
    assert "questions with an option twice: 25" in notes


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("anatomy_test.csv", "anatomy"),
        ("anatomy/test-00000-of-00001.parquet", "anatomy"),
        ("gpqa_diamond.csv.gz", "gpqa_diamond"),
        ("lsat-ar.jsonl", "lsat-ar"),
        ("v1.2.jsonl", "v1.2"),
    ],
)
def test_names_of_files(path: str, name: str) -> None:
    assert name_of_file(Path("/folder") / path) == name


def test_a_folder_of_files(tmp_path: Path) -> None:
    """As MMLU is published: a file per subject, whose ids are places in their files."""
    folder = tmp_path / "test"
    folder.mkdir()
    for subject, right in (("anatomy", "A"), ("virology", "B")):
        (folder / f"{subject}_test.csv").write_text(f"{Q1},moss,oak,{right}\n{Q2},3,4,B\n", "utf-8")
    (folder / "README.md").write_text("x", "utf-8")
    read = read_data_set(folder)
    assert (read.name, read.topics) == ("mmlu", ["anatomy", "virology"])
    ids = ["anatomy-0", "anatomy-1", "virology-0", "virology-1"]
    assert [q.question_id for q in read.questions] == ids
    assert [q.answer for q in read.questions] == [0, 1, 1, 1]
    assert read.questions[2].place == "virology_test.csv line 1"
    assert read.notes == ["the topic is the file's name"]
    (folder / "anatomy_dev.csv").write_text(f"{Q1},moss,oak,A\n", "utf-8")
    with pytest.raises(DataError, match=r"several splits \(dev, test\)"):
        read_data_set(folder)
    (folder / "anatomy_dev.csv").unlink()
    sample = SAMPLES["agieval"]
    other = tmp_path / "v1"
    other.mkdir()
    lines(other, *sample.rows, name="lsat-rc.jsonl")
    lines(other, *sample.rows[1:], name="math.jsonl")  # of which nothing is left
    read = read_data_set(other)
    assert (read.name, reads(read)) == ("agieval", sample.reads)
    assert {why: len(places) for why, places in read.left_out.items()} == {
        "no options (a cloze question)": 2, "several right options": 2,
    }  # fmt: skip
    lines(folder, {**GOOD, "subject": "x"}, name="zoo_test.jsonl")
    with pytest.raises(DataError, match=r"zoo_test\.jsonl: its schema is"):
        read_data_set(folder)
    for file in folder.iterdir():
        file.unlink()
    with pytest.raises(DataError, match="holds no table"):
        read_data_set(folder)
    for name in ("a.jsonl", "b.jsonl"):
        lines(folder, {**GOOD, "id": 7}, name=name)
    with pytest.raises(DataError, match=r"b.jsonl line 1: duplicate id 7, first in a.jsonl line 1"):
        read_data_set(folder)


def test_topics_whose_names_would_be_the_same() -> None:
    assert slugs(["C", "C++", "C#", "日本史", "!"]) == {
        "C": "c", "C++": "c_2", "C#": "c_3", "日本史": "日本史", "!": "unnamed",
    }  # fmt: skip
