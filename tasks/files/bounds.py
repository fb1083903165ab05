"""Limits on how much of a file is read into memory, whatever the file declares.

A few megabytes can expand to gigabytes: compressed archives, encoded columns, or ten million empty
objects. So each reader first checks the size of the content, both declared and actual, and the
number of values, each of which takes some hundred bytes once read. The limits do not depend on
the compression ratio.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from .file_errors import DataError
from .zip_members import ZSTANDARD, open_zstandard_member

if TYPE_CHECKING:
    import pyarrow as pa

VARIABLE = "APPREHEND_MAX_INPUT_GB"
GIGABYTES = 1.0
"""Default limit on the decompressed content of one input, in 10⁹ bytes."""
VALUES = 20_000_000
"""Limit on values (numbers, texts, lists, objects) per allowed gigabyte."""
MEMBERS = 1000
"""Limit on files in an archive."""
_DIRECTORY = 4 << 20
"""Limit on bytes of an archive's table of contents."""
_CHUNK = 1 << 20
_BATCH = 256
"""Rows of a Parquet file that are checked at a time."""


def limit() -> int:
    """Return the limit on an input's content in bytes. Raises DataError if it is misconfigured."""
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
    """Format a size; only as over the limit if counting stopped there."""
    return f"{size / 1e9:.1f} GB" if size > 1.1 * limit() else f"over {limit() / 1e9:g} GB"


def _check_size(file: Path | str, size: int) -> None:
    if size > limit():
        raise _too_large(file, _gigabytes(size))


class _Counter:
    """Counts bytes and values of a text read in chunks; raises DataError beyond the limits."""

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
"""Bytes of JSON, of which every value but the first has at least one of its own."""


def check_text(file: Path, marks: bytes = JSON_MARKS) -> None:
    """Raise DataError if a text file has too many bytes or values, as `check_stream` counts."""
    _check_size(file, file.stat().st_size)
    with file.open("rb") as handle:
        check_stream(file, handle, marks)


def check_stream(file: Path | str, stream: IO[bytes], marks: bytes = JSON_MARKS) -> None:
    """Raise DataError if the rest of a stream has too many bytes or values.

    Its values are at most one more than its bytes among ``marks``.
    """
    counter = _Counter(file, marks)
    while part := stream.read(_CHUNK):
        counter.add(part)


class _Careful(io.BufferedReader):
    """A file that refuses single reads larger than the limit on a table of contents."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY:
            raise zipfile.BadZipFile(f"its table of contents has {size:,} bytes")
        return super().read(size)


def is_clutter(name: str) -> bool:
    """Return whether a member of an archive is no content: what macOS adds, or a hidden file."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


class _Archive(zipfile.ZipFile):
    """An archive that counts as damaged where a name in it is no text."""

    def __init__(self, handle: IO[bytes]) -> None:
        with _names_as_text():
            super().__init__(handle)

    def open(self, *given: Any, **named: Any) -> IO[bytes]:
        with _names_as_text():
            return super().open(*given, **named)


@contextlib.contextmanager
def _names_as_text() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise zipfile.BadZipFile(f"a name in it is not UTF-8 ({error.reason})") from error


@contextlib.contextmanager
def open_archive(file: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive whose table of contents is of a sensible size.

    Raises zipfile.BadZipFile if it is damaged.
    """
    with _Careful(io.FileIO(file)) as handle, _Archive(handle) as archive:
        yield archive


def check_archive(file: Path) -> None:
    """Raise DataError if the members of a zip archive exceed a limit, as declared or in fact."""
    with open_archive(file) as archive:
        members = archive.infolist()
        _check_size(file, sum(member.file_size for member in members))
        counter = _Counter(file, b"<")  # of the XML in workbooks
        for member in members:
            _check_deflated(file, member)
            with archive.open(member) as content:
                while part := content.read(_CHUNK):
                    counter.add(part)


def _check_deflated(file: Path, member: zipfile.ZipInfo) -> None:
    """Raise DataError for other methods, which decompress more than requested at a time."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{file}: {member.filename} is not compressed by deflate; unpack it and give the file"
        )


def unpacked_members(file: Path, ending: str, most: int = MEMBERS) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file of a zip archive with this suffix, sorted by name.

    Args:
        file: The archive, compressed by deflate or Zstandard.
        ending: The suffix of the names that are wanted.
        most: Limit on the number of such files.

    Raises:
        DataError: the archive exceeds a limit, by its table of contents or in fact.
        zipfile.BadZipFile: it is damaged (or another error of `zipfile`).
    """
    with open_archive(file) as archive:
        members = sorted(
            (
                member
                for member in archive.infolist()
                if member.filename.endswith(ending) and not is_clutter(member.filename)
            ),
            key=lambda member: member.filename,
        )
        if len(members) > most:
            raise DataError(
                f"{file}: {len(members):,} {ending} files in it, more than {most:,}; unpack it "
                "and give the files one by one"
            )
        _check_size(file, sum(member.file_size for member in members))
        counter = _Counter(file, JSON_MARKS)
        for member in members:
            parts = []
            with _opened(file, archive, member) as content:
                while part := content.read(_CHUNK):
                    counter.add(part)
                    parts.append(part)
            yield member.filename, b"".join(parts)


def _opened(file: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    if member.compress_type == ZSTANDARD:
        return open_zstandard_member(file, member)
    _check_deflated(file, member)
    return archive.open(member)


def check_parquet(file: Path) -> None:
    """Raise DataError if a Parquet file exceeds a limit, by its footer or in fact.

    Repeated texts are stored once, so that the sizes in the footer are no bound: the rows are read
    in small batches that keep the texts dictionary-encoded, and their decoded sizes are added up.
    Raises pyarrow's errors if the file is damaged.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as footer:
        metadata = footer.metadata
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        cells = metadata.num_rows * metadata.num_columns
        if cells > _values():
            raise _too_large(file, f"{cells:,} values")
        # Not for each column: pyarrow aborts the process if a column's footer contradicts itself.
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
    """Return bytes and values of an Arrow array, counting every occurrence of a repeated text."""
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
