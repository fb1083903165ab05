"""Members of zip archives that are compressed by Zstandard, which `zipfile` does not read."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

ZSTANDARD = 93
"""The method's number in a zip archive's table of contents."""
_HEADER = 30
"""Bytes of a member's own header before its name."""


def open_zstandard_member(file: Path, member: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member for reading, decompressed as it is read.

    Raises zipfile.BadZipFile, at once or at its end, if it is damaged.
    """
    with file.open("rb") as handle:
        handle.seek(member.header_offset)
        header = handle.read(_HEADER)
        if len(header) < _HEADER or header[:4] != b"PK\3\4":
            raise zipfile.BadZipFile(f"no header of {member.filename}")
        handle.seek(sum(struct.unpack("<HH", header[26:])), io.SEEK_CUR)
        content = handle.read(member.compress_size)
    if len(content) < member.compress_size:
        raise zipfile.BadZipFile(f"{member.filename} ends early")
    return io.BufferedReader(_Decompressed(content, member))


class _Decompressed(io.RawIOBase):
    """The bytes of a member, whose checksum is compared at its end."""

    def __init__(self, content: bytes, member: zipfile.ZipInfo) -> None:
        import pyarrow as pa

        super().__init__()
        arrow: Any = pa  # whose stubs lack both
        self._stream: Any = arrow.input_stream(arrow.BufferReader(content), compression="zstd")
        self._member = member
        self._checksum = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            part: bytes = self._stream.read(len(buffer))
        except OSError as error:
            raise zipfile.BadZipFile(f"{self._member.filename} is damaged") from error
        self._checksum = zlib.crc32(part, self._checksum)
        if not part and self._checksum != self._member.CRC:
            raise zipfile.BadZipFile(f"{self._member.filename} has another checksum")
        buffer[: len(part)] = part
        return len(part)
