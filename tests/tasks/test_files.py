"""The one reader of tables: the same rows from every format, and every stand-in named."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from apprehend.tasks.data_errors import DataError
from apprehend.tasks.files.cells import as_list, has_decimal_commas, number, value_at
from apprehend.tasks.files.identifiers import id_text, id_texts
from apprehend.tasks.files.table_reader import FileTable, read_table_file

ROWS = [
    {"id": "007", "topic": "None", "gold": "C", "p": [0.5, 0.25, 0.25]},
    {"id": "1e5", "topic": "droit français", "gold": "A", "p": [1.0, 0.0, 0.0]},
]
TEXT = "id,topic,gold\n007,None,C\n1e5,droit français,A\n"
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def written(folder: Path, name: str, content: bytes | str) -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def zipped(content: bytes) -> Callable[[Path], None]:
    def make(file: Path) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("t.csv", content)
            archive.writestr("__MACOSX/._t.csv", b"\0\5\26\7")

    return make


CONTAINERS: dict[str, bytes] = {
    "t.csv": TEXT.encode(),
    "bom.csv": b"\xef\xbb\xbf" + TEXT.encode(),
    "utf16.csv": TEXT.encode("utf-16"),
    "crlf.csv": TEXT.replace("\n", "\r\n").encode(),
    "mac.csv": TEXT.replace("\n", "\r").encode(),
    "semicolons.csv": TEXT.replace(",", ";").encode(),
    "bars.txt": TEXT.replace(",", "|").encode(),
    "t.tsv": TEXT.replace(",", "\t").encode(),
    "quoted.csv": ('"' + TEXT.replace(",", '","').replace("\n", '"\n"')[:-1]).encode(),
    "padded.csv": TEXT.replace("id,topic,gold", " id , topic,gold ").encode(),
    "declared.csv": ("sep=;\n" + TEXT.replace(",", ";")).encode(),
    "t.csv.gz": gzip.compress(TEXT.encode()),
    "misnamed.csv": gzip.compress(TEXT.encode()),
    "t.csv.bz2": bz2.compress(TEXT.encode()),
    "t.csv.xz": lzma.compress(TEXT.encode()),
    "t.jsonl": LINES.encode(),
    "bom.jsonl": b"\xef\xbb\xbf" + LINES.encode(),
    "t.jsonl.gz": gzip.compress(LINES.encode()),
    "array.jsonl": json.dumps(ROWS, indent=1).encode(),
    "lines.json": LINES.encode(),
    "t.json": json.dumps(ROWS).encode(),
    "pretty.json": json.dumps(ROWS, indent=2).encode(),
    "bom.json": b"\xef\xbb\xbf" + json.dumps(ROWS).encode(),
    "beside.json": json.dumps({"model": "x", "results": ROWS}).encode(),
    "columns.json": json.dumps({k: [row[k] for row in ROWS] for k in ROWS[0]}).encode(),
    "pandas.json": pd.DataFrame(ROWS).to_json().encode(),
    "split.json": pd.DataFrame(ROWS).to_json(orient="split").encode(),
    "index.json": json.dumps({f"q{n}": row for n, row in enumerate(ROWS)}, indent=1).encode(),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    table = read_table_file(written(tmp_path, name, CONTAINERS[name]))
    check(table)


def check(table: FileTable) -> None:
    for column in ("id", "topic", "gold"):
        table.check_column(column)
        assert table.column(column) == [row[column] for row in ROWS]


def test_zstd_zip_parquet_and_workbook(tmp_path: Path) -> None:
    with (
        pa.OSFile(str(tmp_path / "t.csv.zst"), "wb") as sink,
        pa.CompressedOutputStream(sink, "zstd") as stream,
    ):
        stream.write(TEXT.encode())
    zipped(TEXT.encode())(tmp_path / "t.csv.zip")
    pd.DataFrame(ROWS).to_parquet(tmp_path / "t.parquet")
    for name in ("t.csv.zst", "t.csv.zip", "t.parquet"):
        check(read_table_file(tmp_path / name))


def test_a_workbook(tmp_path: Path) -> None:
    check(read_table_file(workbook(tmp_path / "t.xlsx", [list(ROWS[0])[:3], *(
        [row["id"], row["topic"], row["gold"]] for row in ROWS)])))  # fmt: skip
    numbers = read_table_file(workbook(tmp_path / "n.xlsx", [["id", "h"], [7, 0.5], [8, 1]]))
    assert id_texts(numbers.ids("id"))[0] == ["7", "8"]
    assert numbers.places == ["row 2", "row 3"]
    assert [number(cell) for cell in numbers.column("h")] == [0.5, 1]


def workbook(file: Path, rows: list[list[object]]) -> Path:
    """The least that is an .xlsx, without a package that writes it."""

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    lines = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    kinds = "http://schemas.openxmlformats.org/package/2006/content-types"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{kinds}"></Types>')
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{package}"><Relationship Id="r1" '
                         f'Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
                         "</Relationships>")  # fmt: skip
        archive.writestr("xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
                         '<sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>')  # fmt: skip
        archive.writestr("xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}">'
                         f'<Relationship Id="r1" Type="{office}/worksheet" '
                         'Target="worksheets/sheet1.xml"/></Relationships>')  # fmt: skip
        sheet = f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData></worksheet>'
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return file


SEPARATORS = "\u2028 \u2029 \u0085 \x0b \x0c \x1c"


def test_signs_that_look_like_ends_of_lines_are_none(tmp_path: Path) -> None:
    rows = [{"id": 1, "q": f"a{SEPARATORS}b"}, {"id": 2, "q": "c"}]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert len(lines.splitlines()) > 2
    table = read_table_file(written(tmp_path, "t.jsonl", lines))
    assert table.column("q") == [rows[0]["q"], "c"]
    table = read_table_file(written(tmp_path, "t.csv", f'id,q\n1,"a{SEPARATORS}b"\n2,c\n'))
    assert table.column("q") == [rows[0]["q"], "c"]
    assert table.places == ["line 2", "line 3"]


BAD: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "lfs.parquet": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
                    ("Git LFS pointer", "git lfs pull")),
    "annex.csv": (b"/annex/objects/MD5E-s3--0.csv", ("git-annex pointer",)),
    "page.csv": (b"<!DOCTYPE html><html></html>", ("web page",)),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ("old Excel file",)),
    "t.pkl": (b"\x80\x04\x95\x00\x00", ("pickle",)),
    "empty.csv": (b"", ("is empty",)),
    "latin.csv": ("id,q\n1,a\n2,é\n".encode("latin-1"), ("line 3", "0xE9", "--encoding cp1252")),
    "latin.jsonl": ('{"id": 1}\n{"id": "é"}\n'.encode("latin-1"), ("line 2", "--encoding")),
    "short.csv": (b"id,a,b\n1,2,3\n2,3\n", ("line 3", "has 2 cells", "the header has 3")),
    "long.csv": (b"id,a,b\n1,2,3\n2,3,4,5\n", ("line 3", "has 4 cells")),
    "open.csv": (b'id,a\n1,"x\n2,y\n', ("line 2", "not a readable row")),
    "twice.jsonl": (b'{"id": 1, "a": 1, "a": 2}\n', ("line 1", "'a' occurs twice")),
    "half.jsonl": (b'{"id": 1}\n{"id": 2\n', ("line 2", "not JSON")),
    "half.json": (b'[\n{"id": 1},\n{"id": 2\n', ("half.json, line", "not JSON")),
    "short.csv.gz": (gzip.compress(TEXT.encode() * 99)[:-20], ("truncated?",)),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_table_is_named(tmp_path: Path, name: str) -> None:
    content, says = BAD[name]
    with pytest.raises(DataError) as error:
        read_table_file(written(tmp_path, name, content))
    for text in (name, *says):
        assert text in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_quotation_mark_within_a_cell(tmp_path: Path) -> None:
    content = 'id\tq\n1\t"Yes" he said\n2\t5" pipe\n'
    table = read_table_file(written(tmp_path, "t.tsv", content))
    assert table.column("id") == ["1", "2"]
    assert table.column("q") == ["Yes he said", '5" pipe']


def test_an_encoding_that_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, "t.csv", "id,q\n1,é\n".encode("latin-1"))
    assert read_table_file(file, "cp1252").column("q") == ["é"]
    with pytest.raises(DataError, match="unknown encoding 'x'"):
        read_table_file(file, "x")


def test_columns_that_occur_twice_are_named_where_they_are_used(tmp_path: Path) -> None:
    table = read_table_file(written(tmp_path, "t.csv", "id,a,b,b\n1,2,3,4\n"))
    table.check_column("a")
    with pytest.raises(DataError, match=r"--answer: .* several columns 'b'"):
        table.check_column("b", "--answer")
    with pytest.raises(DataError, match=r"no column 'aa', found: id, a, b; did you mean 'a'"):
        table.check_column("aa")


def test_nested_columns() -> None:
    row = {"body": {"choices": [{"text": "C"}], "a.b": 3}, "x.y": 1, "x": {"y": 2}}
    assert value_at(row, "body.choices.0.text") == "C"
    assert value_at(row, "x.y") == 1
    for column in ("body.choices.1.text", "body.text", "body.choices.text", "z"):
        with pytest.raises(KeyError):
            value_at(row, column)


@pytest.mark.parametrize(
    "cell",
    [
        [0.25, 0.5, 0.25], (0.25, 0.5, 0.25), np.array([0.25, 0.5, 0.25]),
        "[0.25, 0.5, 0.25]", "(0.25, 0.5, 0.25)", "[0.25 0.5  0.25]", "[0.25\n 0.5 0.25]",
        "array([0.25, 0.5 , 0.25])", "array([0.25, 0.5, 0.25], dtype=float32)",
        "tensor([0.25, 0.5, 0.25], device='cuda:0')", "0.25;0.5;0.25", "0.25|0.5|0.25",
        "0,25;0,5;0,25", '{"A": 0.25, "B": 0.5, "C": 0.25}', "{'b': 0.5, 'a': 0.25, 'c': 0.25}",
        {"C": 0.25, "A": 0.25, "B": 0.5}, "[np.float64(0.25), np.float64(0.5), np.float64(0.25)]",
    ],
)  # fmt: skip
def test_lists_in_cells(cell: object) -> None:
    assert as_list(cell) == [0.25, 0.5, 0.25]


def test_other_cells_are_no_lists() -> None:
    for cell in ("0.5 0.5", "x", "", None, 3, {"x": 1}, "[" * 5000, {"A": 1, "a": 2}):
        assert as_list(cell) is None
    assert as_list("['red', \"d'oh\"]") == ["red", "d'oh"]
    assert as_list("['red' \"d'oh\"]") == ["red", "d'oh"]
    assert as_list("[nan, 0.5]") == [None, 0.5]
    assert as_list('{"A": 0.5, "D": 0.5}') == [0.5, None, None, 0.5]
    assert as_list("[0.5, null]") == [0.5, None]


def test_numbers() -> None:
    assert number("0,5", True) == 0.5
    assert number("0,5") is None
    assert number("−1.5e-3") == -0.0015
    assert number("１") == 1
    for cell in ("", "NaN", "None", None, math.nan, "N/A"):
        assert math.isnan(number(cell) or 0.0) or number(cell) is None
        value = number(cell)
        assert value is not None
        assert math.isnan(value)
    for cell in ("x", "1_000", "1.2.3", [1]):
        assert number(cell) is None
    assert has_decimal_commas(["0,5", "1,234"])
    assert not has_decimal_commas(["1,234", "2,345"])
    assert has_decimal_commas(["1,234", "2,345"], ";")
    assert not has_decimal_commas(["0,5", "0.5"])


def test_ids_are_text(tmp_path: Path) -> None:
    for value, text in (
        (7, "7"), ("7", "7"), ("007", "007"), ("1e5", "1e5"), (2**63, str(2**63)), (7.0, "7"),
        (np.int64(7), "7"), (np.float64(7), "7"), (10**24, str(10**24)), (1.5, "1.5"),
    ):  # fmt: skip
        assert id_text(value) == text
    for value in (None, math.nan, "", True, [1], math.inf):
        assert id_text(value) is None
    assert id_texts(["1.0", "2.0", None]) == (["1", "2", None], True)
    assert id_texts(["1.0", "1.1"]) == (["1.0", "1.1"], False)
    lines = '{"id": 1e5}\n{"id": 10e4}\n{"id": 9007199254740993}\n{"id": "x"}\n'
    table = read_table_file(written(tmp_path, "t.jsonl", lines))
    assert id_texts(table.ids("id"))[0] == ["1e5", "10e4", "9007199254740993", "x"]
