"""A lock on a store, so that there is one writer at a time; it ends with its process.

The operating system holds the lock, so that a killed process leaves none behind; the file beside
it only names the holder. Network file systems need working ``flock`` (NFS 4, Lustre with
``-o flock``).
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from ..console.errors import ApprehendError
from .files import write_text

LOCK, HOLDER = ".lock", ".writer.json"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock ``folder`` for writing. Raises ApprehendError, naming the holder, if it is locked."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise ApprehendError(
            f"{folder} is being written by {_holder(folder)}; wait until it ends, or use another "
            "--output_path"
        ) from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ApprehendError(f"cannot write to {folder}: {reason}") from error
    try:
        _sign(folder)
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def _sign(folder: Path) -> None:
    since = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    holder = {"pid": os.getpid(), "host": platform.node(), "since": since}
    write_text(folder / HOLDER, json.dumps(holder) + "\n")


def _holder(folder: Path) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        holder = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"
    return "another process"
