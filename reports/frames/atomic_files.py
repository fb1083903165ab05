"""Atomic file writes: a reader sees either the old file or the new one, never a partial one.

A file is written under a temporary name in the same folder and then renamed. The writing process
holds a lock on a file beside it, so that leftovers of killed processes can be told from files in
progress.
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
"""Prefix of temporary files: in progress, or left behind by a killed process."""
_LOCK = ".lock"


@contextlib.contextmanager
def temporary_file(target: Path) -> Iterator[Path]:
    """Create an empty file beside ``target``, deleted at the end of the block unless published.

    Parent folders are created. Raises OSError where the folder is not writable.
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
        # `clear_leftovers` may have deleted the lock file just before it was locked: try again.
        if not _acquire(lock) or _lock_file(temporary).exists():
            temporary.touch(exist_ok=False)
            return temporary, lock
        lock.release()


def _acquire(lock: FileLock) -> bool:
    """Acquire a lock; False on a file system without locks. Raises Timeout where it is held."""
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
    """Release a lock and delete its file, where possible while the lock is still held: afterwards
    another process may have acquired it."""
    file = Path(lock.lock_file)
    try:
        file.unlink(missing_ok=True)
    except OSError:  # Windows deletes no file that a process has open
        lock.release()
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
    else:
        lock.release()


def clear_leftovers(folder: Path) -> None:
    """Delete the temporary files of processes that have ended from a folder."""
    names = {file.name.removesuffix(_LOCK) for file in folder.glob(f"{TEMPORARY}*")}
    for temporary in (folder / name for name in sorted(names)):
        lock = FileLock(_lock_file(temporary), timeout=0)
        with contextlib.suppress(OSError, Timeout):  # Timeout: in progress
            if _acquire(lock):  # without locks, whether its process still runs is unknown
                temporary.unlink(missing_ok=True)
            _end(lock)


def publish(temporary: Path, path: Path) -> None:
    """Flush a finished file to disk and rename it to its place in the same folder."""
    with temporary.open("r+b") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    with contextlib.suppress(OSError):  # Windows cannot open folders
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_atomically(path: Path, content: bytes | str) -> Path:
    """Write a file atomically, text as UTF-8, and return its path.

    Unlike `publish` it does not flush to disk: a report has hundreds of files, and all can be
    rebuilt from stored results after a power failure.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with temporary_file(path) as temporary:
        temporary.write_bytes(data)
        temporary.replace(path)
    return path
