"""Small files that would take much memory."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DECLARED = 3_500_000_000


def archive(folder: Path, size: int, name: str = "large.zip") -> Path:
    """A zip with one JSON text that is one empty list in so many blanks."""
    with (
        zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made,
        made.open("results.json", "w", force_zip64=True) as member,
    ):
        member.write(b"[")
        for _ in range(size // 1_000_000):
            member.write(b" " * 1_000_000)
        member.write(b"]")
    return folder / name


def declaring_archive(folder: Path, size: int = DECLARED) -> Path:
    """A zip whose table of contents says that its file has so many bytes."""
    file = folder / "large.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("results.json", "[]")
    content = bytearray(file.read_bytes())
    at = content.rindex(b"PK\x01\x02") + 24
    content[at : at + 4] = size.to_bytes(4, "little")
    file.write_bytes(content)
    return file


def crowded_archive(folder: Path, count: int = 1001) -> Path:
    """A zip of so many empty lists."""
    with zipfile.ZipFile(folder / "many.zip", "w") as made:
        for number in range(count):
            made.writestr(f"{number}.json", "[]")
    return folder / "many.zip"


def repeated_text(folder: Path, rows: int = 2000, size: int = 1_000_000) -> Path:
    """A Parquet file with one long text in every row, stored once."""
    at, texts = pa.array(np.zeros(rows, dtype=np.int32)), pa.array(["x" * size])
    table = pa.table({"id": np.arange(rows), "h": pa.DictionaryArray.from_arrays(at, texts)})
    pq.write_table(table, folder / "repeated.parquet")
    return folder / "repeated.parquet"


def many_rows(folder: Path, rows: int = 21_000_000) -> Path:
    """A Parquet file with nothing in so many rows."""
    pq.write_table(pa.table({"id": pa.nulls(rows, pa.int8())}), folder / "rows.parquet")
    return folder / "rows.parquet"


def long_lists(folder: Path, values: int = 21_000_000) -> Path:
    """A Parquet file with one row that holds a list of so many equal numbers."""
    lists = pa.ListArray.from_arrays([0, values], pa.array(np.zeros(values, dtype=np.int8)))
    pq.write_table(pa.table({"id": lists}), folder / "lists.parquet")
    return folder / "lists.parquet"


def empty_objects(folder: Path, count: int = 10_500_000) -> Path:
    """A JSON text of so many empty objects."""
    (folder / "objects.json").write_bytes(b"[" + b"{}," * count + b"{}]")
    return folder / "objects.json"
