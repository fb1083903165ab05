from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypedDict

from .api.task import Task

class Loaded(TypedDict):
    tasks: dict[str, Task]

class Entry:
    kind: Enum
    cfg: dict[str, Any] | None
    tags: set[str]

class TaskManager:
    all_tasks: list[str]
    task_index: dict[str, Entry]
    def __init__(
        self,
        include_path: Sequence[str] | None = ...,
        include_defaults: bool = ...,
        metadata: Mapping[str, object] | None = ...,
    ) -> None: ...
    def load(self, names: Sequence[str]) -> Loaded: ...
