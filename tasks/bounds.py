"""How much of a file is taken into memory, whatever it says of itself.

A few megabytes can hold gigabytes: packed archives, encoded columns, or ten million empty objects.
So each reader asks first how large the content is, by what the file declares and by what is really
in it, and how many values it holds, each of which takes some hundred bytes once it is read. The
limits do not depend on how well something is packed.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .data_errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

VARIABLE = "APPREHEND_MAX_INPUT_GB"
GIGABYTES = 1.0
"""Content of one input in 10⁹ bytes, unpacked, unless the environment says otherwise."""
VALUES = 20_000_000
"""Values (numbers, texts, lists, objects) for each gigabyte that is allowed."""
MEMBERS = 1000
"""Files in an archive."""
_DIRECTORY = 4 << 20
"""Bytes of an archive's table of contents."""
_CHUNK = 1 << 20
_BATCH = 256
"""Rows of a Parquet file that are looked at at a time."""


def limit() -> int:
    """Bytes of content that one input may have. Raises DataError for a limit that is none."""
    text = os.environ.get(VARIABLE, "")
    if not text:
        return round(GIGABYTES * 1e9)
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", text) or float(text) <= 0:
        raise DataError(f"{VARIABLE}: expected gigabytes above 0, e.g. 4, got {text[:40]!r}")
    return round(float(text) * 1e9)


def _too_large(file: Path | str, what: str) -> DataError:
    return DataError(
        f"{file}: holds {what}; at most {limit() / 1e9:g} GB and {_values():,} values are read "
        f"into memory: split it, or set {VARIABLE} if the memory is there"
    )


def _values() -> int:
    return round(VALUES * limit() / 1e9)


def _gigabytes(size: int) -> str:
    """The size, or that it is over the limit where it was counted only so far."""
    return f"{size / 1e9:.1f} GB" if size > 1.1 * limit() else f"over {limit() / 1e9:g} GB"


def _check_size(file: Path | str, size: int) -> None:
    if size > limit():
        raise _too_large(file, _gigabytes(size))


class _Counter:
    """Counts bytes and values of a text that comes in parts; raises DataError beyond the limits."""

    def __init__(self, file: Path | str, marks: bytes) -> None:
        self.file, self.marks = file, marks
        self.bytes = self.values = 0

    def add(self, part: bytes) -> None:
        self.bytes += len(part)
        _check_size(self.file, self.bytes)
        self.values += sum(part.count(bytes([mark])) for mark in self.marks)
        if self.values > _values():
            raise _too_large(self.file, f"{self.values:,} values or more")


JSON_MARKS = b",[{"
"""Bytes of which every value of a JSON text but the first has one to itself."""


def check_text(file: Path, marks: bytes = JSON_MARKS) -> None:
    """Raise DataError where a text file has too many bytes, or too many values: no more than there
    are bytes among `marks`, give or take one."""
    _check_size(file, file.stat().st_size)
    counter = _Counter(file, marks)
    with file.open("rb") as handle:
        while part := handle.read(_CHUNK):
            counter.add(part)


class _Careful(io.BufferedReader):
    """A file of which no part larger than an archive's table of contents may be is read at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY:
            raise zipfile.BadZipFile(f"its table of contents has {size:,} bytes")
        return super().read(size)


def unpacked_members(file: Path, ending: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file of a zip archive whose name ends so, in order of names.

    Raises DataError where the archive holds too much, by its table of contents or in truth, and
    what `zipfile` raises where it is damaged.
    """
    with _Careful(io.FileIO(file)) as handle, zipfile.ZipFile(handle) as archive:
        found = sorted(
            (one for one in archive.infolist() if one.filename.endswith(ending)),
            key=lambda one: one.filename,
        )
        if len(found) > MEMBERS:
            raise DataError(
                f"{file}: {len(found):,} {ending} files in it, more than {MEMBERS:,}; unpack it "
                "and give the files one by one"
            )
        _check_size(file, sum(one.file_size for one in found))
        counter = _Counter(file, JSON_MARKS)
        for one in found:
            if one.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # The others unpack more than is asked of them at a time.
                raise DataError(
                    f"{file}: {one.filename} is not packed by deflate; unpack it and give the file"
                )
            parts = []
            with archive.open(one) as member:
                while part := member.read(_CHUNK):
                    counter.add(part)
                    parts.append(part)
            yield one.filename, b"".join(parts)


def check_parquet(file: Path) -> None:
    """Raise DataError where a Parquet file holds too much, by its footer or in truth.

    Repeated texts are stored once, so the sizes in the footer say little: the rows are read in
    small batches, in which repeated texts stay so, and what they would take apart is added up.
    Raises what pyarrow raises where the file is damaged.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as footer:
        metadata = footer.metadata
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        cells = metadata.num_rows * metadata.num_columns
        if cells > _values():
            raise _too_large(file, f"{cells:,} values")
        # Not of each column: pyarrow ends the process on one whose footer contradicts itself.
        _check_size(file, sum(group.total_byte_size for group in groups))
        schema = metadata.schema
        leaves = [schema.column(index) for index in range(len(schema))]
        fixed = [c.length for c in leaves if c.physical_type == "FIXED_LEN_BYTE_ARRAY"]
        _check_size(file, metadata.num_rows * sum(fixed))
        texts = [c.path for c in leaves if c.physical_type == "BYTE_ARRAY"]
    size = values = 0
    with pq.ParquetFile(file, read_dictionary=texts) as content:
        for batch in content.iter_batches(batch_size=_BATCH):
            for column in batch.columns:
                own, count = _decoded(column)
                size, values = size + own, values + count
            _check_size(file, size)
            if values > _values():
                raise _too_large(file, f"{values:,} values or more")


def _decoded(array: pa.Array) -> tuple[int, int]:
    """Bytes and values of an Arrow array, each repeated text counted as often as it stands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(array.dictionary)
        return pc.sum(lengths.take(array.indices)).as_py() or 0, len(array)
    if pa.types.is_struct(kind):
        parts = [_decoded(part) for part in array.flatten()]
    elif pa.types.is_map(kind):
        parts = [_decoded(array.keys), _decoded(array.items)]
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        parts = [_decoded(array.flatten())]
    else:
        return array.nbytes, len(array)
    return sum(size for size, _ in parts), len(array) + sum(count for _, count in parts)
