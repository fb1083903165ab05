"""Files of a results folder: written atomically, with one-line errors, and checked by hashes."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...reports.frames import atomic_files
from ...reports.frames.atomic_files import TEMPORARY, clear_leftovers, publish
from ..console.errors import ApprehendError, first_line


def write_error(path: Path, error: OSError) -> ApprehendError:
    """Return the error for a file that cannot be written: no space, no permission, no folder."""
    reason = os.strerror(error.errno) if error.errno else first_line(error)
    return ApprehendError(f"cannot write {path}: {reason}; what was stored before is untouched")


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Create a temporary file beside ``target``, deleted after the block unless published.

    Raises ApprehendError if the folder cannot be written.
    """
    try:
        with atomic_files.temporary_file(target) as temporary:
            yield temporary
    except OSError as error:
        raise write_error(target, error) from error


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and move it there when the block succeeds.

    Raises ApprehendError if the folder cannot be written.
    """
    with temporary_file(path) as temporary:
        yield temporary
        publish(temporary, path)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_parquet(path: Path, table: Any) -> None:
    """Write an Arrow table atomically, zstd-compressed, with a checksum per page."""
    import pyarrow.parquet as pq

    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


__all__ = [
    "TEMPORARY",
    "atomic_path",
    "clear_leftovers",
    "file_checksum",
    "publish",
    "temporary_file",
    "write_error",
    "write_parquet",
    "write_text",
]
