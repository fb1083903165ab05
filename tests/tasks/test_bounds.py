"""What a file unpacks to is bounded, by what it declares and by what is really in it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apprehend.benchmark.console.errors import ApprehendError
from apprehend.benchmark.importers.lm_eval_samples import read_samples
from apprehend.benchmark.importers.mmlu_pro_results import read_results
from apprehend.tasks.data_errors import DataError
from apprehend.tasks.dataset import read_questions
from apprehend.tasks.files.bounds import VARIABLE, check_parquet, limit
from apprehend.tasks.files.table_reader import read_table_file
from oversized import (
    archive,
    crowded_archive,
    declaring_archive,
    empty_objects,
    long_lists,
    many_rows,
    repeated_text,
)


def refused(read: Callable[[], object], *words: str) -> None:
    """One line with these words, without the memory that the content would take."""
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    try:
        with pytest.raises((DataError, ApprehendError)) as error:
            read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    line = str(error.value)
    assert "\n" not in line
    assert all(word in line for word in words), line
    assert peak < 60e6
    assert pa.total_allocated_bytes() - before < 60e6


def test_an_archive_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = declaring_archive(tmp_path)
    refused(lambda: read_results(declared), str(declared), "3.5 GB", VARIABLE)
    monkeypatch.setenv(VARIABLE, "0.02")
    real = archive(tmp_path, 100_000_000)
    assert real.stat().st_size < 1_000_000
    refused(lambda: read_results(real), str(real), "0.1 GB", "0.02 GB", VARIABLE)
    monkeypatch.setenv(VARIABLE, "0.2")
    with pytest.raises(ApprehendError, match="expected a list of results"):
        read_results(real)


def test_an_archive_that_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It declares less than is in it; no more than it declares comes out."""
    monkeypatch.setenv(VARIABLE, "0.02")
    file = archive(tmp_path, 100_000_000)
    content = bytearray(file.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24
    content[at : at + 4] = (10).to_bytes(4, "little")
    file.write_bytes(content)
    refused(lambda: read_results(file), str(file))


def test_an_archive_of_many_files(tmp_path: Path) -> None:
    file = crowded_archive(tmp_path)
    refused(lambda: read_results(file), "1,001 .json files", "1,000")
    tiny = crowded_archive(tmp_path, 80_000)  # a table of contents of 4.5 MB
    refused(lambda: read_results(tiny), "table of contents")


def test_one_text_in_very_many_rows(tmp_path: Path) -> None:
    file = repeated_text(tmp_path)
    assert file.stat().st_size < 200_000
    for read in (read_questions, read_table_file):
        refused(lambda read=read: read(file), str(file), "holds over 1 GB", VARIABLE)  # type: ignore[misc]


@pytest.mark.parametrize("make", [many_rows, long_lists])
def test_very_many_values(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    file = make(tmp_path)
    assert file.stat().st_size < 200_000
    for read in (read_questions, read_table_file):
        refused(lambda read=read: read(file), "21,000,00", "values", VARIABLE)  # type: ignore[misc]


def test_texts_of_very_many_values(tmp_path: Path) -> None:
    file = empty_objects(tmp_path)
    refused(lambda: read_results(file), "values", VARIABLE)
    for name, read in (
        ("t.jsonl", read_table_file), ("t.jsonl", read_questions),
        ("t.jsonl", lambda file: read_samples([file])),
    ):  # fmt: skip
        refused(lambda read=read, name=name: read(file.rename(tmp_path / name)), "values")  # type: ignore[misc]
        (tmp_path / name).rename(file)
    (tmp_path / "t.csv").write_bytes(b"a,b\n" + b"," * 21_000_000)
    refused(lambda: read_table_file(tmp_path / "t.csv"), "values", VARIABLE)


def test_what_is_ordinary_passes(tmp_path: Path) -> None:
    # Older releases of pyarrow cannot read a null of this type back.
    null = None if int(pa.__version__.split(".")[0]) >= 26 else [3.0, 4.0]
    table = pa.table(
        {
            "text": ["a", None],
            "list": [["x", "y"], None],
            "struct": [{"c": "t", "d": 1}, None],
            "map": pa.array([[("k", "v")], None], pa.map_(pa.string(), pa.string())),
            "bytes": pa.array([b"1234", None], pa.binary(4)),
            "coded": pa.array(["q", None]).dictionary_encode(),
            "fixed": pa.array([[1.0, 2.0], null], pa.list_(pa.float64(), 2)),
            "null": pa.nulls(2),
            "time": pa.array([1, 2], pa.timestamp("us")),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    check_parquet(tmp_path / "t.parquet")
    assert read_table_file(tmp_path / "t.parquet").column("text")[0] == "a"


@pytest.mark.parametrize("text", ["0", "-1", "many", "inf", "nan", "1e3", "²"])
def test_a_limit_that_is_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(DataError, match="expected gigabytes above 0"):
        limit()


def test_a_footer_that_contradicts_itself() -> None:
    """Found by `make fuzz`: pyarrow ends the process where the column's own footer is asked for."""
    file = Path(__file__).with_name("contradicting_footer.parquet")
    for read in (read_questions, read_table_file):
        with pytest.raises(DataError, match="not a readable Parquet file"):
            read(file)
