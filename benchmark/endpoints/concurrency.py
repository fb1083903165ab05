"""Concurrent work on many items, in threads that do not block the exit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Done(Generic[ItemT, ResultT]):
    """An item and its outcome: a result, or the error that was raised."""

    item: ItemT
    result: ResultT | None
    error: Exception | None

    def get(self) -> ResultT:
        """Return the result. Raises the error that came in its place."""
        if self.error is not None:
            raise self.error
        return cast(ResultT, self.result)


def as_completed(
    work: Callable[[ItemT], ResultT], items: Sequence[ItemT], workers: int
) -> Iterator[Done[ItemT, ResultT]]:
    """Apply ``work`` to every item in ``workers`` threads and yield outcomes as they complete.

    After the generator is closed or interrupted, no further item is started.
    """
    waiting: queue.SimpleQueue[ItemT] = queue.SimpleQueue()
    finished: queue.SimpleQueue[Done[ItemT, ResultT]] = queue.SimpleQueue()
    stopped = threading.Event()
    for item in items:
        waiting.put(item)

    def serve() -> None:
        while not stopped.is_set():
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                finished.put(Done(item, work(item), None))
            except Exception as error:
                finished.put(Done(item, None, error))

    # Daemons: a request in flight does not keep a stopped program from ending.
    for _ in range(min(workers, len(items))):
        threading.Thread(target=serve, daemon=True).start()
    try:
        for _ in items:
            yield finished.get()
    finally:
        stopped.set()
