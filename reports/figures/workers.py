"""Worker processes that terminate with their parent, even if it is killed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import joblib

MOST = 8
"""Largest number of processes: each needs 150 MB, and more would wait for the dispatcher."""
_WATCH_SECONDS = 0.2


def end_with(parent: int) -> None:
    """Terminate this process as soon as its parent is no longer the process ``parent``.

    A parent killed by SIGKILL cannot notify its children, and a child that waits for work would
    wait forever, since it holds the write end of its own queue. A thread therefore polls the
    parent. (Linux's parent-death signal fires when the *thread* that started the child ends.)
    """
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def in_processes(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield the results of ``function`` for the arguments of each call, in order, in parallel.

    The environment variable ``LOKY_MAX_CPU_COUNT`` limits the number of processes; with 1, no
    process is started.
    """
    arguments = list(calls)
    results: Iterator[Any] = joblib.Parallel(
        n_jobs=min(joblib.cpu_count(), len(arguments), MOST) or 1,
        batch_size=1,
        max_nbytes=None,
        return_as="generator",
        initializer=end_with,
        initargs=(os.getpid(),),
    )(joblib.delayed(function)(*call) for call in arguments)
    yield from results
