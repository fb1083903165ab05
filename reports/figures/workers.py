"""Processes that draw for a run, and end when it ends, whatever ends it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import joblib

MOST = 8
"""Processes at most: each holds some 150 MB, and more of them would wait for the one that gives
out the work."""
_WATCH_SECONDS = 0.2


def end_with(parent: int) -> None:
    """Have this process end as soon as its parent is no longer the process ``parent``.

    A parent that was killed with SIGKILL cannot tell its children, and a child that waits for work
    would wait for ever: it holds the writing end of its own queue. So a thread watches. (Linux's
    parent-death signal would come when the *thread* ends that started the child.)
    """
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def in_processes(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """What ``function`` gives for the arguments of each call, in their order, by all processors.

    ``LOKY_MAX_CPU_COUNT`` in the environment sets how many; with 1 nothing is started.
    """
    wanted = list(calls)
    results: Iterator[Any] = joblib.Parallel(
        n_jobs=min(joblib.cpu_count(), len(wanted), MOST) or 1,
        batch_size=1,
        max_nbytes=None,
        return_as="generator",
        initializer=end_with,
        initargs=(os.getpid(),),
    )(joblib.delayed(function)(*call) for call in wanted)
    yield from results
