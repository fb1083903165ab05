"""Writing files so that a reader sees the old one or the new one, never half of one."""

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
"""How names of files begin that are being written, or that a killed process left."""


def write_error(path: Path, error: OSError) -> ApprehendError:
    """The error for a file that cannot be written: no space, no permission, no such folder."""
    reason = os.strerror(error.errno) if error.errno else str(error).splitlines()[0]
    return ApprehendError(f"cannot write {path}: {reason}; what was stored before is untouched")


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """A new file beside ``target``; gone when the block ends if it is not published till then.

    Raises ApprehendError where the folder cannot be written.
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
    """A temporary file, and a handle whose lock says, until it is closed or its process ends, that
    somebody is writing it."""
    while True:
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=suffix, dir=folder)
        _lock(handle, wait=True)
        if (file := Path(name)).exists():
            return handle, file
        os.close(handle)  # taken for a leftover in the moment before it was locked


def _lock(handle: int, wait: bool) -> bool:
    """Lock an open file; gives whether it could be locked."""
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
    """Move a finished file into its place, after its bytes are on the disk."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.chmod(0o644)
    temporary.replace(path)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, moved onto it when the block ends without error.

    Raises ApprehendError where the folder cannot be written.
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
    """SHA-256 of a file's bytes, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
