"""What a file holds by its first bytes, and its content unpacked and decoded, within the limits."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from .bounds import check_stream, is_clutter, open_archive
from .file_errors import DataError, first_line

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte-order mark → encoding; those of UTF-32 begin with those of UTF-16."""
_ZIP, _GZIP, _ZSTD, _BZIP2, _XZ = b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7z"
_WORKBOOKS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
_REFUSED = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer, not the file itself: fetch it "
    "with `git lfs pull`, or download it from its page",
    b"/annex/objects/": "a git-annex pointer, not the file itself: fetch it with `git annex get`",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls): save it as .xlsx or .csv",
    b"ARROW1": "an Arrow file: save it as Parquet (`dataset.to_parquet`)",
    b"\xff\xff\xff\xff": "an Arrow stream: save it as Parquet (`dataset.to_parquet`)",
    b"\x80\x04": "a pickle, which can run code when it is read: save it as Parquet or CSV",
    b"\x80\x05": "a pickle, which can run code when it is read: save it as Parquet or CSV",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it and give the file",
    b"Rar!": "a RAR archive: unpack it and give the file",
    b"\x93NUMPY": "a NumPy file: save a table of one row per question",
}
UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""What damaged, encrypted or unusually compressed content raises."""


def start_of(file: Path, size: int = 512) -> bytes:
    """Return the first bytes of a file, as they are on the disk.

    Raises DataError for a file that is empty, or a stand-in for the real one.
    """
    try:
        with file.open("rb") as handle:
            start = handle.read(size)
    except OSError as error:
        raise DataError(f"{file}: not readable: {first_line(error)}") from error
    if not start:
        raise DataError(f"{file}: is empty")
    for mark, what in _REFUSED.items():
        if start.startswith(mark):
            raise DataError(f"{file}: is {what}")
    if start.lstrip()[:9].lower() in (b"<!doctype", b"<html") or start.lstrip()[:5] == b"<html":
        raise DataError(
            f"{file}: is a web page, not the file itself: download it by its raw address"
        )
    return start


def kind_of(file: Path) -> str:
    """Return ``parquet``, ``workbook`` (Excel or OpenDocument) or ``text``.

    Raises DataError for an empty file and for one that is known not to be a table.
    """
    start = start_of(file)
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(_ZIP):
        with unreadable_named(file), open_archive(file) as archive:
            if any(name in _WORKBOOKS for name in archive.namelist()):
                return "workbook"
    return "text"


@contextlib.contextmanager
def unreadable_named(file: Path) -> Iterator[None]:
    """Raise DataError, with the file, where its content turns out to be damaged."""
    import pyarrow as pa

    try:
        yield
    except DataError:
        raise
    except (*UNREADABLE, pa.ArrowException) as error:
        raise DataError(f"{file}: not readable (truncated?): {first_line(error)}") from error


def open_bytes(file: Path) -> IO[bytes]:
    """Open the content of a text file, decompressed if it is compressed.

    Reads .gz, .zst, .bz2, .xz and .zip (of one file), by their first bytes whatever the name.
    """
    start = start_of(file)
    if start.startswith(_GZIP):
        return cast(IO[bytes], gzip.open(file))
    if start.startswith(_ZSTD):
        return _zstd(file)
    if start.startswith(_BZIP2):
        return cast(IO[bytes], bz2.open(file))
    if start.startswith(_XZ):
        return cast(IO[bytes], lzma.open(file))
    if start.startswith(_ZIP):
        return _only_member(file)
    return file.open("rb")


def _zstd(file: Path) -> IO[bytes]:
    import pyarrow as pa

    class Decompressed(io.RawIOBase):
        """Bytes of pyarrow's decompressed stream; it lacks some methods of a file."""

        def __init__(self) -> None:
            super().__init__()
            self._stream: Any = pa.input_stream(  # type: ignore[attr-defined]
                str(file), compression="zstd"
            )

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            part = self._stream.read(len(buffer))
            buffer[: len(part)] = part
            return len(part)

    return io.BufferedReader(Decompressed())


def _only_member(file: Path) -> IO[bytes]:
    with open_archive(file) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not is_clutter(m.filename)]
    if len(members) != 1:
        raise DataError(f"{file}: holds {len(members)} files; unpack it and give one of them")
    with zipfile.ZipFile(file) as archive:  # whose file stays open until the member is closed
        return archive.open(members[0])


@contextlib.contextmanager
def open_text(
    file: Path, encoding: str | None = None, marks: bytes = b"", newline: str = "\n"
) -> Iterator[IO[str]]:
    """Open the content of a text file as text.

    Args:
        file: The file, compressed or not.
        encoding: Its encoding; by default what its byte-order mark says, else UTF-8.
        marks: The bytes by which its values are counted against the limits.
        newline: What ends a line, as for `open`: nothing else does, such as U+2028.

    Raises:
        DataError: it is too large, damaged, or not in this encoding; the message names the line.
    """
    with unreadable_named(file):
        with open_bytes(file) as stream:
            check_stream(file, stream, marks)
        with open_bytes(file) as stream:
            start = stream.read(4)
        chosen = encoding or next((n for bom, n in _BOMS.items() if start.startswith(bom)), "utf-8")
        try:
            "".encode(chosen)
        except LookupError as error:
            raise DataError(f"--encoding: unknown encoding {chosen!r}") from error
        with open_bytes(file) as stream:
            try:
                with io.TextIOWrapper(stream, chosen, newline=newline) as text:
                    yield text
            except UnicodeDecodeError as error:
                raise _wrong_encoding(file, chosen, error) from error


def _wrong_encoding(file: Path, encoding: str, error: UnicodeDecodeError) -> DataError:
    """Name line and byte: the error itself counts from the start of a chunk."""
    byte, line = error.object[error.start], 1
    with open_bytes(file) as stream:
        for number, content in enumerate(stream, 1):
            try:
                content.decode(encoding)
            except UnicodeDecodeError as found:
                byte, line = content[found.start], number
                break
    if encoding.startswith("utf-8"):
        advice = "if it is Latin-1 (Windows-1252), say so by --encoding cp1252"
        return DataError(f"{file}, line {line}: not UTF-8 text (byte 0x{byte:02X}); {advice}")
    return DataError(f"{file}, line {line}: not {encoding} text (byte 0x{byte:02X})")
