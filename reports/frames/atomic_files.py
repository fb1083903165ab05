"""Writing files so that a reader sees the old one or the new one, never half of one.

A file is written beside its place and then moved into it. While its process lives, a lock on a file
next to it says that somebody is writing it; what a killed process leaves has no such lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

TEMPORARY = ".tmp-"
"""How names of files begin that are being written, or that a killed process left."""
_LOCK = ".lock"


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """An empty new file beside ``target``; gone when the block ends unless it was published.

    Folders are made. Raises OSError where the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary, lock = _new_file(target)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        _end(lock)


def _new_file(target: Path) -> tuple[Path, FileLock]:
    while True:
        temporary = target.with_name(f"{TEMPORARY}{uuid.uuid4().hex}{target.suffix}")
        lock = FileLock(_lock_file(temporary))
        # A lock file that is gone was taken for a leftover in the moment before it was locked.
        if not _acquire(lock) or _lock_file(temporary).exists():
            temporary.touch(exist_ok=False)
            return temporary, lock
        lock.release()


def _acquire(lock: FileLock) -> bool:
    """Take a lock; False on a file system that has none. Raises Timeout where it is held."""
    try:
        lock.acquire()
    except NotImplementedError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
            raise
        return False
    return True


def _lock_file(temporary: Path) -> Path:
    return temporary.with_name(temporary.name + _LOCK)


def _end(lock: FileLock) -> None:
    """Release a lock and delete its file: while it is held where the system allows that, because
    from then on another process could hold it."""
    file = Path(lock.lock_file)
    try:
        file.unlink(missing_ok=True)
    except OSError:  # Windows: only closed files can be deleted, and only files nobody has open
        lock.release()
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
    else:
        lock.release()


def clear_leftovers(folder: Path) -> None:
    """Delete the temporary files in a folder whose process has ended."""
    names = {file.name.removesuffix(_LOCK) for file in folder.glob(f"{TEMPORARY}*")}
    for temporary in (folder / name for name in sorted(names)):
        lock = FileLock(_lock_file(temporary), timeout=0)
        with contextlib.suppress(OSError, Timeout):  # Timeout: somebody is writing it
            if _acquire(lock):  # else nobody can say whether its process has ended
                temporary.unlink(missing_ok=True)
            _end(lock)


def publish(temporary: Path, path: Path) -> None:
    """Move a finished file into its place in the same folder, after its bytes are on the disk."""
    with temporary.open("r+b") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    with contextlib.suppress(OSError):  # Windows opens no folders
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_atomically(path: Path, content: bytes | str) -> Path:
    """Write a file whole or not at all, and give its path; text becomes UTF-8.

    It does not wait for the disk (`publish` does): what can be made again from stored results need
    not outlive a power cut, and a report has hundreds of files.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with temporary_file(path) as temporary:
        temporary.write_bytes(data)
        temporary.replace(path)
    return path
