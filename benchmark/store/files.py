"""Atomic writing of files: a reader sees the old or the new one, never a part of it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..console.errors import ApprehendError

TEMPORARY = ".tmp-"
"""Prefix of files that are being written, or that a killed process left."""


def write_error(path: Path, error: OSError) -> ApprehendError:
    """Return the error for a file that cannot be written: no space, no permission, no folder."""
    reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
    return ApprehendError(f"cannot write {path}: {reason}; what was stored before is untouched")


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Create a temporary file beside ``target``, deleted after the block unless published.

    Raises ApprehendError if the folder cannot be written.
    """
    folder, suffix = target.parent, target.suffix
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = _new_file(folder, suffix)
    except OSError as error:
        raise write_error(target, error) from error
    try:
        yield temporary
    except OSError as error:
        raise write_error(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)
    _sync(folder)


def _new_file(folder: Path, suffix: str) -> tuple[int, Path]:
    """Create a temporary file and a locked handle to it.

    The lock marks the file as in use until the handle is closed or the process ends.
    """
    while True:
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=suffix, dir=folder)
        _lock(handle, wait=True)
        if (file := Path(name)).exists():
            return handle, file
        os.close(handle)  # deleted as a leftover just before it was locked


def _lock(handle: int, wait: bool) -> bool:
    """Lock an open file, and return whether it could be locked."""
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held by another process, or a file system without locks
        return False
    return True


def clear_leftovers(folder: Path) -> None:
    """Delete temporary files whose process has ended."""
    for file in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            handle = os.open(file, os.O_RDWR)
            try:
                if _lock(handle, wait=False):
                    file.unlink()
            finally:
                os.close(handle)


def publish(temporary: Path, path: Path) -> None:
    """Flush a finished file to the disk and move it into place."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.chmod(0o644)
    temporary.replace(path)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and move it there when the block succeeds.

    Raises ApprehendError if the folder cannot be written.
    """
    with temporary_file(path) as temporary:
        yield temporary
        publish(temporary, path)


def _sync(folder: Path) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


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
